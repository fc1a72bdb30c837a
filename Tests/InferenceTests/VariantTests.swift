import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import OrderedCollections
import Rotary
import TestSupport
import Testing

/// Variants of architectures the numpy oracle does not reach, against `Golden/variants.py`:
/// half-split and partial pairs, value biases, latent attention, llama3, dynamic and LongRoPE, soft
/// caps and multipliers.
@Suite struct VariantTests {
  @Test func variantsEqualTheIndependentReference() throws {
    let golden = References.file("Tests/InferenceTests/Golden/variants.golden.json")
    let rows = try #require(try JSONValue.read(contentsOf: golden).array)
    try #require(rows.count > 20)
    for row in rows {
      let name = try #require(row["folder"]?.string)
      guard let folder = try References.shared("parity/\(name)") else { return }
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      let model = try Model(opening: prepared(folder, row, in: work))
      let ids = try inputs(folder)
      let evaluation = PerplexityEvaluation(
        windows: WindowPlan(context: ids.count, scored: .all),
        rotary: RotaryRequest(
          sites: try RotarySites(parsing: try #require(row["sites"]?.string)),
          valuePairs: row["value_pairs"]?.int), threads: 2)
      let nll = try evaluation.run(model, on: TokenizedText(name: "ids", tokens: ids))
        .meanNegativeLogLikelihood
      let expected = try #require(row["nll"]?.double)
      #expect(abs(nll - expected) <= 2e-5, "\(row.serialized(pretty: false)): \(nll)")
    }
  }

  /// What a conversion of scalings that follow the length writes, against the same reference.
  @Test func convertedValuesFollowTheScaling() throws {
    let golden = References.file("Tests/InferenceTests/Golden/variants.golden.json")
    let rows = try #require(try JSONValue.read(contentsOf: golden).array).filter {
      let method = $0["rope_parameters"]?["rope_type"]?.string
      return (method == "dynamic" || method == "longrope") && $0["sites"]?.string != "qk"
    }
    try #require(rows.count >= 3)
    for row in rows {
      let name = try #require(row["folder"]?.string)
      guard let folder = try References.shared("parity/\(name)") else { return }
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      try FileManager.default.createDirectory(
        atPath: "\(work)/source", withIntermediateDirectories: false)
      let source = try Model(opening: prepared(folder, row, in: "\(work)/source"))
      let sites = try RotarySites(parsing: try #require(row["sites"]?.string))
      let ids = try inputs(folder)
      for output in ["v.gguf", "v/"] {
        _ = try ConversionPlan(
          source.plan, ConversionRequest(sites: sites, output: "\(work)/\(output)")
        ).write(version: "test")
        let nll = try PerplexityEvaluation(
          windows: WindowPlan(context: ids.count, scored: .all), threads: 2
        ).run(
          Model(opening: "\(work)/\(output)"), on: TokenizedText(name: "ids", tokens: ids)
        ).meanNegativeLogLikelihood
        let expected = try #require(row["nll"]?.double)
        #expect(abs(nll - expected) <= 2e-5, "\(row.serialized(pretty: false)) \(output): \(nll)")
      }
    }
  }

  /// The folder with other rotary parameters or other facts, where a row asks for them.
  private func prepared(_ folder: String, _ row: JSONValue, in work: String) throws -> String {
    guard row["rope_parameters"]?.object != nil || row["config"]?.object != nil else {
      return folder
    }
    var fields = try #require(try JSONValue.read(contentsOf: "\(folder)/config.json").object)
    if let rope = row["rope_parameters"], rope != .null {
      fields["rope_parameters"] = rope
      if let context = rope["context"] { fields["max_position_embeddings"] = context }
    }
    for (key, value) in row["config"]?.object ?? [:] { fields[key] = value }
    try JSONValue.object(fields).serialized(pretty: true)
      .write(toFile: "\(work)/config.json", atomically: true, encoding: .utf8)
    try FileManager.default.copyItem(
      atPath: "\(folder)/model.safetensors", toPath: "\(work)/model.safetensors")
    return work
  }

  /// The first row of the golden inputs.
  private func inputs(_ folder: String) throws -> [Int32] {
    let tensor = try #require(
      try Checkpoint.open("\(folder)/golden.safetensors").tensors["input_ids"])
    return tensor.withBytes { bytes in
      (0..<tensor.shape[1]).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    }
  }

  /// One count for all layers and a list of equal counts are the same; a list differs by layer.
  @Test func pairCountsMayDifferByLayer() throws {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    let tokens = (0..<64).map { Int32(($0 * 31 + 7) % model.plan.shape.vocabulary) }
    let layers = model.plan.shape.layers
    func logits(_ request: RotaryRequest) throws -> [Float] {
      try model.logits(tokens, rotary: request)
    }
    let uniform = try logits(RotaryRequest(sites: .all, valuePairs: 5))
    let listed = try logits(
      RotaryRequest(sites: .all, valuePairsByLayer: [Int](repeating: 5, count: layers)))
    #expect(uniform == listed)
    let none = try logits(
      RotaryRequest(sites: .all, valuePairsByLayer: [Int](repeating: 0, count: layers)))
    #expect(try none == logits(RotaryRequest(sites: .scores)))
    #expect(throws: RotaryError.self) {
      try logits(RotaryRequest(sites: .all, valuePairsByLayer: [1]))
    }
  }
}
