import Base
import Foundation
import TestSupport
import Testing

/// A model's name on a hub stands for its folder in the local cache.
@Suite struct HubNameTests: CommandSuite {
  private static let commit = "0123456789abcdef0123456789abcdef01234567"
  private static let folder = "hub/models--Some-Org--Tiny.1B/snapshots/\(commit)"

  /// A cache as the hub's client leaves it: a snapshot of links into `blobs`.
  private func cache() throws -> String {
    let work = try References.temporaryFolder()
    let files = FileManager.default
    let model = "\(work)/hub/models--Some-Org--Tiny.1B"
    for folder in ["\(work)/\(Self.folder)", "\(model)/refs", "\(model)/blobs"] {
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try Self.commit.write(toFile: "\(model)/refs/main", atomically: true, encoding: .utf8)
    #expect(try run("convert", Self.model, "-o", "\(work)/hf/", "--quiet").status == 0)
    for (index, name) in try files.contentsOfDirectory(atPath: "\(work)/hf").sorted().enumerated() {
      try files.moveItem(atPath: "\(work)/hf/\(name)", toPath: "\(model)/blobs/\(index)")
      try files.createSymbolicLink(
        atPath: "\(work)/\(Self.folder)/\(name)", withDestinationPath: "../../blobs/\(index)")
    }
    return work
  }

  private func run(
    in work: String, _ environment: [String: String], _ arguments: String...
  ) throws -> Finished {
    let variables = environment.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    let script =
      "cd '\(work)' && exec env -u HF_HUB_CACHE -u HF_HOME -u XDG_CACHE_HOME"
      + " \(variables) '\(Self.program)' \(words)"
    return try runProgram("/bin/sh", ["-c", script])
  }

  @Test func aNameIsItsFolder() throws {
    let work = try cache()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let name = "Some-Org/Tiny.1B"
    try FileManager.default.createDirectory(
      atPath: "\(work)/home/.cache/huggingface", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(work)/home/.cache/huggingface/hub", withDestinationPath: "../../../hub")
    for (environment, folder) in [
      (["HF_HUB_CACHE": "\(work)/hub"], "\(work)/\(Self.folder)"),
      (["HF_HOME": work], "\(work)/\(Self.folder)"),
      (
        ["HOME": "\(work)/home"],
        "\(work)/home/.cache/huggingface/\(Self.folder)"
      ),
    ] {
      let finished = try run(in: work, environment, "inspect", name, "--json")
      #expect(try json(finished)["model"]?.string == folder)
      #expect(finished.errors == "ropeconv: \(name) is \(folder)\n")
    }
    let cached = ["HF_HOME": work]
    let scored = try json(
      run(
        in: work, cached, "eval", "perplexity", "-m", name, "-f", Self.text, "-c", "64", "--chunks",
        "1", "--json", "--quiet"))
    #expect(scored["models"]?.array?.first?["name"]?.string == name)
    // Nothing is written into the cache.
    #expect(try run(in: work, cached, "convert", name, "--to", "vo", "--quiet").status == 0)
    #expect(FileManager.default.fileExists(atPath: "\(work)/Tiny.1B.vo/config.json"))
    let card = try String(contentsOfFile: "\(work)/Tiny.1B.vo/README.md", encoding: .utf8)
    #expect(card.contains("base_model: \(name)"))
    // A plan's steps read the folder.
    try "models: {tiny: \(name)}\nevaluations: [{eval: perplexity, text: t.txt}]\n"
      .write(toFile: "\(work)/plan.yaml", atomically: true, encoding: .utf8)
    let plan = try run(in: work, cached, "run", "plan.yaml", "--dry-run")
    #expect(plan.output.contains("\(work)/\(Self.folder)"), "\(plan.output)")
  }

  @Test func aPathThatExistsComesFirst() throws {
    let work = try cache()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try FileManager.default.createDirectory(
      atPath: "\(work)/Some-Org", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Self.model, toPath: "\(work)/Some-Org/Tiny.1B")
    let finished = try run(in: work, ["HF_HOME": work], "inspect", "Some-Org/Tiny.1B", "--json")
    #expect(try json(finished)["model"]?.string == "Some-Org/Tiny.1B")
    #expect(finished.errors.isEmpty)
  }

  @Test func whatIsMissingIsNamed() throws {
    let work = try cache()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let cached = ["HF_HUB_CACHE": "\(work)/hub"]
    let model = "\(work)/hub/models--Some-Org--Tiny.1B"
    expectFailure(
      try run(in: work, cached, "inspect", "Some-Org/Other"), 66,
      containing: "there is no \(work)/hub/models--Some-Org--Other", "hf download Some-Org/Other")
    expectFailure(
      try run(in: work, ["HF_HOME": "/no/such"], "inspect", "Some-Org/Other"), 66,
      containing: "there is no /no/such/hub")
    try "ffff".write(toFile: "\(model)/refs/main", atomically: true, encoding: .utf8)
    expectFailure(
      try run(in: work, cached, "inspect", "Some-Org/Tiny.1B"), 66,
      containing: "there is no \(model)/snapshots/ffff")
    try "../../x".write(toFile: "\(model)/refs/main", atomically: true, encoding: .utf8)
    expectFailure(
      try run(in: work, cached, "inspect", "Some-Org/Tiny.1B"), 66,
      containing: "there is no \(model)/refs/main")
    // A file of any size is not read for the commit at its beginning.
    try (Self.commit + String(repeating: "\n", count: 300))
      .write(toFile: "\(model)/refs/main", atomically: true, encoding: .utf8)
    expectFailure(
      try run(in: work, cached, "inspect", "Some-Org/Tiny.1B"), 66,
      containing: "there is no \(model)/refs/main")
    try FileManager.default.removeItem(atPath: "\(model)/refs/main")
    expectFailure(
      try run(in: work, cached, "inspect", "Some-Org/Tiny.1B"), 66,
      containing: "there is no \(model)/refs/main")
  }
}
