import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// `eval ruler --task all`: what cannot be made is left out and named.
@Suite struct RulerCommandTests: CommandSuite {
  private func ruler(_ arguments: [String]) throws -> Finished {
    try runProgram(
      Self.program,
      ["eval", "ruler", Self.model, "--samples", "1"]
        + (arguments.contains("--prompts") ? [] : ["--mode", "nll"]) + arguments)
  }

  private func pairs(_ json: JSONValue, _ key: String) throws -> [String] {
    try #require(json[key]?.array).map {
      "\($0["task"]?.string ?? "") \($0["length"]?.int.map(String.init) ?? "all")"
    }
  }

  @Test func tasksWithoutRoomOrTextAreLeftOut() throws {
    let finished = try ruler(["--lengths", "1024,256", "--json"])
    #expect(finished.status == 0, "\(finished.errors)")
    let json = try json(finished)
    let essays = [
      "niah_single_2", "niah_single_3", "niah_multikey_1", "niah_multivalue", "niah_multiquery",
    ]
    #expect(
      Set(try pairs(json, "left_out"))
        == Set(
          essays.map { "\($0) all" } + [
            "niah_single_1 256", "niah_multikey_2 256", "niah_multikey_3 256", "vt 256", "cwe 256",
            "cwe 1024", "fwe 256", "qa_1 all", "qa_2 all",
          ]))
    #expect(
      Set(try pairs(json, "tasks")) == [
        "niah_single_1 1024", "niah_multikey_2 1024", "niah_multikey_3 1024", "vt 1024", "fwe 1024",
      ])
    for part in try #require(json["left_out"]?.array) {
      #expect(part["reason"]?.string?.isEmpty == false)
    }
    let warnings = finished.errors.split(separator: "\n").filter { $0.contains("left out: ") }
    #expect(warnings.contains { $0.contains("\(essays.joined(separator: ", ")): no --essays") })
    #expect(warnings.contains { $0.contains("qa_1: no --squad") })
    #expect(warnings.contains { $0.contains("cwe at 1024: it needs at least 11") })
    // What was left out numbers the units: a state or a shard of other tasks is another evaluation.
    #expect(json["identity"]?["settings"]?["left_out"] == json["left_out"])
  }

  @Test func theTextNamesThem() throws {
    let finished = try ruler(["--lengths", "1024", "--quiet"])
    #expect(finished.errors.isEmpty)
    #expect(finished.output.contains("\nleft out    qa_2: no --hotpot\n"))
    #expect(finished.output.contains("\nleft out    cwe at 1024: it needs at least 11"))
  }

  @Test func nothingIsLeftOutWhereAllCanBeMade() throws {
    let json = try json(ruler(["--task", "niah_single_1", "--lengths", "1024", "--json"]))
    #expect(json["left_out"] == nil)
    let essays = try self.json(
      ruler(["--lengths", "640", "--essays", Self.text, "--json", "--quiet"]))
    #expect(try pairs(essays, "tasks").contains("niah_single_2 640"))
    #expect(try !pairs(essays, "left_out").contains { $0.hasPrefix("niah_single_2") })
  }

  @Test func aTaskThatWasNamedIsAnError() throws {
    for (arguments, words) in [
      (["--task", "cwe", "--lengths", "256"], "cwe: length 256"),
      (["--task", "niah_single_2", "--lengths", "2048"], "niah_single_2"),
      (["--lengths", "100"], "no task has room in the lengths given, expected at least 3"),
    ] {
      expectFailure(try ruler(arguments + ["--quiet"]), 64, containing: words)
    }
  }

  @Test func promptsAreThoseThatCanBeMade() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let finished = try ruler(["--lengths", "1024", "--prompts", "\(folder)/p.jsonl", "--json"])
    #expect(finished.status == 0, "\(finished.errors)")
    #expect(try json(finished)["prompts"]?.int == 5)
    #expect(try json(finished)["warnings"]?.array?.count ?? 0 >= 3)
  }
}
