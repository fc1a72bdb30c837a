import ArgumentParser

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Score models: perplexity, retrieval, comparison.",
    discussion: """
      Example: ropeconv eval perplexity model.gguf --text wiki.test.txt
               ropeconv eval needle model.gguf --haystack essays/ --lengths 512,1024
               ropeconv eval compare model.gguf model.rove.gguf --text wiki.test.txt
      """,
    subcommands: [
      EvaluatePerplexity.self, EvaluateNeedle.self, EvaluateRuler.self, EvaluateCompare.self,
      EvaluateInContext.self,
      EvaluateMerge.self,
    ])
}
