import Checkpoints
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// Contexts beyond the trained one: the fixture's is 512.
@Suite struct ContextWarningTests: CommandSuite {
  private static let warning = "ropeconv: warning: "
  private static let beyond = "600 tokens exceed the 512 that the model was trained on"

  @Test func everyCommandWarnsOnce() throws {
    let template = References.file("fixtures/lantern.needle.json")
    let few = ["--text", Self.text, "--ctx", "600", "--chunks", "1"]
    let scale = "--rope-scaling yarn --rope-factor 1.18"
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (arguments, remedy) in [
      (["eval", "perplexity", Self.model] + few, scale),
      (
        [
          "eval", "perplexity", Self.model, "--text", Self.text, "--lengths", "64,600,550",
          "--chunks", "1",
        ], scale
      ),
      (["eval", "compare", Self.model, Self.model] + few, "a smaller --ctx"),
      (
        [
          "eval", "needle", Self.model, "--template", template, "--lengths", "64,600", "--trials",
          "1", "--depths", "50",
        ], scale
      ),
      (["verify", Self.model, Self.model] + few, "a smaller --ctx"),
      (["analyze", Self.model] + few, "a smaller --ctx"),
      (["convert", Self.model, "--to", "qk", "-o", "\(folder)/a.gguf"] + few, "a smaller --ctx"),
      (
        [
          "convert", Self.model, "--to", "qkvo", "-o", "\(folder)/b.gguf", "--value-pairs", "2",
          "--calibrate", References.file("fixtures/lantern.calibration.txt"), "--calibrate-ctx",
          "600",
        ], "a smaller --calibrate-ctx"
      ),
    ] {
      let finished = try runProgram(Self.program, arguments + ["--json"])
      #expect(finished.status == 0, "\(arguments): \(finished.errors)")
      let lines = finished.errors.split(separator: "\n").filter {
        $0.hasPrefix(Self.warning) && $0.contains("was trained on")
      }
      #expect(lines.count == 1, "\(arguments): \(finished.errors)")
      #expect(lines.first?.contains(Self.beyond) == true)
      #expect(lines.first?.contains(remedy) == true, "\(finished.errors)")
      let stated = try #require(json(finished)["warnings"]?.array).compactMap(\.string)
      #expect(stated.contains { $0.contains(Self.beyond) })
    }
  }

  /// Where sites are absolute a chunk that begins late goes beyond what was trained, however short it is;
  /// of relative ones only distances count.
  @Test func aLateStartCountsWhereSitesAreAbsolute() throws {
    let late = ["--text", Self.text, "--ctx", "64", "--chunks", "1", "--start", "500"]
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let keys = "\(folder)/k.gguf"
    #expect(try run("convert", Self.model, "--to", "k", "-o", keys, "--quiet").status == 0)
    let beyond = "positions up to 564 exceed the 512 that the model was trained on"
    for arguments in [
      ["eval", "perplexity", Self.model, "--sites", "k"] + late,
      ["eval", "perplexity", Self.model, keys] + late,
      ["eval", "compare", Self.model, keys] + late, ["eval", "compare", keys, keys] + late,
      ["verify", keys, keys] + late,
      ["convert", Self.model, "--to", "k", "-o", "\(folder)/a.gguf"] + late,
      ["convert", keys, "--type", "f32", "-o", "\(folder)/b.gguf"] + late,
    ] {
      let finished = try runProgram(Self.program, arguments)
      #expect(finished.status == 0, "\(arguments): \(finished.errors)")
      #expect(finished.errors.contains(beyond), "\(arguments): \(finished.errors)")
    }
    for arguments in [
      ["eval", "perplexity", Self.model] + late,
      ["convert", Self.model, "--to", "qkvo", "-o", "\(folder)/c.gguf"] + late,
      ["eval", "perplexity", Self.model, "--sites", "k", "--text", Self.text, "--ctx", "64"]
        + ["--chunks", "1", "--start", "448"],
    ] {
      let finished = try runProgram(Self.program, arguments)
      #expect(finished.status == 0, "\(arguments): \(finished.errors)")
      #expect(!finished.errors.contains("was trained on"), "\(arguments): \(finished.errors)")
    }
    let plan = try Model(opening: keys).plan
    #expect(ContextWarning(plan, length: 64, from: 448) == nil)
    #expect(ContextWarning(plan, length: 64, from: 449)?.length == 513)
    #expect(ContextWarning(plan, length: 64, from: .max)?.length == .max)
  }

  @Test func nothingIsSaidWhereItReaches() throws {
    let few = ["eval", "perplexity", Self.model, "--text", Self.text, "--chunks", "1", "--json"]
    for arguments in [
      ["--ctx", "512"], ["--ctx", "600", "--rope-scaling", "yarn", "--rope-factor", "1.18"],
      ["--ctx", "600", "--rope-scaling", "dynamic", "--rope-factor", "2"],
      ["--lengths", "64,600", "--rope-scaling", "yarn"],
    ] {
      let finished = try runProgram(Self.program, few + arguments)
      #expect(finished.status == 0)
      #expect(!finished.errors.contains("warning"), "\(finished.errors)")
      #expect(try json(finished)["warnings"] == nil)
    }
    // Quiet on standard error, said in the result.
    let quiet = try runProgram(Self.program, few + ["--ctx", "600", "--quiet"])
    #expect(quiet.errors.isEmpty)
    #expect(try json(quiet)["warnings"]?.array?.count == 1)
  }

  @Test func tooSmallAFactorIsNamed() throws {
    let model = try Model(opening: Self.model)
    func warning(_ length: Int, _ scaling: FrequencyScaling?) -> ContextWarning? {
      ContextWarning(model.plan, length: length, rotary: RotaryRequest(scaling: scaling))
    }
    #expect(warning(512, nil) == nil)
    #expect(warning(513, nil)?.factor == 1.01)
    #expect(warning(1024, nil)?.factor == 2)
    #expect(warning(1024, .linear(factor: 2)) == nil)
    #expect(warning(1025, .linear(factor: 2)) != nil)
    #expect(warning(2048, .yarn(.init(factor: 4, originalContext: 512))) == nil)
    #expect(warning(2049, .yarn(.init(factor: 4, originalContext: 512))) != nil)
    #expect(warning(1 << 30, .dynamic(factor: 2, originalContext: 512)) == nil)
  }

  /// The fixture stretched by YaRN from its 512 tokens to 2048, as its file states it.
  private func scaledModel(in folder: String) throws -> String {
    let path = "\(folder)/scaled.gguf"
    let finished = try runProgram(
      Self.program,
      [
        "convert", Self.model, "--to", "keep", "-o", path, "--set", "llama.context_length=2048",
        "--set", "llama.rope.scaling.type=yarn", "--set", "llama.rope.scaling.factor=4", "--set",
        "llama.rope.scaling.original_context_length=512",
      ])
    #expect(finished.status == 0, "\(finished.errors)")
    return path
  }

  /// What a file states of its scaling is what a request for the same scaling starts from.
  @Test func aScalingStartsFromTheContextBeforeTheFilesOwn() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try scaledModel(in: folder)
    func nll(_ options: String...) throws -> Double? {
      let finished = try runProgram(
        Self.program,
        [
          "eval", "perplexity", model, "--text", Self.text, "--ctx", "1024", "--chunks", "1",
          "--compute", "f32", "--json",
        ] + options)
      #expect(finished.status == 0, "\(finished.errors)")
      return try json(finished)["nll"]?.double
    }
    let stated = try #require(try nll())
    #expect(try nll("--rope-scaling", "yarn", "--rope-factor", "4") == stated)
    let other = try nll(
      "--rope-scaling", "yarn", "--rope-factor", "4", "--rope-original-ctx", "2048")
    #expect(other != stated)
    // A curve's factor is the length over those 512 tokens, so that at 2048 it is the file's own.
    let finished = try runProgram(
      Self.program,
      [
        "eval", "perplexity", model, "--text", Self.text, "--lengths", "1024,2048", "--chunks", "1",
        "--compute", "f32", "--rope-scaling", "checkpoint,yarn", "--json",
      ])
    let curves = try #require(json(finished)["sweeps"]?.array)
    let points = curves.map { $0["points"]?.array ?? [] }
    #expect(points.map(\.count) == [2, 2], "\(finished.errors)")
    #expect(points[0][1]["nll"]?.double != nil)
    #expect(points[0][1]["nll"] == points[1][1]["nll"])
    let scaling = points[1][0]["identity"]?["models"]?.array?.first?["rotation"]?["scaling"]
    #expect(scaling?["factor"]?.double == 2)
    #expect(!finished.errors.contains("warning"), "\(finished.errors)")
  }

  /// Without its own scaling, a file reaches what it was trained on before.
  @Test func takingTheScalingAwayTakesItsReach() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try Model(opening: scaledModel(in: folder))
    func warning(_ length: Int, _ scaling: FrequencyScaling?) -> ContextWarning? {
      ContextWarning(model.plan, length: length, rotary: RotaryRequest(scaling: scaling))
    }
    #expect(warning(2048, nil) == nil)
    #expect(warning(2049, nil)?.text.contains("exceed the 2048 that the model was") == true)
    #expect(warning(512, .some(.none)) == nil)
    let unscaled = try #require(warning(1024, .some(.none)))
    #expect(unscaled.text.hasSuffix("the 512 that the model was trained on before its own scaling"))
    #expect(unscaled.factor == 2)
    #expect(warning(1024, .linear(factor: 2)) == nil)
    #expect(warning(1025, .linear(factor: 2)) != nil)
    #expect(warning(2048, .yarn(.init(factor: 4, originalContext: 512))) == nil)
  }

  /// A prompt of many shots.
  @Test func longPromptsWarnOnce() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let line = { (number: Int) in
      let words = Array(repeating: "the lantern stood on the hill", count: 40 + number)
        .joined(separator: " ")
      return #"{"context": "\#(words)", "continuation": "hill"}"#
    }
    let path = "\(folder)/long.jsonl"
    try (0..<4).map(line).joined(separator: "\n").write(
      toFile: path, atomically: true, encoding: .utf8)
    let finished = try runProgram(
      Self.program,
      ["eval", "icl", Self.model, "--tasks", path, "--shots", "2", "--batch", "1", "--json"])
    #expect(finished.status == 0, "\(finished.errors)")
    let lines = finished.errors.split(separator: "\n").filter { $0.hasPrefix(Self.warning) }
    #expect(lines.count == 1, "\(finished.errors)")
    #expect(lines.first?.contains("exceed the 512") == true)
    #expect(try json(finished)["warnings"]?.array?.count == 1)
  }
}
