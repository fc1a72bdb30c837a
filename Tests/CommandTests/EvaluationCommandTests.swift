import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing

@Suite struct EvaluationCommandTests: CommandSuite {
  private var template: String { References.file("fixtures/lantern.needle.json") }

  @Test func needlePrintsItsGridAndKeepsItsPromise() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let arguments = [
      "eval", "needle", Self.model, "--template", template, "--lengths", "64,128", "--depths",
      "0,100", "--trials", "3", "--svg", "\(folder)/n.svg", "--html", "\(folder)/n.html",
      "--min-accuracy", "0.9", "--junit", "\(folder)/n.xml",
    ]
    let finished = try runProgram(Self.program, arguments + ["--json"])
    #expect(finished.status == 0, "\(finished.errors)")
    let json = try json(finished)
    #expect(json["grid"]?.array?.count == 4)
    #expect(json["seed"]?.int == 42)
    #expect(json["accuracy"]?.double ?? 0 >= 0.9)
    #expect(try String(contentsOfFile: "\(folder)/n.svg", encoding: .utf8).hasPrefix("<svg"))
    #expect(try String(contentsOfFile: "\(folder)/n.html", encoding: .utf8).contains("Needle"))
    #expect(
      try String(contentsOfFile: "\(folder)/n.xml", encoding: .utf8).contains(#"failures="0""#))
    expectFailure(try runProgram(Self.program, arguments), 73, containing: "n.svg")
  }

  @Test func thresholdsThatAreMissedExitWithOneAndSayWhy() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let tasks = References.file("fixtures/tasks")
    for (arguments, reason) in [
      (
        ["perplexity", Self.model, "--text", Self.text, "--chunks", "2", "--max-ppl", "1"],
        "perplexity"
      ),
      (
        [
          "needle", Self.model, "--template", template, "--lengths", "64", "--trials", "1",
          "--sites", "nope", "--min-accuracy", "0.9",
        ], "accuracy"
      ),
      (
        [
          "compare", Self.model, Self.model, "--sites", "vo", "--text", Self.text, "--chunks", "2",
          "--max-kl", "0.01",
        ], "KL"
      ),
      (
        ["icl", Self.model, "--tasks", tasks, "--sites", "nope", "--min-accuracy", "0.9"],
        "accuracy"
      ),
      (
        [
          "ruler", Self.model, "--task", "niah_single_1", "--lengths", "1024", "--samples", "1",
          "--sites", "nope", "--min-score", "99",
        ], "score"
      ),
    ] {
      let junit = "\(folder)/\(arguments[0]).xml"
      let finished = try runProgram(
        Self.program, ["eval"] + arguments + ["--junit", junit, "--quiet"])
      #expect(finished.status == 1, "\(finished.errors)")
      #expect(finished.errors.split(separator: "\n").count == 1)
      #expect(finished.errors.contains(reason))
      #expect(!finished.output.isEmpty)
      let xml = try String(contentsOfFile: junit, encoding: .utf8)
      #expect(xml.contains("<failure message=") && xml.contains(#"failures="1""#))
    }
  }

  @Test func everyEvaluationHasACommand() throws {
    let help = try run("eval", "--help").output
    for kind in Evaluations.kinds {
      #expect(help.contains("\n  \(kind) "), "\(kind)")
      #expect(try run("eval", kind, "--help").output.contains("USAGE: ropeconv eval \(kind) "))
    }
  }

  @Test func wrongUseIsOneLine() throws {
    let task = References.file("fixtures/tasks/codes.jsonl")
    for (arguments, status, word) in [
      (["needle", Self.model], 64, "--haystack"),
      (["needle", Self.model, "--haystack", "/nonexistent"], 66, "/nonexistent"),
      (["needle", Self.model, "--haystack", Self.text, "--lengths", "64,x"], 64, "--lengths"),
      (["needle", Self.model, "--haystack", Self.text, "--lengths", "8"], 64, "length 8"),
      (["needle", Self.model, "--haystack", Self.text, "--depths", "0,0"], 64, "--depths"),
      (["needle", Self.model, "--haystack", Self.text, "--chat", "nobody"], 64, "--chat"),
      (["needle", Self.model, "--haystack", Self.text, "--chat", "auto"], 64, "chat"),
      (["ruler", Self.model, "--task", "nothing"], 64, "niah_single_1"),
      (["ruler", Self.model, "--task", "qa_1"], 64, "qa_1"),
      (["ruler", Self.model, "--task", "vt", "--lengths", "100"], 64, "length 100"),
      (["icl", Self.model, "--tasks", "/nonexistent.jsonl"], 66, "/nonexistent.jsonl"),
      (["icl", Self.model, "--tasks", Self.text], 65, "line 1"),
      (["ruler", Self.model, "--task", "vt,vt", "--lengths", "1024"], 64, "twice"),
      (["icl", Self.model, "--tasks", "\(task),\(task)"], 64, "two tasks are named 'codes'"),
      (
        [
          "perplexity", Self.model, "--text", Self.text, "--lengths", "128", "--rope-scaling", "",
        ], 64, "--rope-scaling"
      ),
      (["merge", Self.text], 65, "lantern.txt"),
      (["perplexity", Self.model, "--text", Self.text, "--shard", "3/2"], 64, "3/2"),
      (
        ["perplexity", Self.model, "--text", Self.text, "--state", "/nonexistent/s"], 73,
        "/nonexistent/s"
      ),
      (
        ["perplexity", Self.model, Self.model, "--text", Self.text, "--max-ppl", "3"], 64,
        "--max-ppl"
      ),
    ] as [([String], Int32, String)] {
      let finished = try runProgram(Self.program, ["eval"] + arguments + ["--quiet"])
      expectFailure(finished, status, containing: word)
    }
  }

  @Test func perplexityByLength() throws {
    let json = try json(
      run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--lengths", "128,1024", "--chunks",
        "2", "--rope-scaling", "checkpoint,yarn", "--json", "--quiet"))
    let sweeps = try #require(json["sweeps"]?.array)
    #expect(sweeps.map { $0["rope_scaling"]?.string } == ["checkpoint", "yarn"])
    let points = try sweeps.map { try #require($0["points"]?.array) }
    #expect(points.map { $0.map { $0["ctx"]?.int } } == [[128, 1024], [128, 1024]])
    // Within the model's context the scaling's factor is 1 and changes nothing.
    #expect(points[0][0]["ppl"] == points[1][0]["ppl"])
    #expect(points[0][1]["ppl"] != points[1][1]["ppl"])
    let alone = try self.json(
      run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "1024", "--chunks", "2",
        "--rope-scaling", "yarn", "--rope-factor", "2", "--json", "--quiet"))
    #expect(alone["ppl"] == points[1][1]["ppl"])
  }

  @Test func aPlanRunsOnceAndGoesOnBehindFailures() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let plan = """
      models:
        a: \(Self.model)
      conversions:
        bad: {model: a, to: qkvo, value-pairs: 999}
        good: {model: a, to: qkvo, value-pairs: 2}
      evaluations:
        - {eval: perplexity, text: "\(Self.text)", chunks: 2}
        - {eval: compare, base: a, text: "\(Self.text)", chunks: 2, models: [good], max-kl: 0}
      """
    try plan.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    func outcomes() throws -> [String: String] {
      let finished = try run("run", "\(folder)/plan.yaml", "--json", "--quiet")
      #expect(finished.status == 1)
      var found: [String: String] = [:]
      for step in try #require(json(finished)["steps"]?.array) {
        found[step["step"]?.string ?? ""] = step["outcome"]?.string
      }
      return found
    }
    #expect(
      try outcomes() == [
        "bad": "failed", "good": "done", "perplexity-1.a": "done", "perplexity-1.bad": "skipped",
        "perplexity-1.good": "done", "compare-2.good": "failed",
      ])
    #expect(
      try outcomes() == [
        "bad": "failed", "good": "kept", "perplexity-1.a": "kept", "perplexity-1.bad": "skipped",
        "perplexity-1.good": "kept", "compare-2.good": "failed",
      ])
    // A result over a threshold is a result.
    #expect(FileManager.default.fileExists(atPath: "\(folder)/results/compare-2.good.json"))
  }

  /// What cannot be written at the end is told at the beginning.
  @Test func filesBesideAResultAreCheckedFirst() throws {
    for option in ["--junit", "--nll"] {
      for path in ["no/such", "/", "/dev/full", String(repeating: "x", count: 300)] {
        expectFailure(
          try run("eval", "perplexity", Self.model, "--text", Self.text, option, path), 73)
      }
    }
    expectFailure(
      try run("eval", "needle", Self.model, "--template", template, "--html", "no/such"), 73)
  }

  @Test func positionsHaveAnEnd() throws {
    for start in [Int.max, 1 << 40 + 1, -1] {
      expectFailure(
        try run("eval", "perplexity", Self.model, "--text", Self.text, "--start=\(start)"), 64,
        containing: "--start is \(start), expected a number from 0 to 2^40")
    }
  }

  @Test func aPipeIsReadLikeAFile() throws {
    func score(_ text: String, after command: String) throws -> JSONValue? {
      let script = """
        \(command) '\(Self.program)' eval perplexity '\(Self.model)' --text \(text) --ctx 64 \
        --chunks 2 --json --quiet
        """
      return try json(runProgram("/bin/sh", ["-c", script]))["nll"]
    }
    let expected = try score("'\(Self.text)'", after: "")
    #expect(expected?.double != nil)
    for text in ["/dev/stdin", "-"] {
      #expect(try score(text, after: "cat '\(Self.text)' |") == expected)
    }
  }

  @Test func promptsOfRulerAreLines() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let arguments = [
      "eval", "ruler", Self.model, "--task", "vt,cwe", "--lengths", "2048,3000", "--samples", "2",
      "--prompts", "\(folder)/p.jsonl",
    ]
    #expect(try runProgram(Self.program, arguments).status == 0)
    let lines = try String(contentsOfFile: "\(folder)/p.jsonl", encoding: .utf8)
      .split(separator: "\n").map { try JSONValue.parse(Array($0.utf8), file: "line") }
    #expect(lines.count == 8)
    for line in lines {
      let prefix = try #require(line["answer_prefix"]?.string)
      #expect(prefix.hasPrefix(" Answer: "))
      #expect(line["input"]?.string?.hasSuffix("?") == true || prefix.contains("variables"))
      #expect(line["outputs"]?.array?.count == (line["task"]?.string == "vt" ? 5 : 10))
      let (length, limit) = (line["length"]?.int, line["max_seq_length"]?.int)
      #expect(try #require(length) <= #require(limit))
    }
    expectFailure(try runProgram(Self.program, arguments), 73, containing: "p.jsonl")
  }

  @Test func promptsOfNeedlesHoldTheirAnswers() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let finished = try run(
      "eval", "needle", Self.model, "--template", template, "--lengths", "64,100", "--depths",
      "0,100", "--trials", "2", "--prompts", "\(folder)/p.jsonl", "--json", "--quiet")
    #expect(try json(finished)["prompts"]?.int == 8)
    for line in try String(contentsOfFile: "\(folder)/p.jsonl", encoding: .utf8).split(
      separator: "\n")
    {
      let json = try JSONValue.parse(Array(line.utf8), file: "line")
      let answer = try #require(json["outputs"]?.array?.first?.string)
      #expect(json["input"]?.string?.contains("is\(answer).") == true)
      #expect(json["length"]?.int == json["max_seq_length"]?.int)
    }
  }

  /// A step holds its state file while it runs: it must let go soon after the plan was ended.
  @Test func aStepEndsWithItsPlan() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try """
    models: {a: \(Self.model)}
    evaluations: [{eval: ruler, name: long, task: niah_single_1, lengths: 2048, samples: 5000}]
    """.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = ["run", "\(folder)/plan.yaml", "--quiet"]
    try process.run()
    // A state file without units goes with the step.
    func isHeld() -> Bool {
      let descriptor = open("\(folder)/results/long.a.state", O_RDONLY)
      guard descriptor >= 0 else { return false }
      defer { close(descriptor) }
      return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }
    func waits(until wanted: Bool) -> Bool {
      for _ in 0..<3000 {
        if isHeld() == wanted { return true }
        usleep(10_000)
      }
      return false
    }
    #expect(waits(until: true))
    process.terminate()
    process.waitUntilExit()
    #expect(process.terminationStatus == 143)
    #expect(waits(until: false))
  }

  @Test(arguments: [
    "[1]", "models: {}", "model: {a: b}", "models: {a: [1]}", "models: {'../x': m.gguf}",
    "models: {a: m}\nconversions: {b: {model: c, to: qk}}",
    "models: {a: m}\nevaluations: [{eval: nothing}]",
    "models: {a: m}\nevaluations: [{eval: needle, json: true}]",
    "models: {a: m}\nevaluations: [{eval: compare}]",
    "models: {a: m}\nevaluations: [{eval: icl, models: [b]}]", "models: {a: m", "",
  ])
  func badPlans(_ text: String) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try text.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    expectFailure(try run("run", "\(folder)/plan.yaml"), 65, containing: "plan.yaml")
  }
}
