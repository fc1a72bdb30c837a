import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Rotary
import TestSupport
import Testing

/// Models whose layers differ from each other, as their own lists say, against transformers
/// (`Golden/layers.py`) and through GGUF and back.
@Suite struct LayerKindTests {
  struct Case {
    let name: String
    let changes: [String: JSONValue]
    let nll: Double
  }

  private static func cases() throws -> [Case] {
    let golden = References.file("Tests/InferenceTests/Golden/layers.golden.json")
    return try #require(try JSONValue.read(contentsOf: golden).array).map { row in
      Case(
        name: try #require(row["folder"]?.string),
        changes: Dictionary(
          uniqueKeysWithValues: try #require(row["config"]?.object).map { ($0.key, $0.value) }),
        nll: try #require(row["nll"]?.double))
    }
  }

  /// A parity folder with other members in its config.json.
  private func prepare(_ row: Case, from folder: String, in work: String) throws -> String {
    var fields = try #require(try JSONValue.read(contentsOf: "\(folder)/config.json").object)
    for (key, value) in row.changes { fields[key] = value }
    let path = "\(work)/source"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try JSONValue.object(fields).serialized(pretty: true)
      .write(toFile: "\(path)/config.json", atomically: true, encoding: .utf8)
    try FileManager.default.copyItem(
      atPath: "\(folder)/model.safetensors", toPath: "\(path)/model.safetensors")
    return path
  }

  private func nll(_ path: String, _ ids: [Int32]) throws -> Double {
    try PerplexityEvaluation(
      windows: WindowPlan(context: ids.count, scored: .all), threads: 2
    ).run(Model(opening: path), on: TokenizedText(name: "ids", tokens: ids))
      .meanNegativeLogLikelihood
  }

  /// What GGUF cannot say, by the words of the refusal.
  private func refusal(_ row: Case) -> String? {
    if row.changes["no_rope_layers"]?.array != nil { return "without rotation in layers 0, 3" }
    if row.changes["no_rope_layer_interval"] != nil { return "without rotation in layers 1, 3" }
    if row.changes["final_logit_softcapping"] == .null { return "'final_logit_softcapping'" }
    return nil
  }

  @Test func layersAreThoseOfTheCheckpoint() throws {
    let cases = try Self.cases()
    try #require(cases.count == 16)
    for row in cases {
      guard let folder = try References.shared("parity/\(row.name)") else { return }
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      let ids = try ParityTests.Golden(folder: folder).rows[0]
      let source = try prepare(row, from: folder, in: work)
      let what = Comment(rawValue: "\(row.name) \(row.changes.keys.sorted())")
      let ours = try nll(source, ids)
      #expect(abs(ours - row.nll) <= 5e-6, what)

      let plan = try Model(opening: source).plan
      func convert(_ plan: ModelPlan, _ output: String) throws {
        _ = try ConversionPlan(plan, ConversionRequest(sites: nil, output: output)).write(
          version: "test")
      }
      let path = "\(work)/model.gguf"
      if let words = refusal(row) {
        let error = #expect(throws: ModelError.self, what) { try convert(plan, path) }
        #expect(error?.summary.contains(words) == true, "\(error?.summary ?? "")")
        continue
      }
      try convert(plan, path)
      #expect(try abs(nll(path, ids) - ours) <= 5e-6, what)
      try convert(Model(opening: path).plan, "\(work)/back/")
      #expect(try abs(nll("\(work)/back", ids) - ours) <= 5e-6, what)
      let back = try Model(opening: "\(work)/back").plan
      #expect(back.rotary.unrotatedLayers == plan.rotary.unrotatedLayers, what)
      #expect(
        back.layers.map(\.recipe.attention?.window) == plan.layers.map(\.recipe.attention?.window),
        what)
    }
  }

  @Test func temperatureFollowsThePosition() {
    let temperature = AttentionTemperature(strength: 0.1, period: 16)
    #expect(temperature.factor(position: 15) == 1)
    #expect(abs(temperature.factor(position: 16) - 1.069314718) < 1e-9)
    #expect(abs(temperature.factor(position: 47) - 1.109861229) < 1e-9)
  }

  /// Growing one token at a time gives what whole passes give, across steps of the temperature.
  @Test func temperatureOfCachedSequences() throws {
    let row = try #require(try Self.cases().first { $0.name == "ministral3" })
    guard let folder = try References.shared("parity/ministral3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let ids = try ParityTests.Golden(folder: folder).rows[0]
    let model = try Model(opening: prepare(row, from: folder, in: work))
    try #require(model.plan.layers[0].recipe.attention?.temperature?.period == 16)
    let prompts = [Array(ids[..<11]), Array(ids[20..<65])]
    let decoder = TokenGenerator(ForwardPass(plan: model.plan, threads: 2))
    for (prompt, found) in zip(prompts, try decoder.generate(prompts, maximum: 8)) {
      var tokens = prompt
      for token in found {
        let last = try model.logits(tokens).suffix(model.plan.shape.vocabulary)
        let top = try #require(last.max())
        #expect(last[last.startIndex + Int(token)] >= top - 1e-5)
        tokens.append(token)
      }
    }
  }

  /// Layers without positions stay so in each of the sixteen variants: scored as if, and converted.
  @Test(arguments: ["smollm3", "cohere2", "exaone4"])
  func noVariantReachesLayersWithoutPositions(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let ids = try ParityTests.Golden(folder: folder).rows[0]
    let source = try Model(opening: folder)
    #expect(source.plan.rotary.unrotatedLayers == [3])
    for sites in (0..<16).map(RotarySites.init(rawValue:)) {
      let asIf = try source.logits(ids, rotary: RotaryRequest(sites: sites))
      for output in ["\(work)/\(sites.name).gguf", "\(work)/\(sites.name)/"] {
        let plan = try ConversionPlan(
          source.plan, ConversionRequest(sites: sites, output: output))
        _ = try plan.write(version: "test")
        #expect(plan.target.layers[3] == source.plan.rotary.layers[3])
        let converted = try Model(opening: output)
        #expect(converted.plan.rotary.unrotatedLayers == [3])
        #expect(converted.plan.rotary.sites == sites)
        let largest = try zip(asIf, converted.logits(ids)).map { abs($0 - $1) }.max()
        // Rows of queries and keys are in another order in GGUF, so that sums round otherwise.
        #expect(try #require(largest) <= 2e-5, "\(name) \(output)")
        if sites.rotatesMessage {
          let table = try #require(converted.plan.rotary.valueTable)
          #expect(table.turning[3] == 0 && table.turning[0] > 0)
          #expect(converted.plan.rotary.layers[3].value == nil)
        }
      }
    }
  }
}
