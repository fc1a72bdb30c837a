import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Archives on the command line: every kind written, read, verified and listed.
@Suite struct ArchiveCommandTests: CommandSuite {
  static let endings = ArchiveKind.allCases.map(\.rawValue)

  private func perplexity(_ path: String) throws -> JSONValue? {
    try json(
      run(
        "eval", "perplexity", path, "--text", Self.text, "--ctx", "64", "--chunks", "2", "--json"))[
        "per_chunk"]
  }

  @Test(arguments: endings) func convertedArchiveScoresTheSame(ending: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/x\(ending)"
    let report = try json(run("convert", Self.model, "--to", "qk", "-o", path, "--json"))
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(report["bytes"]?.int == size)
    #expect(try perplexity(path) == perplexity(Self.model))
    #expect(try run("inspect", path).output.contains("llama"))
    let verified = try json(run("archive", "verify", path, "--json"))
    #expect(verified["same"]?.bool == true)
    #expect(verified["members"]?.array?.map { $0["name"]?.string } == ["x.gguf"])
    let listed = try json(run("archive", "list", path, "--json"))
    #expect(
      listed["members"]?.array?.map { $0["name"]?.string } == ["x.gguf", "MANIFEST.json"])
    let manifest = try #require(listed["manifest"])
    #expect(manifest["source"]?["name"]?.string == "lantern.gguf")
    #expect(manifest["settings"]?.string?.hasPrefix("sites=") == true)
    #expect(manifest["conversion"]?["sites_to"]?.string == "qk")
  }

  /// Folder to archive, archive to archive, archive to folder and to GGUF: the same digits.
  @Test(arguments: endings) func foldersThroughArchives(ending: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    func convert(_ input: String, _ output: String) throws {
      let finished = try run(
        "convert", "\(work)/\(input)", "--to", "rove", "-o", "\(work)/\(output)", "--type", "f32")
      #expect(finished.status == 0, "\(finished.errors)")
    }
    try FileManager.default.copyItem(atPath: Self.model, toPath: "\(work)/m.gguf")
    try convert("m.gguf", "hf/")
    let tokens = try json(run("tokenize", Self.model, "--text", Self.text, "--json"))
    try tokens["tokens"]?.serialized(pretty: false)
      .write(toFile: "\(work)/ids.json", atomically: true, encoding: .utf8)
    try convert("hf/", "1\(ending)")
    try convert("1\(ending)", "2\(ending)")
    try convert("2\(ending)", "back/")
    func digits(_ path: String) throws -> JSONValue? {
      try json(
        run(
          "eval", "perplexity", "\(work)/\(path)", "--tokens", "\(work)/ids.json", "--ctx", "64",
          "--chunks", "2", "--json"))["per_chunk"]
    }
    let expected = try digits("hf/")
    #expect(expected != nil)
    for path in ["1\(ending)", "2\(ending)", "back/"] { #expect(try digits(path) == expected) }
    #expect(try run("archive", "verify", "\(work)/1\(ending)").status == 0)
  }

  @Test(arguments: endings) func twoRunsGiveTheSameBytes(ending: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for threads in ["1", "2", "5"] {
      try FileManager.default.createDirectory(
        atPath: "\(work)/\(threads)", withIntermediateDirectories: false)
      #expect(
        try run(
          "convert", Self.model, "--to", "rove", "-o", "\(work)/\(threads)/x\(ending)", "--threads",
          threads
        ).status == 0)
    }
    let one = FileManager.default.contents(atPath: "\(work)/1/x\(ending)")
    for threads in ["2", "5"] {
      let same = FileManager.default.contents(atPath: "\(work)/\(threads)/x\(ending)") == one
      #expect(same)
    }
  }

  @Test func verifyFindsWhatDiffers() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/x.tar"
    #expect(try run("convert", Self.model, "--to", "qk", "-o", path).status == 0)
    var bytes = try #require(FileManager.default.contents(atPath: path))
    bytes[bytes.count / 2] ^= 1
    _ = FileManager.default.createFile(atPath: path, contents: bytes)
    let finished = try run("archive", "verify", path, "--json")
    #expect(finished.status == 1)
    #expect(finished.errors.contains("x.gguf (sha256)"))
    #expect(try json(finished)["members"]?.array?.first?["status"]?.string == "sha256")
    try Data("none".utf8).write(to: URL(fileURLWithPath: "\(work)/junk.tar"))
    expectFailure(try run("archive", "verify", "\(work)/junk.tar"), 65, containing: "junk.tar")
    expectFailure(try run("archive", "verify", "\(work)/none.tar"), 66, containing: "none.tar")
    expectFailure(try run("inspect", "\(work)/junk.tar"), 65, containing: "junk.tar")
  }

  @Test func archiveIsItsOwnInput() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/x.tar.zst"
    #expect(try run("convert", Self.model, "--to", "qk", "-o", path).status == 0)
    let before = FileManager.default.contents(atPath: path)
    expectFailure(try run("convert", path, "--to", "rove", "-o", path, "--force", "--quiet"), 73)
    #expect(FileManager.default.contents(atPath: path) == before)
    // Without -o the whole ending is kept.
    #expect(try run("convert", path, "--to", "rove").status == 0)
    #expect(FileManager.default.fileExists(atPath: "\(work)/x.qkvo.tar.zst"))
  }

  @Test func noRoomToUnpack() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/x.tar.gz"
    #expect(try run("convert", Self.model, "--to", "qk", "-o", path).status == 0)
    let finished = try runProgram(
      Self.program, ["inspect", path], environment: ["TMPDIR": "\(work)/absent"])
    expectFailure(finished, 74, containing: "x.tar.gz", "absent")
    #expect(
      try runProgram(Self.program, ["inspect", path], environment: ["TMPDIR": work]).status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: work) == ["x.tar.gz"])
  }

  /// A caller under which SIGHUP is ignored wants it to stay so.
  private static var endingSignals: [Int32] {
    var action = sigaction()
    sigaction(SIGHUP, nil, &action)
    return [SIGTERM, SIGINT] + (action.__sigaction_handler.sa_handler == nil ? [SIGHUP] : [])
  }

  @Test(arguments: endingSignals) func endedWhileWriting(signal: Int32) throws {
    guard let model = try References.smolLM2() else { return }
    for ending in Self.endings {
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Self.program)
      process.arguments = [
        "convert", model, "--to", "rove", "--type", "f32", "-o", "\(work)/x\(ending)", "--quiet",
      ]
      try process.run()
      while process.isRunning,
        try FileManager.default.contentsOfDirectory(atPath: work).isEmpty
      { usleep(2000) }
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      #expect(process.terminationStatus == 128 + signal)
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    }
  }

  /// What the language's traps and C's faults raise, a limit of processor time and SIGQUIT end the
  /// program by themselves, and leave nothing behind either.
  @Test(arguments: [SIGILL, SIGTRAP, SIGFPE, SIGSEGV, SIGABRT, SIGXCPU, SIGQUIT])
  func endedByItsSignalWhileWriting(signal: Int32) throws {
    var action = sigaction()
    sigaction(signal, nil, &action)
    // A caller that ignores one wants it to stay so: SIG_IGN is 1.
    guard let model = try References.smolLM2(),
      unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1
    else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // Without a core file where the tests run; packed, so that it is not done before the signal.
    process.arguments = [
      "-c", #"ulimit -c 0; exec "$@""#, "sh", Self.program, "convert", model, "--to", "rove",
      "--type", "f32", "-o", "\(work)/x.tar.gz", "--quiet",
    ]
    // The language would look for where it was, for seconds, before it lets the program end.
    process.environment = ProcessInfo.processInfo.environment.merging([
      "SWIFT_BACKTRACE": "enable=no"
    ]) { $1 }
    try process.run()
    while process.isRunning,
      try FileManager.default.contentsOfDirectory(atPath: work).isEmpty
    { usleep(2000) }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == signal)
    #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
  }
}
