import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Tensors
import TestSupport
import Testing

/// Logits of twelve tiny checkpoints against the reference implementation's (transformers), read
/// from safetensors and after conversion to GGUF.
@Suite struct ParityTests {
  static let names = References.parityFamilies

  struct Golden {
    let rows: [[Int32]]
    let logits: [Float]

    init(folder: String) throws {
      let golden = try Checkpoint.open("\(folder)/golden.safetensors")
      let ids = try #require(golden.tensors["input_ids"])
      let flat = ids.withBytes { bytes in
        (0..<ids.elementCount).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
      }
      rows = (0..<ids.shape[0]).map { Array(flat[($0 * ids.shape[1])..<(($0 + 1) * ids.shape[1])]) }
      logits = try #require(golden.tensors["logits"]).decoded()
    }

    /// The largest difference in standard deviations of the golden logits.
    func difference(
      _ model: Model, arithmetic: Arithmetic = .float32, threads: Int = 2
    ) throws -> Double {
      try #require(differences(model, arithmetic: arithmetic, threads: threads).max())
    }

    /// The same of each token.
    func differences(
      _ model: Model, arithmetic: Arithmetic = .float32, threads: Int = 2
    ) throws -> [Double] {
      let ours = try rows.flatMap {
        try model.logits($0, arithmetic: arithmetic, threads: threads)
      }
      try #require(ours.count == logits.count)
      let mean = logits.reduce(0) { $0 + Double($1) } / Double(logits.count)
      let variance =
        logits.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(logits.count)
      let width = model.plan.shape.vocabulary
      return stride(from: 0, to: ours.count, by: width).map { first in
        let token = first..<(first + width)
        return zip(ours[token], logits[token])
          .reduce(0.0) { max($0, abs(Double($1.0) - Double($1.1))) } / variance.squareRoot()
      }
    }
  }

  @Test(arguments: names)
  func logitsEqualTheReference(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let golden = try Golden(folder: folder)
    let difference = try golden.difference(Model(opening: folder))
    print("parity \(name): safetensors \(difference)")
    #expect(difference <= 2e-4)
  }

  @Test(arguments: names)
  func logitsSurviveConversionToGGUFAndBack(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let golden = try Golden(folder: folder)
    let source = try Model(opening: folder)
    let path = "\(work)/model.gguf"
    _ = try ConversionPlan(
      source.plan, ConversionRequest(sites: source.plan.plainSites, output: path)
    ).write(version: "test")
    let difference = try golden.difference(Model(opening: path))
    print("parity \(name): GGUF \(difference)")
    #expect(difference <= 2e-4)

    let back = "\(work)/back/"
    let converted = try Model(opening: path)
    _ = try ConversionPlan(
      converted.plan, ConversionRequest(sites: source.plan.plainSites, output: back)
    ).write(version: "test")
    let returned = try golden.difference(Model(opening: back))
    print("parity \(name): folder again \(returned)")
    #expect(returned <= 2e-4)
  }
}
