import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing

/// `run` keeps a step while everything it reads stays as it was, and no longer.
@Suite struct PlanInputsTests: CommandSuite {
  /// A plan beside files of its own: two models, a text and a folder of haystacks.
  private func workplace() throws -> String {
    let folder = try References.temporaryFolder()
    let files = FileManager.default
    try files.copyItem(atPath: Self.model, toPath: "\(folder)/a.gguf")
    try files.copyItem(atPath: Self.text, toPath: "\(folder)/text.txt")
    try files.createDirectory(atPath: "\(folder)/hay/more", withIntermediateDirectories: true)
    try files.copyItem(
      atPath: References.file("fixtures/lantern.haystack.txt"), toPath: "\(folder)/hay/one.txt")
    try files.copyItem(
      atPath: References.file("fixtures/lantern.haystack.txt"),
      toPath: "\(folder)/hay/more/two.txt")
    let template = try JSONValue.read(contentsOf: References.file("fixtures/lantern.needle.json"))
    var fields = try #require(template.object)
    fields["haystack"] = "hay"
    try JSONValue.object(fields).serialized(pretty: true).write(
      toFile: "\(folder)/needle.json", atomically: true, encoding: .utf8)
    try """
    models: {a: a.gguf}
    conversions: {b: {model: a, to: qkvo, value-pairs: 2}}
    evaluations:
      - {eval: perplexity, name: ppl, text: text.txt, ctx: 64, chunks: 2}
      - {eval: needle, name: needle, template: needle.json, lengths: [64], depths: [50], trials: 1,
         models: [a]}
    """.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    return folder
  }

  /// A `run` that is killed takes the step with it: nothing goes on writing that nobody waits for.
  @Test func stepsEndWithTheRun() throws {
    let folder = try workplace()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try """
    models: {a: a.gguf}
    evaluations:
      - {eval: ruler, name: long, lengths: [2048], samples: 5000, task: [niah_single_1]}
    """.write(toFile: "\(folder)/long.yaml", atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = ["run", "\(folder)/long.yaml", "--quiet"]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    func steps() -> [String] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return names.filter { name in
        guard Int(name) != nil,
          let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
        else { return false }
        let text = String(decoding: line, as: UTF8.self)
        return text.contains("ruler") && text.contains("\(folder)/a.gguf")
      }
    }
    for _ in 0..<1000 where steps().isEmpty && process.isRunning { usleep(10_000) }
    #expect(steps().count == 1)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    for _ in 0..<1000 where !steps().isEmpty { usleep(10_000) }
    #expect(steps().isEmpty)
  }

  private func outcomes(_ folder: String) throws -> [String: String] {
    let finished = try run("run", "\(folder)/plan.yaml", "--json", "--quiet")
    #expect(finished.status == 0)
    var found: [String: String] = [:]
    for step in try #require(json(finished)["steps"]?.array) {
      found[step["step"]?.string ?? ""] = step["outcome"]?.string
    }
    return found
  }

  private func likelihood(_ folder: String) throws -> Double {
    try #require(try JSONValue.read(contentsOf: "\(folder)/results/ppl.a.json")["nll"]?.double)
  }

  private static let allKept = [
    "b": "kept", "ppl.a": "kept", "ppl.b": "kept", "needle.a": "kept",
  ]

  /// Changes a byte and puts the time of the last change back: only the contents tell.
  private func change(_ path: String, at share: Double = 0.5) throws {
    let files = FileManager.default
    let date = try #require(try files.attributesOfItem(atPath: path)[.modificationDate])
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    let place = UInt64(Double(try handle.seekToEnd()) * share)
    try handle.seek(toOffset: place)
    let byte = try #require(try handle.read(upToCount: 1)?.first)
    try handle.seek(toOffset: place)
    // Letters of a text stay letters.
    try handle.write(contentsOf: Data([byte ^ 1]))
    try handle.close()
    try files.setAttributes([.modificationDate: date], ofItemAtPath: path)
  }

  @Test func aStepIsKeptWhileWhatItReadsIsTheSame() throws {
    let folder = try workplace()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(Set(try outcomes(folder).values) == ["done"])
    #expect(try outcomes(folder) == Self.allKept)

    try change("\(folder)/text.txt", at: 0.001)
    #expect(
      try outcomes(folder)
        == Self.allKept.merging(["ppl.a": "done", "ppl.b": "done"]) { $1 })
    #expect(try outcomes(folder) == Self.allKept)

    // A folder's file, and one in a folder of it, through the template that names the folder.
    try change("\(folder)/hay/more/two.txt")
    #expect(try outcomes(folder) == Self.allKept.merging(["needle.a": "done"]) { $1 })
    try FileManager.default.removeItem(atPath: "\(folder)/hay/more/two.txt")
    #expect(try outcomes(folder) == Self.allKept.merging(["needle.a": "done"]) { $1 })

    // A byte of the weights far from the start of any tensor: no unit of the old ones is used.
    let before = try likelihood(folder)
    try change("\(folder)/a.gguf", at: 0.7)
    #expect(Set(try outcomes(folder).values) == ["done"])
    #expect(try likelihood(folder) != before)
    #expect(try outcomes(folder) == Self.allKept)

    // What a conversion made was changed behind its back.
    try change("\(folder)/results/models/b.gguf", at: 0.9)
    #expect(try outcomes(folder)["b"] == "done")
    #expect(try outcomes(folder) == Self.allKept)
  }

  @Test func commandsAreListedWithoutRunning() throws {
    let folder = try workplace()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let finished = try run("run", "\(folder)/plan.yaml", "--dry-run", "--json")
    #expect(finished.status == 0)
    let listed = try json(finished)
    #expect(listed["kind"]?.string == "run" && listed["dry_run"]?.bool == true)
    let steps = try #require(listed["steps"]?.array)
    #expect(steps.map { $0["step"]?.string } == ["b", "ppl.a", "ppl.b", "needle.a"])
    #expect(
      steps[1]["command"]?.array?.compactMap(\.string) == [
        "eval", "perplexity", "\(folder)/a.gguf", "--text", "\(folder)/text.txt", "--ctx", "64",
        "--chunks", "2",
      ])
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/results"))
  }

  /// As on the command line: without `to` the sites stay as they are.
  @Test func aConversionMayKeepItsSites() throws {
    let folder = try workplace()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try """
    models: {a: a.gguf}
    conversions: {b: {model: a, to: qkvo}, c: {model: b, type: f16}}
    evaluations: []
    """.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    #expect(try outcomes(folder) == ["b": "done", "c": "done"])
    #expect(
      try JSONValue.read(contentsOf: "\(folder)/results/models/c.json")["sites_to"]?.string
        == "qkvo")
    try "models: {a: a.gguf}\nconversions: {b: {model: a, to: [qkvo]}}".write(
      toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    expectFailure(try run("run", "\(folder)/plan.yaml"), 65, containing: "conversions.b")
  }

  @Test func listsOfTasksAreBesideThePlan() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.copyItem(atPath: Self.model, toPath: "\(folder)/a.gguf")
    try """
    models: {a: a.gguf}
    evaluations:
      - {eval: icl, tasks: "x.jsonl,y.jsonl"}
      - {eval: icl, tasks: [x.jsonl, y.jsonl], junit: j.xml}
    """.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    let steps = try #require(
      try json(run("run", "\(folder)/plan.yaml", "--dry-run", "--json"))["steps"]?.array)
    for step in steps {
      let command = step["command"]?.array?.compactMap(\.string) ?? []
      #expect(command.contains("\(folder)/x.jsonl,\(folder)/y.jsonl"))
    }
  }
}
