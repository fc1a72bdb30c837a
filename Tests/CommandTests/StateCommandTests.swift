import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// What results and state files say of themselves, as the command line shows it.
@Suite struct StateCommandTests: CommandSuite {
  @Test func aStoppedRunSaysHowFarItGot() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // What a name has of a terminal's language is shown, not spoken.
    let state = "\(folder)/\u{1b}[31mstate"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = [
      "eval", "ruler", Self.model, "--task", "niah_single_1", "--lengths", "2048", "--samples",
      "5000", "--state", state, "--threads", "1",
    ]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    func units() -> Int {
      max(((try? Data(contentsOf: URL(fileURLWithPath: state)))?.count { $0 == 10 } ?? 0) - 2, 0)
    }
    for _ in 0..<6000 where units() == 0 { usleep(10_000) }
    process.terminate()
    process.waitUntilExit()
    #expect(process.terminationStatus == 143)
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(units() > 0)
    #expect(said.contains("ropeconv: stopped: "))
    #expect(said.contains("of 5000 units are in \(folder)/\\u{1b}[31mstate"))
    #expect(!said.contains("\u{1b}[31m"))
  }

  @Test func aResumedRunSaysWhereItGoesOn() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = "\(folder)/state"
    func evaluate(_ more: String...) throws -> Finished {
      try runProgram(
        Self.program,
        ["eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "6"]
          + ["--state", state] + more, input: "", environment: ["ROPECONV_ISA": "avx512"])
    }
    let part = try evaluate("--shard", "1/2")
    #expect(part.status == 0)
    #expect(!part.errors.contains("units"))
    let rest = try evaluate()
    #expect(rest.errors.contains("3 of 6 units are in \(state), going on with the other 3"))
    #expect(try evaluate().errors.contains("all 6 units are in \(state)"))
    #expect(try !evaluate("--quiet").errors.contains("units"))
  }

  @Test func aBadStateLineIsMalformedData() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = "\(folder)/state"
    try "{\"ropeconv_state\":2}\n{\"evaluation\":\"1\",\"unit\":0,\"values\":{}}\n".write(
      toFile: state, atomically: true, encoding: .utf8)
    expectFailure(
      try run("eval", "perplexity", Self.model, "--text", Self.text, "--state", state), 65,
      containing: "line 2", "identity")
  }

  /// A pipe keeps nothing: it is refused at once, without waiting for its other end.
  @Test func aStateFileIsNoPipe() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let pipe = "\(folder)/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    expectFailure(
      try run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "2",
        "--state", pipe), 73, containing: "it is not a regular file", pipe)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["pipe"])
  }

  /// Past the size a file may have (SIGXFSZ), a state file ends the run with an error; the units that
  /// are whole in it count when the limit is gone.
  @Test func aStateFileBeyondTheFileSizeLimit() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = "\(folder)/state"
    let call = [
      "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "60",
      "--batch", "1", "--quiet", "--state", state,
    ]
    let limited = try runProgram(
      "/bin/sh", ["-c", "ulimit -f 8 && exec \"$0\" \"$@\"", Self.program] + call)
    expectFailure(limited, 74, containing: state, "File too large")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["state"])
    let resumed = try json(runProgram(Self.program, call + ["--json"]))
    let whole = try json(runProgram(Self.program, Array(call.dropLast(2)) + ["--json"]))
    #expect(resumed["nll"] == whole["nll"] && whole["nll"]?.double != nil)
    let (evaluated, all) = (resumed["evaluated_tokens"]?.int, whole["evaluated_tokens"]?.int)
    #expect((evaluated ?? 0) < (all ?? 0))
  }

  /// Every evaluation's JSON states program, date, models and key, and one field set for all.
  @Test func resultsDescribeThemselves() throws {
    let needle = References.file("fixtures/lantern.needle.json")
    let calls: [[String]] = [
      ["perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "1"],
      ["compare", Self.model, Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "1"],
      ["needle", Self.model, "--template", needle, "--lengths", "64", "--trials", "1"],
      [
        "ruler", Self.model, "--task", "vt", "--lengths", "1024", "--samples", "1", "--mode",
        "nll",
      ],
      ["icl", Self.model, "--tasks", References.file("fixtures/tasks"), "--examples", "2"],
    ]
    for call in calls {
      let finished = try runProgram(
        Self.program, ["eval"] + call + ["--json", "--quiet"], input: "",
        environment: ["ROPECONV_ISA": "avx512"])
      let result = try json(finished)
      #expect(result["kind"]?.string == call[0])
      #expect(result["protocol"] == 2)
      #expect(result["key"]?.string?.count == 64)
      #expect(result["program"]?["name"] == "ropeconv")
      #expect(result["program"]?["version"]?.string?.isEmpty == false)
      #expect(result["date"]?.string?.hasSuffix("Z") == true)
      let models = try #require(result["models"]?.array)
      #expect(models.count == (call[0] == "compare" ? 2 : 1))
      #expect(models.allSatisfy { $0["name"] == "Lantern" && $0["variant"] == "RoPE" })
      #expect(result["identity"]?["models"]?.array?.count == models.count)
      #expect(result["identity"]?["arithmetic"]?["compute"] == "f32")
    }
  }

  /// A pipe is read once: its text is scored and hashed, for every model.
  @Test func aTextThroughAPipe() throws {
    let options = ["--ctx", "64", "--chunks", "2", "--json", "--quiet"]
    let text = try String(contentsOfFile: Self.text, encoding: .utf8)
    func result(_ path: String, _ models: [String], _ more: [String] = []) throws -> JSONValue {
      try json(
        runProgram(
          Self.program, ["eval", "perplexity"] + models + ["--text", path] + options + more,
          input: path == "-" ? text : "", environment: ["ROPECONV_ISA": "avx512"]))
    }
    let (file, pipe) = try (result(Self.text, [Self.model]), result("-", [Self.model]))
    #expect(file["key"] == pipe["key"])
    #expect(file["text_sha256"] == pipe["text_sha256"])
    #expect(file["nll"] == pipe["nll"])
    let sweep = try result("-", [Self.model, Self.model])
    #expect(sweep["sweeps"]?.array?.count == 2)
    #expect(sweep["models"]?.array?.count == 2)
    #expect(sweep["text_sha256"] == file["text_sha256"])
  }

  /// RULER's essays come through a pipe as well, and are hashed as they were read.
  @Test func essaysThroughAPipe() throws {
    let haystack = References.file("fixtures/lantern.haystack.txt")
    func materials(_ path: String, _ input: String) throws -> JSONValue? {
      let finished = try run(
        "eval", "ruler", Self.model, "--task", "niah_single_2", "--lengths", "1024", "--samples",
        "1", "--mode", "nll", "--essays", path, "--json", "--quiet", input: input)
      return try json(finished)["identity"]?["materials"]?["essays_sha256"]
    }
    let text = try String(contentsOfFile: haystack, encoding: .utf8)
    let hash = try #require(try materials(haystack, ""))
    #expect(try materials("-", text) == hash)
  }
}
