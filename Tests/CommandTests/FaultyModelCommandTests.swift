import Checkpoints
import Foundation
import TestSupport
import Testing

/// Faults of a model that commands must not report as a result.
@Suite struct FaultyModelCommandTests: CommandSuite {
  private func write(
    _ path: String, _ change: (inout [UInt8], Checkpoint) throws -> Void
  ) throws {
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.model)))
    try change(&bytes, Checkpoint.open(Self.model))
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  @Test func inspectRefusesIdsOutsideTheVocabulary() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/ids.gguf"
    try write(path) { bytes, _ in
      let key = Array("tokenizer.ggml.eos_token_id".utf8)
      let place =
        try #require(
          bytes.indices.first { bytes[$0...].starts(with: key) }) + key.count + 4
      bytes[place + 1] = 0x77
    }
    expectFailure(
      try run("inspect", path), 65, containing: path, "tokenizer.ggml.eos_token_id", "outside")
    expectFailure(
      try run("convert", path, "--to", "qkvo", "-o", "\(work)/out.gguf"), 65,
      containing: "tokenizer.ggml.eos_token_id")
    #expect(!FileManager.default.fileExists(atPath: "\(work)/out.gguf"))
  }
}
