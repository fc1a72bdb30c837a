import Foundation
import TestSupport
import Testing

/// Files that are too large for what they are to be, and pipes where a file names one.
@Suite struct InputSizeTests: CommandSuite {
  /// A file of zeros that takes no room on the disk.
  private func zeros(_ count: Int, in folder: String) throws -> String {
    let path = "\(folder)/zeros.jsonl"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: UInt64(count))
    try handle.close()
    return path
  }

  /// Runs the program in 1.9 GB of address space: room to map 1 GiB, not to hold it twice.
  private func limited(_ arguments: [String]) throws -> Finished {
    try runProgram(
      "/bin/sh", ["-c", "ulimit -v 1900000 && exec \"$0\" \"$@\"", Self.program] + arguments)
  }

  private static let gibibyte = 1 << 30

  @Test(arguments: [
    (["run", "FILE"], 1 << 20, "at most 4194304 are read"),
    (["eval", "needle", model, "--template", "FILE"], 1 << 20, "at most 1048576 are read"),
    (
      ["eval", "icl", model, "--tasks", References.file("fixtures/tasks"), "--baselines", "FILE"],
      1 << 20, "at most 4194304 are read"
    ),
    (["eval", "merge", "FILE"], 1, "at most 1073741824 are read"),
    (["eval", "requests", model, "--requests", "FILE"], 1, "at most 1073741824 are read"),
    (["eval", "icl", model, "--tasks", "FILE"], 1, "at most 1073741824 are read"),
    (["eval", "perplexity", model, "--text", "FILE"], 3 << 30, "at most 4294967296 are read"),
    (["eval", "perplexity", model, "--tokens", "FILE"], 1, "at most 1073741824 are read"),
  ])
  func aLargerFileIsRefusedUnread(arguments: [String], beyond: Int, words: String) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let size = Self.gibibyte + beyond + (beyond == 3 << 30 ? 1 : 0)
    let path = try zeros(size, in: folder)
    expectFailure(
      try runProgram(Self.program, arguments.map { $0 == "FILE" ? path : $0 }), 65,
      containing: path, "is too large: \(size) bytes", words)
  }

  /// What a file cannot be shows in its first bytes: 1 GiB of them are neither read nor held twice.
  @Test(arguments: [
    (["eval", "perplexity", model, "--text", text, "--state", "FILE"], 73, "not a state file"),
    (["eval", "requests", model, "--requests", "FILE"], 65, "line 1"),
    (["eval", "icl", model, "--tasks", "FILE"], 65, "line 1"),
    (["eval", "perplexity", model, "--text", "FILE"], 65, "byte 0 is 0"),
  ])
  func aFileOfZerosIsRefusedByItsBeginning(
    arguments: [String], status: Int32, words: String
  ) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try zeros(Self.gibibyte, in: folder)
    expectFailure(
      try limited(arguments.map { $0 == "FILE" ? path : $0 }), status, containing: path, words)
  }

  /// An array with a place for each of 30 million lines took over a gigabyte.
  @Test func emptyLinesTakeNoMemory() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/empty.jsonl"
    try Data(repeating: UInt8(ascii: "\n"), count: 30_000_000).write(
      to: URL(fileURLWithPath: path))
    let finished = try runProgram(
      "/bin/sh",
      [
        "-c", "ulimit -v 1200000 && exec \"$0\" \"$@\"", Self.program, "eval", "requests",
        Self.model, "--requests", path, "--threads", "1",
      ])
    expectFailure(finished, 65, containing: path, "expected at least one request")
  }

  /// What the user names may be a pipe; what a file or folder names must not be waited for.
  @Test(.timeLimit(.minutes(2))) func aPipeThatAFileNamesIsRefused() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(
      atPath: "\(folder)/tasks", withIntermediateDirectories: true)
    for name in ["pipe", "tasks/pipe.jsonl"] {
      try #require(mkfifo("\(folder)/\(name)", 0o600) == 0)
    }
    let template = "\(folder)/t.json"
    try #"{"needle":"{key} is {value}.","question":"{key}","answer":" {value}","keys":["a"],"#
      .appending(#""value_minimum":1,"value_maximum":9,"haystack":"pipe"}"#)
      .write(toFile: template, atomically: true, encoding: .utf8)
    for (call, path) in [
      (["eval", "needle", Self.model, "--template", template], "\(folder)/pipe"),
      (["eval", "icl", Self.model, "--tasks", "\(folder)/tasks"], "\(folder)/tasks/pipe.jsonl"),
    ] {
      // The shell's timeout ends what waits for the other end, with 124.
      let finished = try runProgram("/usr/bin/env", ["timeout", "60", Self.program] + call)
      expectFailure(finished, 65, containing: path, "neither a regular file nor a folder")
    }
    let given = try runProgram(
      "/bin/sh",
      [
        "-c", "cat '\(Self.text)' > '\(folder)/pipe' & exec \"$0\" \"$@\"", Self.program, "eval",
        "perplexity", Self.model, "--text", "\(folder)/pipe", "--chunks", "1",
      ])
    #expect(given.status == 0, "\(given.errors)")
  }
}
