import Base
import Checkpoints
import Evaluation
import Foundation
import Models
import Rotary
import TestSupport
import Testing

/// Models that were trained with other sites than queries and keys, against PyTorch's numbers
/// (`fixtures/training/variants/evaluate.py`).
@Suite struct TrainedVariantTests {
  private static let folder = References.file("fixtures/variants")

  private static func golden() throws -> (
    text: String, context: Int, perplexities: [String: Double]
  ) {
    let json = try JSONValue.read(contentsOf: "\(folder)/golden.json")
    var perplexities: [String: Double] = [:]
    for (name, value) in json["perplexity"]?.object ?? [:] { perplexities[name] = value.double }
    return (
      "\(folder)/\(try #require(json["text"]?.string))", try #require(json["ctx"]?.int),
      perplexities
    )
  }

  private static func perplexity(
    _ model: Model, _ text: String, context: Int, as request: RotaryRequest = .asStored
  ) throws -> Double {
    try PerplexityEvaluation(
      windows: WindowPlan(context: context), rotary: request, threads: 2
    ).run(model, on: TokenizedText(.text(path: text), for: model)).perplexity
  }

  @Test func perplexitiesAreThoseOfPyTorch() throws {
    let (text, context, perplexities) = try Self.golden()
    #expect(perplexities.count == 11)
    var sites: Set<String> = []
    for (name, expected) in perplexities.sorted(by: { $0.key < $1.key }) {
      let model = try Model(opening: "\(Self.folder)/\(name)")
      sites.insert(model.plan.rotary.sites.code)
      let found = try Self.perplexity(model, text, context: context)
      print("trained \(name): \(found) (PyTorch \(expected))")
      #expect(abs(found / expected - 1) <= 1e-4, "\(name)")
    }
    #expect(sites == ["", "qk", "vo", "qkvo", "k", "qkv", "q", "v", "o"])
  }

  /// One vector a token is key and value: as many numbers as two groups' keys and values, or a latent
  /// vector and its rotated part.
  @Test(arguments: ["qk", "shared", "latent"]) func asMuchIsKept(_ name: String) throws {
    let plan = try Model(opening: "\(Self.folder)/\(name).gguf").plan
    for layer in plan.layers {
      let attention = try #require(layer.recipe.attention)
      #expect((attention.absorbed ?? attention).keptNumbers == 128)
    }
  }

  /// A checkpoint trained with all four sites needs them all.
  @Test func theTrainedSitesAreTheBest() throws {
    let (text, context, _) = try Self.golden()
    let model = try Model(opening: "\(Self.folder)/qkvo.gguf")
    let trained = try Self.perplexity(model, text, context: context)
    for sites in [RotarySites.scores, .message, .none] {
      let other = try Self.perplexity(model, text, context: context, as: .init(sites: sites))
      #expect(other > 1.1 * trained, "\(sites.code)")
    }
  }

  @Test(arguments: ["qk", "qkvo"]) func codesAreFoundWithinTheTrainedLength(_ sites: String) throws
  {
    let model = try Model(opening: "\(Self.folder)/\(sites).gguf")
    let file = "\(Self.folder)/valley.needle.json"
    let template = try NeedleTemplate(
      JSONValue.parse(TokenizedText.read(file), file: file), file: file)
    let evaluation = NeedleEvaluation(template: template, lengths: [64, 128, 256], trials: 20)
    let result = try evaluation.run(
      model, in: Haystack(path: "\(Self.folder)/valley.haystack.txt"))
    print("trained \(sites): needles \(result.accuracy)")
    #expect(result.accuracy >= 0.95)
  }
}
