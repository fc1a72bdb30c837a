import Foundation
import TestSupport
import Testing

/// Outputs that do not fit: one line, the documented exit status, nothing left behind.
@Suite struct DiskCommandTests: CommandSuite {
  /// The fixture has 1.6 MB, a file may have 512 kB (1,000 blocks): copied as it is, rewritten, in
  /// shards, in a folder and in an archive.
  @Test(arguments: [
    ["-o", "x.gguf"], ["-o", "x.gguf", "--type", "f32"], ["-o", "x.gguf", "--shard-size", "1M"],
    ["-o", "x/"], ["-o", "x.zip"], ["-o", "x.tar.zst"], ["-o", "x.safetensors"],
  ])
  func outputBeyondTheFileSizeLimit(arguments: [String]) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var arguments = arguments
    arguments[1] = "\(work)/\(arguments[1])"
    for threads in ["1", "2"] {
      let finished = try runProgram(
        "/bin/sh",
        [
          "-c", "ulimit -f 1000 && exec \"$0\" \"$@\"", Self.program, "convert", Self.model, "--to",
          "qkvo", "--threads", threads, "--quiet",
        ] + arguments)
      expectFailure(finished, 74, containing: "File too large")
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    }
  }
}
