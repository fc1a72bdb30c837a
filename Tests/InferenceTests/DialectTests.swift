import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import OrderedCollections
import Rotary
import TestSupport
import Testing

/// Rotations of other codes, each declared as formats/rotary.md says, against their published formulas
/// (`Golden/dialects.py`).
@Suite struct DialectTests {
  private struct Row {
    let name: String
    let members: OrderedDictionary<String, JSONValue>
    let nll: Double
  }

  private func rows() throws -> [Row] {
    let golden = References.file("Tests/InferenceTests/Golden/dialects.golden.json")
    return try #require(try JSONValue.read(contentsOf: golden).array).map {
      Row(
        name: try #require($0["name"]?.string), members: try #require($0["config"]?.object),
        nll: try #require($0["nll"]?.double))
    }
  }

  private func ids(_ folder: String) throws -> [Int32] {
    let tensor = try #require(
      try Checkpoint.open("\(folder)/golden.safetensors").tensors["input_ids"])
    return tensor.withBytes { bytes in
      (0..<tensor.shape[1]).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    }
  }

  private func nll(_ model: Model, _ ids: [Int32]) throws -> Double {
    try PerplexityEvaluation(windows: WindowPlan(context: ids.count, scored: .all), threads: 2)
      .run(model, on: TokenizedText(name: "ids", tokens: ids)).meanNegativeLogLikelihood
  }

  /// The llama of the parity folders with other members in config.json.
  private func folder(_ source: String, _ row: Row, at path: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var fields = try #require(try JSONValue.read(contentsOf: "\(source)/config.json").object)
    for (key, value) in row.members { fields[key] = value }
    try JSONValue.object(fields).serialized(pretty: true)
      .write(toFile: "\(path)/config.json", atomically: true, encoding: .utf8)
    try FileManager.default.copyItem(
      atPath: "\(source)/model.safetensors", toPath: "\(path)/model.safetensors")
    return path
  }

  @Test func dialectsEqualTheirPublishedFormulas() throws {
    guard let source = try References.shared("parity/llama") else { return }
    let ids = try ids(source)
    let plain = try nll(Model(opening: source), ids)
    let rows = try rows()
    try #require(rows.count == 9)
    for row in rows {
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      let model = try Model(opening: folder(source, row, at: "\(work)/source"))
      let sites = model.plan.rotary.sites
      #expect(abs(try nll(model, ids) - row.nll) <= 2e-5, "\(row.name)")
      #expect(abs(plain - row.nll) > 1e-3, "\(row.name)")
      // As declared, and turning the other way.
      for absorbed in [[], [AbsorptionIdentity.direction]] {
        var last = model
        for output in ["one-\(absorbed.count).gguf", "two-\(absorbed.count)/"] {
          let request = ConversionRequest(
            sites: nil, output: "\(work)/\(output)",
            absorb: last.plan.side == .huggingface ? absorbed : [])
          let wasBackward = last.plan.rotary.scores[0].direction == .backward
          let isTurned = !request.absorb.isEmpty
          _ = try ConversionPlan(last.plan, request).write(version: "test")
          last = try Model(opening: "\(work)/\(output)")
          #expect(last.plan.rotary.sites == sites)
          #expect(
            (last.plan.rotary.scores[0].direction == .backward) == (wasBackward != isTurned),
            "\(row.name) \(output)")
          #expect(abs(try nll(last, ids) - row.nll) <= 2e-5, "\(row.name) \(output)")
        }
      }
    }
  }

  /// Of a model that turns q and k backward, and nothing else, A7 makes a file that any reader loads.
  @Test func aChangeOfDirectionMakesAPlainFile() throws {
    guard let source = try References.shared("parity/llama") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let row = try #require(try rows().first { $0.name == "BlaGPT" })
    let model = try Model(opening: folder(source, row, at: "\(work)/source"))
    let path = "\(work)/plain.gguf"
    _ = try ConversionPlan(
      model.plan, ConversionRequest(sites: nil, output: path, absorb: [.direction])
    ).write(version: "test")
    let plain = try Model(opening: path)
    #expect(plain.checkpoint.metadata["general.architecture"]?.string == "llama")
    #expect(plain.checkpoint.metadata.keys.allSatisfy { !$0.hasPrefix("rotary.") })
    #expect(abs(try nll(plain, ids(source)) - row.nll) <= 2e-5)
    // Twice is once too often: it turns backward again, and says so.
    _ = try ConversionPlan(
      plain.plan, ConversionRequest(sites: nil, output: "\(work)/again.gguf", absorb: [.direction])
    ).write(version: "test")
    let again = try Model(opening: "\(work)/again.gguf")
    #expect(again.checkpoint.metadata["rotary.score.direction"]?.string == "backward")
    #expect(again.checkpoint.metadata["rotary.version"]?.int == 2)
    #expect(abs(try nll(again, ids(source)) - row.nll) <= 2e-5)
  }

  /// Frequencies of its own have no base that a scaling could change.
  @Test func statedFrequenciesAreDividedOrRefused() throws {
    guard let source = try References.shared("parity/llama") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let row = try #require(try rows().first { $0.name == "modded-nanogpt" })
    let model = try Model(opening: folder(source, row, at: "\(work)/source"))
    let stated = try model.plan.rotary.scores[0].frequencies(length: 96).radians
    let divided = try model.plan.rotary.applying(
      RotaryRequest(scaling: .linear(factor: 4)), length: 96)
    #expect(try divided.scores[0].frequencies(length: 96).radians == stated.map { $0 / 4 })
    let yarn = try model.plan.rotary.applying(
      RotaryRequest(scaling: .ntk(factor: 4)), length: 96)
    let error = #expect(throws: RotaryError.self) { try yarn.scores[0].frequencies(length: 96) }
    #expect(error?.exitStatus == .usage && error?.summary.contains("states its own") == true)
  }
}
