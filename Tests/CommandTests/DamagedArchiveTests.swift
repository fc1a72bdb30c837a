import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Models that lie in an archive as they are, with one byte that is not what the archive states.
@Suite struct DamagedArchiveTests: CommandSuite {
  private static func little(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// CRC-32, bit by bit.
  private static func checksum(_ bytes: [UInt8]) -> Int {
    var value: UInt32 = .max
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return Int(~value)
  }

  /// A zip archive (APPNOTE 6.3.9) of one stored member, without a manifest.
  private static func zip(_ name: String, _ data: [UInt8]) -> [UInt8] {
    let common =
      little(0, 4) + little(0x21_0000, 4) + little(checksum(data), 4) + little(data.count, 4)
      + little(data.count, 4) + little(name.utf8.count, 2) + little(0, 2)
    let local = little(0x0403_4B50, 4) + little(10, 2) + common + Array(name.utf8) + data
    let directory =
      little(0x0201_4B50, 4) + little(0x030A, 2) + little(10, 2) + common + little(0, 6)
      + little(0o100644 << 16, 4) + little(0, 4) + Array(name.utf8)
    return local + directory + little(0x0605_4B50, 4) + little(0, 4) + little(1, 2) + little(1, 2)
      + little(directory.count, 4) + little(local.count, 4) + little(0, 2)
  }

  /// A whole archive of lantern.gguf and a damaged one in a new folder, and the member's name.
  private func archives(_ kind: String) throws -> (work: String, member: String) {
    let work = try References.temporaryFolder()
    let model = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.model)))
    var bytes: [UInt8]
    if kind == "foreign.zip" {
      bytes = Self.zip("lantern.gguf", model)
    } else {
      // The bytes of tensors are those of the source, in another header.
      let finished = try run("convert", Self.model, "--to", "qk", "-o", "\(work)/\(kind)")
      #expect(finished.status == 0, "\(finished.errors)")
      bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(work)/\(kind)")))
    }
    try Data(bytes).write(to: URL(fileURLWithPath: "\(work)/whole-\(kind)"))
    let tail = Data(model.suffix(4096))
    bytes[try #require(Data(bytes).range(of: tail)).upperBound - 1] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: "\(work)/\(kind)"))
    return (work, kind == "foreign.zip" ? "lantern.gguf" : "own.gguf")
  }

  @Test(arguments: ["foreign.zip", "own.zip", "own.tar"])
  func nothingIsMadeOfDamage(kind: String) throws {
    let (work, member) = try archives(kind)
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (bad, good) = ("\(work)/\(kind)", "\(work)/whole-\(kind)")
    let state = "\(work)/state.jsonl"
    for threads in ["1", "2"] {
      let scoring = ["--text", Self.text, "--ctx", "64", "--chunks", "1", "--threads", threads]
      let commands: [[String]] = [
        ["eval", "perplexity", bad, "--json", "--verbose"] + scoring,
        ["eval", "perplexity", bad, "--state", state] + scoring,
        ["eval", "compare", good, bad, "--verbose"] + scoring,
        ["generate", bad, "--prompt", "The", "--max-tokens", "2", "--threads", threads],
        ["analyze", bad] + scoring,
        ["verify", bad, good] + scoring,
        ["diff", good, bad, "--threads", threads],
      ]
      for command in commands {
        let finished = try runProgram(Self.program, command)
        let isJSON = command.contains("--json")
        #expect(finished.status == 65, "\(command): \(finished.errors)")
        #expect(finished.errors.contains(bad) && finished.errors.contains(member))
        // No work is done first, which would be told of.
        #expect(!finished.errors.contains("chunk 0"), "\(command): \(finished.errors)")
        #expect(finished.output.isEmpty || isJSON, "\(command): \(finished.output)")
        // No unit is kept.
        #expect((FileManager.default.contents(atPath: state) ?? Data()).isEmpty)
        if isJSON { #expect(try json(finished)["kind"] == "error") }
        let whole = try runProgram(Self.program, command.map { $0 == bad ? good : $0 })
        #expect(whole.status == 0, "\(command): \(whole.errors)")
        #expect(whole.errors.contains("chunk 0") == command.contains("--verbose"))
        #expect(!whole.output.isEmpty)
        if command.contains(state) { try FileManager.default.removeItem(atPath: state) }
      }
      // No output takes its place, whatever it is, and an older one stays.
      for output in ["o.gguf", "o.safetensors", "o/", "o.tar", "o.zip"] {
        expectFailure(
          try run("convert", bad, "--to", "qk", "-o", "\(work)/\(output)", "--threads", threads),
          65, containing: bad, member)
      }
      let older = Data("older".utf8)
      try older.write(to: URL(fileURLWithPath: "\(work)/older.gguf"))
      expectFailure(
        try run("convert", bad, "--to", "qk", "-o", "\(work)/older.gguf", "--force"), 65,
        containing: bad, member)
      #expect(FileManager.default.contents(atPath: "\(work)/older.gguf") == older)
      let left = Set(try FileManager.default.contentsOfDirectory(atPath: work))
      #expect(left == [kind, "whole-\(kind)", "older.gguf"])
    }
    // Headers alone are read for these.
    #expect(try run("inspect", bad).status == 0)
  }
}
