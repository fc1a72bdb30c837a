import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Tensors of float64, whose numbers are read as float32.
@Suite struct DoublePrecisionTests: CommandSuite {
  private static let tensor = "blk.1.attn_v.weight"

  /// The fixture with one tensor in float64, the last number of which is `last`.
  private func write(_ path: String, last: Double) throws {
    let source = try Checkpoint.open(Self.model)
    try GGUFWriter.write(
      to: path, metadata: source.metadata,
      tensors: source.tensors.values.map { entry in
        guard entry.name == Self.tensor else {
          return OutputTensor(
            name: entry.name, type: entry.type, shape: entry.shape, contents: .copy(entry))
        }
        return OutputTensor(
          name: entry.name, type: .f64, shape: entry.shape,
          contents: .computed {
            var numbers = try entry.decoded().map { Double($0) }
            numbers[numbers.count - 1] = last
            return numbers.flatMap { number in
              (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
            }
          })
      }, force: true, inputs: [])
  }

  /// 2^128 is the first number that float32 has no place for; halfway to it, from the largest one that it
  /// has, rounding to nearest makes it infinite.
  @Test(arguments: [0x1p128, -0x1p128, 0x1.ffffffp127, 1e300]) func whatFloat32CannotHold(
    number: Double
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/wide.gguf"
    try write(path, last: number)
    let words = "'\(Self.tensor)'"
    let said = "holds \(number), which is beyond float32"
    for command in [
      ["eval", "perplexity", path, "--text", Self.text, "--ctx", "64", "--chunks", "1"],
      ["convert", path, "--to", "qk", "--type", "f16", "-o", "\(work)/o.gguf"],
      ["convert", path, "--to", "vo", "--type", "f32", "-o", "\(work)/o/"],
      ["diff", Self.model, path],
    ] {
      expectFailure(
        try runProgram(Self.program, command + ["--threads", "1", "--quiet"]), 65,
        containing: path, words, said)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: work) == ["wide.gguf"])
    let entry = try #require(try Checkpoint.open(path).tensors[Self.tensor])
    let error = #expect(throws: FileError.self) { try entry.decoded() }
    #expect(error?.fault as? InputFault == .beyondFloat32(value: number))
  }

  /// What rounds to the largest number stays finite, and what is stored as infinite is infinite.
  @Test(
    arguments: [
      (0x1.fffffe0000001p127, Float.greatestFiniteMagnitude), (1e-300, 0),
      (.infinity, .infinity), (-.infinity, -.infinity),
    ] as [(Double, Float)])
  func whatItCanHold(number: Double, read: Float) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try write("\(work)/wide.gguf", last: number)
    let entry = try #require(try Checkpoint.open("\(work)/wide.gguf").tensors[Self.tensor])
    #expect(try entry.decoded().last == read)
  }
}
