import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import Tensors
import TestSupport
import Testing

/// gpt-oss with its experts in MXFP4, in both containers: against the same numbers as float32, and
/// against transformers with numbers that numpy decoded (`Golden/microscaled.py`).
@Suite struct MicroscaledModelTests {
  @Test func bothContainersEqualTheDecodedModel() throws {
    guard let example = try Example() else { return }
    defer { try? FileManager.default.removeItem(atPath: example.work) }
    let expected = try example.logits("plain")
    let golden = try JSONValue.read(
      contentsOf: References.file("Tests/InferenceTests/Golden/microscaled.golden.json"))
    #expect(golden["codes"]?.int == example.codes)
    #expect(golden["scales"]?.int == example.scales)
    let losses = try #require(golden["nll"]?.array)
    for (row, nll) in zip(expected, losses) {
      let found = try example.meanNegativeLogLikelihood(row)
      let reference = try #require(nll.double)
      #expect(abs(found - reference) < 2e-5, "\(found)")
    }
    #expect(try example.logits("packed").map(\.logits) == expected.map(\.logits))

    try example.convert("packed", to: "model.gguf")
    let file = try Checkpoint.open("\(example.work)/model.gguf")
    #expect(file.tensors.values.count { $0.type == .mxfp4 } == 3 * 4)
    #expect(file.metadata["general.file_type"] == .uint32(38))
    let names = file.tensors.keys.filter { $0.hasPrefix("blk.0.") }
    for name in ["attn_sinks.weight", "ffn_gate_inp.bias", "ffn_gate_exps.bias"] {
      #expect(names.contains("blk.0.\(name)"))
    }
    #expect(try example.logits("model.gguf").map(\.logits) == expected.map(\.logits))

    // GGUF's own blocks become plain numbers in a folder, which float16 holds exactly.
    try example.convert("model.gguf", to: "back/")
    #expect(try example.logits("back").map(\.logits) == expected.map(\.logits))
    try example.convert("packed", to: "float/", type: .type(.f32))
    #expect(try example.logits("float").map(\.logits) == expected.map(\.logits))
    for name in ["back", "float"] {
      let folder = try Checkpoint.open("\(example.work)/\(name)")
      #expect(folder.configuration?["quantization_config"] == nil)
      #expect(!folder.tensors.values.contains { $0.type == .mxfp4 })
    }
  }

  /// A variant keeps the pairs as they are, and the way back gives every byte again.
  @Test func variantsKeepPairs() throws {
    guard let example = try Example() else { return }
    defer { try? FileManager.default.removeItem(atPath: example.work) }
    try example.convert("packed", to: "variant/", sites: .all)
    try example.convert("variant", to: "again/", sites: .scores)
    let source = try Checkpoint.open("\(example.work)/packed")
    for name in ["variant", "again"] {
      let folder = try Checkpoint.open("\(example.work)/\(name)")
      #expect(folder.configuration?["quantization_config"] != nil)
      #expect(folder.tensors.values.count { $0.type == .mxfp4 } == 2 * 4)
      #expect(Array(folder.tensors.keys) == Array(source.tensors.keys))
      for (name, tensor) in folder.tensors {
        let other = try #require(source.tensors[name])
        let same = tensor.withBytes { one in other.withBytes { one.elementsEqual($0) } }
        #expect(same, "\(name)")
      }
    }
    #expect(try example.logits("again").map(\.logits) == example.logits("packed").map(\.logits))
    #expect(try example.logits("variant")[0].logits != example.logits("packed")[0].logits)
  }
}

/// Copies of parity/gpt-oss: `packed`, its experts in MXFP4, and `plain`, their numbers as float32.
private final class Example {
  let work: String
  private(set) var codes = 0
  private(set) var scales = 0
  private let tokens: [[Int32]]
  private let vocabulary: Int

  struct Row {
    let tokens: [Int32]
    let logits: [Float]
  }

  init?() throws {
    guard let folder = try References.shared("parity/gpt-oss") else { return nil }
    work = try References.temporaryFolder()
    tokens = try ParityTests.Golden(folder: folder).rows
    let source = try Checkpoint.open(folder)
    var fields = try #require(source.configuration?.object)
    vocabulary = try #require(fields["vocab_size"]?.int)
    var (packed, plain) = ([OutputTensor](), [OutputTensor]())
    for tensor in source.tensors.values {
      guard tensor.shape.count == 3 else {
        let copy = OutputTensor(
          name: tensor.name, type: tensor.type, shape: tensor.shape, contents: .copy(tensor))
        packed.append(copy)
        plain.append(copy)
        continue
      }
      let matrices = Blocks(try tensor.decoded(), shape: tensor.shape)
      codes += matrices.codes.reduce(0) { $0 + Int($1) }
      scales += matrices.scales.reduce(0) { $0 + Int($1) }
      let (count, inputs, outputs) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
      let blocks = [count, outputs, inputs / 32]
      packed.append(
        OutputTensor(
          name: tensor.name + "_blocks", type: .u8, shape: blocks + [16],
          contents: .computed { matrices.bytes }))
      packed.append(
        OutputTensor(
          name: tensor.name + "_scales", type: .u8, shape: blocks,
          contents: .computed { matrices.scales }))
      plain.append(
        OutputTensor(
          name: tensor.name, type: .f32, shape: tensor.shape,
          contents: .computed {
            try matrices.decoded.withUnsafeBufferPointer { try Encoding.encode($0, as: .f32) }
          }))
    }
    try write("plain", .object(fields), plain)
    fields["quantization_config"] = .object(["quant_method": .string("mxfp4")])
    try write("packed", .object(fields), packed)
  }

  private func write(
    _ name: String, _ configuration: JSONValue, _ tensors: [OutputTensor]
  ) throws {
    try FolderWriter.write(
      to: "\(work)/\(name)", configuration: configuration, tensors: tensors, extraFiles: [],
      force: false, inputs: [])
  }

  func convert(
    _ name: String, to output: String, sites: RotarySites? = nil, type: OutputTypes = .keep
  ) throws {
    let source = try Model(opening: "\(work)/\(name)")
    _ = try ConversionPlan(
      source.plan,
      ConversionRequest(
        sites: sites ?? source.plan.plainSites, output: "\(work)/\(output)", type: type)
    ).write(version: "test")
  }

  func logits(_ name: String) throws -> [Row] {
    let model = try Model(opening: "\(work)/\(name)")
    return try tokens.map { Row(tokens: $0, logits: try model.logits($0, threads: 2)) }
  }

  func meanNegativeLogLikelihood(_ row: Row) throws -> Double {
    var sum = 0.0
    for position in 1..<row.tokens.count {
      let first = (position - 1) * vocabulary
      let logits = row.logits[first..<(first + vocabulary)].map { Double($0) }
      let largest = try #require(logits.max())
      let normalizer = log(logits.reduce(0) { $0 + exp($1 - largest) }) + largest
      sum += normalizer - logits[Int(row.tokens[position])]
    }
    return sum / Double(row.tokens.count - 1)
  }
}

/// Matrices in MXFP4, by the format's definition.
private struct Blocks: Sendable {
  /// Of each element, [experts, outputs, inputs].
  var codes: [UInt8] = []
  /// Of each block of 32.
  var scales: [UInt8] = []
  /// [experts, inputs, outputs]
  var decoded: [Float]

  private static let levels: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]

  /// Of matrices [experts, inputs, outputs]; blocks run along the inputs.
  init(_ values: [Float], shape: [Int]) {
    decoded = values
    let (inputs, outputs) = (shape[1], shape[2])
    for expert in 0..<shape[0] {
      for output in 0..<outputs {
        for first in stride(from: 0, to: inputs, by: 32) {
          let places = (first..<(first + 32)).map { (expert * inputs + $0) * outputs + output }
          let largest = places.reduce(Float(0)) { max($0, abs(values[$1])) }
          let exponent = Int(largest.exponent) - 2
          let scale = Float(sign: .plus, exponent: exponent, significand: 1)
          scales.append(UInt8(exponent + 127))
          for place in places {
            let size = abs(values[place])
            var best = 0
            for level in 1..<8
            where abs(Self.levels[level] * scale - size) < abs(Self.levels[best] * scale - size) {
              best = level
            }
            let isNegative = values[place] < 0 && best > 0
            codes.append(UInt8(best + (isNegative ? 8 : 0)))
            decoded[place] = (isNegative ? -1 : 1) * Self.levels[best] * scale
          }
        }
      }
    }
  }

  /// Two elements that follow each other to a byte, the first in its low half.
  var bytes: [UInt8] {
    stride(from: 0, to: codes.count, by: 2).map { codes[$0] | codes[$0 + 1] << 4 }
  }
}
