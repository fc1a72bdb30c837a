import Base
import Foundation
import TestSupport
import Testing

/// Files of a plan: no step writes over what any step reads, nor over what another one writes.
@Suite struct PlanFileTests: CommandSuite {
  private static let perplexity = "eval: perplexity, ctx: 16, chunks: 1"

  /// Plans of which a step would replace a file, and what the error names.
  static let conflicts: [(plan: String, words: [String])] = [
    // What a conversion makes over a model of the plan, which no step need read.
    (
      "models: {a: m.gguf, old: results/models/b.gguf}\nconversions: {b: {model: a, to: qkvo}}",
      ["the step b (the model it makes)", "models.old"]
    ),
    // What a step was begun from over its text.
    (
      "evaluations: [{\(perplexity), text: results/perplexity-1.a.begun}]",
      ["the step perplexity-1.a (begun)", "the step perplexity-1.a (text)"]
    ),
    (
      "evaluations: [{eval: requests, requests: q.jsonl, output: plan.yaml}]",
      ["the step requests-1.a (output)", "the plan"]
    ),
    // Through `..`, a link of a folder and a hard link.
    (
      """
      evaluations:
        - {eval: requests, requests: q.jsonl, output: results/../t.txt}
        - {\(perplexity), text: t.txt}
      """, ["the step requests-1.a (output)", "the step perplexity-2.a (text)"]
    ),
    (
      "evaluations: [{eval: requests, requests: q.jsonl, output: around/q.jsonl}]",
      ["(output)", "(requests)"]
    ),
    (
      "evaluations: [{\(perplexity), text: t.txt, junit: hard}]", ["(junit)", "(text)"]
    ),
    // Over what a conversion makes, and over another step's result.
    (
      """
      conversions: {x: {model: a, to: qkvo}}
      evaluations: [{eval: requests, requests: q.jsonl, models: [a], output: results/models/x.gguf}]
      """, ["the step requests-1.a (output)", "the step x (the model it makes)"]
    ),
    (
      """
      evaluations:
        - {\(perplexity), text: t.txt, junit: around/results/perplexity-2.a.json}
        - {\(perplexity), text: t.txt}
      """, ["the step perplexity-2.a (json)", "the step perplexity-1.a (junit)"]
    ),
    // Two models of one evaluation.
    (
      """
      conversions: {x: {model: a, to: qkvo}}
      evaluations: [{eval: requests, requests: q.jsonl, output: o.jsonl}]
      """, ["the step requests-1.x (output)", "the step requests-1.a (output)"]
    ),
    // A file that is not there yet, in a folder that is read.
    (
      """
      evaluations:
        - {eval: needle, haystack: hay, lengths: [64], trials: 1, svg: hay/more.txt}
      """, ["(svg)", "(haystack)"]
    ),
    (
      "evaluations: [{eval: needle, template: n.json, lengths: [64], trials: 1, svg: hay/one.txt}]",
      ["(svg)", "haystack of its template"]
    ),
  ]

  @Test(arguments: conflicts.indices) func nothingIsWrittenOver(index: Int) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = FileManager.default
    for path in ["hay", "results/models"] {
      try files.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
    }
    for path in ["m.gguf", "results/models/b.gguf"] {
      try files.copyItem(atPath: Self.model, toPath: "\(folder)/\(path)")
    }
    for path in ["t.txt", "hay/one.txt", "results/perplexity-1.a.begun"] {
      try files.copyItem(atPath: Self.text, toPath: "\(folder)/\(path)")
    }
    try files.linkItem(atPath: "\(folder)/t.txt", toPath: "\(folder)/hard")
    try files.createSymbolicLink(atPath: "\(folder)/around", withDestinationPath: ".")
    try #"{"haystack": "hay"}"#.write(
      toFile: "\(folder)/n.json", atomically: true, encoding: .utf8)
    try #"{"type": "loglikelihood", "context": "a", "continuation": " b"}"#.write(
      toFile: "\(folder)/q.jsonl", atomically: true, encoding: .utf8)
    let (plan, words) = Self.conflicts[index]
    let text = (plan.hasPrefix("models:") ? "" : "models: {a: m.gguf}\n") + plan
    try text.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)

    func contents() -> [String: Data] {
      var found: [String: Data] = [:]
      for name in files.enumerator(atPath: folder)?.allObjects as? [String] ?? [] {
        found[name] = files.contents(atPath: "\(folder)/\(name)") ?? Data()
      }
      return found
    }
    let before = contents()
    for options in [["--dry-run"], []] {
      let finished = try runProgram(
        Self.program, ["run", "\(folder)/plan.yaml", "--threads", "1"] + options)
      expectFailure(finished, 65, containing: "plan.yaml")
      for word in words { #expect(finished.errors.contains(word), "\(finished.errors)") }
    }
    #expect(contents() == before)
  }

  /// With an output of its own each model has its answers, and likelihoods of single targets are
  /// written beside a result.
  @Test func outputsOfTheirOwn() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try """
    models: {a: "\(Self.model)"}
    conversions: {b: {model: a, to: qkvo}}
    evaluations:
      - {\(Self.perplexity), text: "\(Self.text)", models: [a], nll: a.npy}
      - {\(Self.perplexity), text: "\(Self.text)", models: [b], nll: b.npy}
    """.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    for outcome in ["done", "kept"] {
      let finished = try run("run", "\(folder)/plan.yaml", "--json", "--quiet")
      #expect(finished.status == 0, "\(finished.errors)")
      #expect(
        try json(finished)["steps"]?.array?.map { $0["outcome"]?.string }
          == [outcome, outcome, outcome])
    }
    // The targets at positions 9 to 15 of a chunk of 16, a float each behind a header of whole 64 bytes.
    for name in ["a", "b"] {
      let bytes = try #require(FileManager.default.contents(atPath: "\(folder)/\(name).npy"))
      #expect(bytes.suffix(28).count == 28 && (bytes.count - 28) % 64 == 0)
    }
  }
}
