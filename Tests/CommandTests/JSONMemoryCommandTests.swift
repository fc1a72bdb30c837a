import Foundation
import TestSupport
import Testing

/// A small text of JSON that would take more than a gibibyte, in every command that reads one.
@Suite struct JSONMemoryCommandTests: CommandSuite {
  @Test(arguments: [
    ["report", "FILE", "-o", "FILE.html"],
    ["eval", "merge", "FILE", References.file("fixtures/lantern.ids.json")],
    ["eval", "requests", model, "--requests", "FILE"],
    ["eval", "icl", model, "--tasks", "FILE"],
  ])
  func tooManyValues(arguments: [String]) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let file = "\(work)/many.json"
    // 3.9 MB.
    let objects = Array(repeating: "{}", count: 1_300_000).joined(separator: ",")
    try "[\(objects)]".write(toFile: file, atomically: true, encoding: .utf8)
    let finished = try runProgram(
      Self.program, arguments.map { $0.replacingOccurrences(of: "FILE", with: file) })
    expectFailure(
      finished, 65, containing: file, "too many values in the JSON text", "1024 MiB of memory")
  }

  @Test func aManifest() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let objects = Array(repeating: "{}", count: 1_300_000).joined(separator: ",")
    try "{\"format\":\"ropeconv-archive\",\"a\":[\(objects)]}".write(
      toFile: "\(work)/MANIFEST.json", atomically: true, encoding: .utf8)
    let packed = try runProgram(
      "/bin/sh", ["-c", "tar -C '\(work)' -cf '\(work)/a.tar' MANIFEST.json"])
    #expect(packed.status == 0, "\(packed.errors)")
    for command in ["list", "verify"] {
      expectFailure(
        try run("archive", command, "\(work)/a.tar"), 65, containing: "MANIFEST.json",
        "too many values in the JSON text")
    }
  }
}
