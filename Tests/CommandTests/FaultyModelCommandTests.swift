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

  /// A file of an architecture alone is no model, and is shown for what it is.
  @Test func inspectShowsAFileWithoutTensors() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/alone.gguf"
    try GGUFWriter.write(
      to: path, metadata: ["general.architecture": .string("llama")], tensors: [], force: false,
      inputs: [])
    let shown = try run("inspect", path)
    #expect(
      shown.status == 0 && shown.output.contains("llama") && shown.output.contains("no tensors"))
    let fields = try json(try run("inspect", path, "--json"))
    #expect(fields["architecture"] == "llama" && fields["parameters"] == 0)
    expectFailure(try run("convert", path, "-o", "\(work)/out.gguf"), 65, containing: path)
  }

  /// Memory that runs out is said as such, whichever call asks for it.
  @Test(arguments: [400_000, 450_000, 500_000, 600_000]) func memoryThatRunsOutIsSaid(
    kilobytes: Int
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let names = (0..<400_000).map {
      "\"t\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
    }
    let header = Array("{\(names.joined(separator: ","))}".utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    let path = "\(work)/model.safetensors"
    try Data(length + header).write(to: URL(fileURLWithPath: path))
    let finished = try runProgram(
      "/bin/sh", ["-c", "ulimit -v \(kilobytes); exec '\(Self.program)' inspect '\(path)'"])
    // Where it suffices, what is missing is config.json.
    let isEnough = finished.status == 65 && finished.errors.contains("config.json")
    #expect(
      isEnough
        || [70, 74].contains(finished.status) && finished.errors.lowercased().contains("memory"),
      "\(finished.status): \(finished.errors)")
  }
}
