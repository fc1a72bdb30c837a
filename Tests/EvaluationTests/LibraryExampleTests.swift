// swift-format-ignore-file
import Foundation
import TestSupport
import Testing

// README's example begins here.
import Evaluation
import Rotary

func perplexities(of path: String, on text: String) throws -> [String: Double] {
  let model = try Model(opening: path)
  let tokens = try TokenizedText(.text(path: text), for: model)
  var result: [String: Double] = [:]
  for sites in [RotarySites.scores, .message, .all] {
    let evaluation = PerplexityEvaluation(
      windows: WindowPlan(context: 512, limit: 4), rotary: RotaryRequest(sites: sites), threads: 2)
    result[sites.name] = try evaluation.run(model, on: tokens).perplexity
  }
  return result
}
// README's example ends here.

@Suite struct LibraryExampleTests {
  @Test func theExampleRunsAndStandsInREADME() throws {
    let values = try perplexities(
      of: References.file("fixtures/lantern.gguf"), on: References.file("fixtures/lantern.txt"))
    #expect(Set(values.keys) == ["qk", "vo", "qkvo"])
    #expect(try #require(values["qk"]) < (try #require(values["vo"])))

    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let example = try #require(
      source.components(separatedBy: "begins here.\n").dropFirst().first?
        .components(separatedBy: "// README's").first)
    let readme = try String(contentsOfFile: References.file("README.md"), encoding: .utf8)
    #expect(readme.contains(example))
  }
}
