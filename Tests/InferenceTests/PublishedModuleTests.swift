import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import Rotary
import Tensors
import TestSupport
import Testing

/// kyegomez/VO-ROPE: what its code computes, in double precision and as it was published, and how its
/// checkpoints are met.
@Suite struct PublishedModuleTests {
  /// `build_rope_matrix`: the cosines of all pairs, then their sines.
  private func table(position: Int, width: Int) -> [Double] {
    let angles = stride(from: 0, to: width, by: 2).map {
      Double(position) * pow(10_000, -Double($0) / Double(width))
    }
    return angles.map(cos) + angles.map(sin)
  }

  /// `apply_rope`: even and odd numbers of both, the results one after the other.
  private func apply(_ x: [Double], _ table: [Double]) -> [Double] {
    let pairs = 0..<(x.count / 2)
    let one = pairs.map { x[2 * $0] * table[2 * $0] - x[2 * $0 + 1] * table[2 * $0 + 1] }
    let two = pairs.map { x[2 * $0] * table[2 * $0 + 1] + x[2 * $0 + 1] * table[2 * $0] }
    return one + two
  }

  private func published(_ x: [Double], position: Int, inverse: Bool = false) -> [Double] {
    let table = table(position: position, width: x.count)
    return apply(x, inverse ? table.map { -$0 } : table)
  }

  private func vector(_ seed: Int, _ width: Int = 8) -> [Double] {
    (0..<width).map { sin(Double(seed * 31 + $0 * 7 + 1)) }
  }

  private func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  private func distance(_ one: [Double], _ other: [Double]) -> Double {
    length(zip(one, other).map { $0 - $1 })
  }

  /// No pair turns by one angle: lengths change with the position, and scores with a shift of both.
  @Test func thePublishedTableIsSlicedWrongly() {
    let (one, other) = (vector(1), vector(2))
    // At position 0 nothing should turn: half of the pairs are added up, the others vanish.
    #expect(distance(published(one, position: 0), one) > 0.1)
    #expect(abs(length(published(one, position: 3)) - length(published(one, position: 11))) > 0.1)
    func score(_ query: Int, _ key: Int) -> Double {
      zip(published(one, position: query), published(other, position: key))
        .reduce(0) { $0 + $1.0 * $1.1 }
    }
    #expect(abs(score(7, 4) - score(1007, 1004)) > 0.1)
  }

  /// Cosines and sines negated are `-R`: what is turned and turned back is not what it was, and not
  /// even with a table that is sliced as it should be.
  @Test func thePublishedInverseIsNoTranspose() {
    let x = vector(3)
    #expect(distance(published(published(x, position: 5), position: 5, inverse: true), x) > 0.5)
    // One pair of two dims: the slice of its table is right by chance, and it turns.
    let pair = vector(4, 2)
    let turned = published(pair, position: 5)
    #expect(abs(length(turned) - length(pair)) < 1e-12)
    let back = published(turned, position: 5, inverse: true)
    #expect(distance(back, pair) > 0.1)
    // It is minus what another turn by the same angle gives.
    #expect(distance(back, published(turned, position: 5).map { -$0 }) < 1e-12)
  }

  /// A model that says it attends so.
  private func folder(at path: String) throws -> String? {
    guard let source = try References.shared("parity/llama") else { return nil }
    try References.folder(like: source, at: path) { $0["attention_class"] = "VORoPEAttention" }
    return path
  }

  @Test func aModelOfItIsRefusedUnlessItsRotationIsAssumed() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    guard let path = try folder(at: "\(work)/source"),
      let source = try References.shared("parity/llama")
    else { return }
    let error = #expect(throws: ModelError.self) { try Model(opening: path) }
    #expect(error?.exitStatus == .malformedData)
    #expect(error?.summary.contains("-R and not the transpose") == true)
    var catalog = ArchitectureCatalog.builtIn
    catalog.assumesCorrectRotation = true
    let model = try Model(opening: path, in: catalog)
    #expect(model.plan.notes.contains { $0.contains("VORoPEAttention") })
    #expect(model.plan.rotary.sites == .all)
    #expect(model.plan.rotary.layers[0].score?.layout == .interleaved)
    #expect(model.plan.rotary.layers[0].value?.layout == .interleaved)
    #expect(model.plan.rotary.layers[0].value?.bias == .rotated)
    // What is assumed is a relative rotation; and a conversion of it needs no assumption any more.
    let ids = (0..<64).map { Int32(($0 * 37 + 11) % 320) }
    func logits(_ model: Model, start: Int = 0) throws -> [Float] {
      try model.logits(ids, start: start, threads: 2)
    }
    let expected = try logits(model)
    func largest(_ other: [Float]) -> Float {
      zip(expected, other).map { abs($0 - $1) }.max() ?? .infinity
    }
    #expect(largest(try logits(model, start: 1000)) < 1e-3)
    #expect(largest(try logits(Model(opening: source))) > 0.1)
    for output in ["one.gguf", "two/"] {
      _ = try ConversionPlan(
        model.plan, ConversionRequest(sites: nil, output: "\(work)/\(output)")
      ).write(version: "test")
      #expect(largest(try logits(Model(opening: "\(work)/\(output)"))) < 1e-4)
    }
  }

  /// The state of one module, whatever it is called where it was.
  @Test(arguments: ["", "layers.3.attention."])
  func oneModuleAloneIsRecognized(prefix: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var header: [String: [String: Any]] = [:]
    var end = 0
    for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
      for (part, shape) in [("weight", [8, 8]), ("bias", [8])] {
        let size = 4 * shape.reduce(1, *)
        header["\(prefix)\(name).\(part)"] = [
          "dtype": "F32", "shape": shape, "data_offsets": [end, end + size],
        ]
        end += size
      }
    }
    let text = try JSONSerialization.data(withJSONObject: header)
    var data = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    data += text + Data(count: end)
    let path = "\(work)/attention.safetensors"
    try data.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: ModelError.self) { try Model(opening: path) }
    #expect(error?.summary.contains("is one VORoPEAttention of kyegomez/VO-ROPE") == true)
    #expect(error?.exitStatus == .malformedData)
  }
}
