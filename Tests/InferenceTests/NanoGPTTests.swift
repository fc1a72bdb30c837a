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

/// Checkpoints of nanoGPT, and flags of training scripts. Golden/nanogpt.py made the checkpoints and
/// their logits with torch.
@Suite struct NanoGPTTests {
  private func folder(_ name: String) -> String {
    References.file("Tests/InferenceTests/Golden/nanogpt/\(name)")
  }

  private func golden(_ name: String) throws -> (ids: [Int32], logits: [Double]) {
    let json = try JSONValue.read(contentsOf: "\(folder(name))/logits.json")
    let ids = try #require(json["ids"]?.array).compactMap { $0.int.map { Int32($0) } }
    return (ids, try #require(json["logits"]?.array).compactMap(\.double))
  }

  private func distance(_ model: Model, _ name: String) throws -> Double {
    let golden = try golden(name)
    let logits = try model.logits(golden.ids, threads: 2)
    try #require(logits.count == golden.logits.count)
    return zip(logits, golden.logits).map { abs(Double($0) - $1) }.max() ?? .infinity
  }

  @Test(arguments: [
    ("learned", RotarySites.none), ("rope", .scores), ("rove", .all),
  ])
  func logitsAreThoseOfTorch(_ name: String, _ sites: RotarySites) throws {
    let model = try Model(opening: folder(name))
    #expect(model.plan.rotary.sites == sites)
    #expect(try distance(model, name) < 1e-5)
    // And after a conversion to either container.
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for output in ["\(work)/model.gguf", "\(work)/folder/"] {
      _ = try ConversionPlan(
        model.plan, ConversionRequest(sites: sites, output: output)
      ).write(version: "test")
      let written = try Model(opening: output)
      #expect(written.plan.rotary.sites == sites)
      #expect(try distance(written, name) < 1e-5, "\(output)")
    }
  }

  /// Flags and the object of a converted file mean the same beside any architecture.
  @Test func flagsBesideAnotherArchitecture() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let lantern = try Model(opening: References.file("fixtures/lantern.gguf"))
    _ = try ConversionPlan(
      lantern.plan, ConversionRequest(sites: .all, output: "\(work)/rove/")
    ).write(version: "test")
    let ids: [Int32] = [5, 9, 200, 31, 7, 7, 100, 3]
    let expected = try lantern.logits(ids, rotary: RotaryRequest(sites: .all))
    var configuration = try JSONValue.read(contentsOf: "\(work)/rove/config.json").object ?? [:]
    func logits(_ fields: [String: JSONValue], without key: String? = nil) throws -> [Float] {
      if let key { configuration[key] = nil }
      for (key, value) in fields { configuration[key] = value }
      try Data(JSONValue.object(configuration).serialized(pretty: true).utf8)
        .write(to: URL(fileURLWithPath: "\(work)/rove/config.json"))
      return try Model(opening: "\(work)/rove").logits(ids)
    }
    func same(_ one: [Float], _ other: [Float]) -> Bool {
      one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) < 1e-4 }
    }
    #expect(same(try logits([:]), expected))
    #expect(same(try logits(["model_type": "llama"]), expected))
    // Without the declaration values lie as the scores of this container do: in halves.
    #expect(same(try logits(["rove": false], without: "rotary"), try lantern.logits(ids)))
    let halves = try Model(opening: "\(work)/rove")
      .logits(ids, rotary: RotaryRequest(sites: RotarySites.all))
    #expect(same(try logits(["rove": true]), halves))
    #expect(!same(halves, expected))
    #expect(same(try logits(["rove": false, "rope": true, "vo_rope": true]), halves))
    configuration["vo_rope"] = nil
    let still = try lantern.logits(ids, rotary: RotaryRequest(sites: RotarySites.none))
    #expect(same(try logits(["rope": false]), still))
    #expect(!same(still, expected))
    #expect(throws: ModelError.self) { try logits(["rove": "yes"]) }
  }
}
