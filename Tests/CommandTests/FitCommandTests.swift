import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// `convert` with a calibration text, and `analyze`.
@Suite struct FitCommandTests: CommandSuite {
  private static let calibration = References.file("fixtures/lantern.calibration.txt")

  @Test func aFitReportsBeforeRewrittenAndAfter() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let output = "\(work)/fitted.gguf"
    let finished = try run(
      "convert", Self.model, "--to", "rove", "-o", output, "--calibrate", Self.calibration,
      "--calibrate-tokens", "4096", "--calibrate-ctx", "256", "--json", "--quiet")
    #expect(finished.status == 0)
    let fit = try #require(try json(finished)["fit"])
    func number(_ key: String) throws -> Double { try #require(fit[key]?.double) }
    #expect(fit["mode"]?.string == "full")
    #expect(fit["tokens"]?.int == 13 * 256)
    #expect(fit["held_out_tokens"]?.int == 3 * 256)
    #expect(fit["layers"]?.array?.count == 3)
    let (before, rewritten) = (try number("perplexity_before"), try number("perplexity_rewritten"))
    let (fitted, after) = (try number("perplexity_fitted"), try number("perplexity_after"))
    #expect(before < rewritten && abs(fitted - before) < 0.3 * (rewritten - before))
    // The file's rounding costs next to nothing.
    #expect(abs(after / fitted - 1) < 1e-3)
    let metadata = try Checkpoint.open(output).metadata
    #expect(metadata["ropeconv.fit.perplexity_fitted"]?.double == fitted)
    #expect(metadata["ropeconv.settings"]?.string?.contains("fit=full") == true)
  }

  @Test func lostDistanceIsSaid() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for sites in ["vo", "nope", "q"] {
      let finished = try run(
        "convert", Self.model, "--to", sites, "-o", "\(work)/\(sites).gguf", "--text", Self.text,
        "--ctx", "64", "--chunks", "2")
      #expect(finished.status == 0)
      #expect(finished.errors.contains("attention scores lose the distance"))
      #expect(finished.errors.contains("perplexity"))
    }
    let kept = try run("convert", Self.model, "--to", "rove", "-o", "\(work)/rove.gguf")
    #expect(!kept.errors.contains("lose the distance"))
  }

  @Test func fitErrors() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let output = "\(work)/out.gguf"
    let short = "\(work)/short.txt"
    try "too short".write(toFile: short, atomically: true, encoding: .utf8)
    let repeated = "\(work)/repeated.json"
    try JSONValue.array([JSONValue](repeating: .integer(5), count: 4096)).serialized(pretty: false)
      .write(toFile: repeated, atomically: true, encoding: .utf8)
    func convert(_ arguments: String...) throws -> Finished {
      try runProgram(
        Self.program, ["convert", Self.model, "--to", "rove", "-o", output, "--quiet"] + arguments)
    }
    expectFailure(try convert("--fit", "full"), 64, containing: "--calibrate")
    expectFailure(try convert("--fit", "none", "--calibrate", short), 64)
    expectFailure(try convert("--max-increase", "1"), 64, containing: "--calibrate")
    expectFailure(try convert("--max-increase", "-1", "--calibrate", short), 64)
    expectFailure(try convert("--calibrate", short), 65, containing: "short.txt")
    expectFailure(
      try convert("--calibrate", Self.calibration, "--calibrate-tokens", "600"), 64,
      containing: "--calibrate-tokens")
    expectFailure(
      try convert("--calibrate-tokens-from", repeated), 65, containing: "1 different tokens")
    expectFailure(try convert("--calibrate", "\(work)/none.txt"), 66)
    #expect(!FileManager.default.fileExists(atPath: output))
    try "keep".write(toFile: output, atomically: true, encoding: .utf8)
    expectFailure(try convert("--calibrate", Self.calibration), 73)
    #expect(try String(contentsOfFile: output, encoding: .utf8) == "keep")
  }

  /// A step beyond the chunk would look at one query all the same, and say another share.
  @Test(arguments: ["0", "129"]) func stepsOfQueriesLieWithinAChunk(step: String) throws {
    expectFailure(
      try run(
        "analyze", Self.model, "--text", Self.calibration, "--ctx", "128", "--query-step", step,
        "--quiet"), 64)
  }

  @Test func analyzeWritesTableJSONAndMap() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let map = "\(work)/damage.svg"
    let finished = try run(
      "analyze", Self.model, "--text", Self.calibration, "--ctx", "128", "--chunks", "2", "--svg",
      map, "--json", "--quiet")
    #expect(finished.status == 0)
    let layers = try #require(try json(finished)["layers"]?.array)
    #expect(layers.count == 3)
    for layer in layers {
      for key in ["frequencies", "damage_predicted", "damage_measured", "damage_lost"] {
        #expect(layer[key]?.array?.count == 16)
      }
      #expect(layer["heads"]?.array?.count == 4)
      #expect(layer["heads"]?.array?.first?["coherence"]?.array?.count == 16)
    }
    let svg = try XMLDocumentCheck.elements(in: map)
    // A cell per layer and pair, the ground, and five steps of the legend.
    #expect(svg["rect"] == 3 * 16 + 1 + 50)
    let again = try run(
      "analyze", Self.model, "--text", Self.calibration, "--ctx", "128", "--chunks", "2", "--svg",
      map, "--quiet")
    expectFailure(again, 73)
    let table = try run(
      "analyze", Self.model, "--text", Self.calibration, "--ctx", "128", "--chunks", "2", "--heads",
      "--quiet")
    #expect(table.output.contains("64-127"))
    #expect(table.output.contains("mean distance"))
  }
}

/// Counts the elements of a picture that is well-formed as far as it balances.
enum XMLDocumentCheck {
  static func elements(in path: String) throws -> [String: Int] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    var counts: [String: Int] = [:]
    var depth = 0
    for part in text.split(separator: "<").dropFirst(0) {
      if part.hasPrefix("/") {
        depth -= 1
      } else {
        let name = part.prefix { $0.isLetter }
        counts[String(name), default: 0] += 1
        if !part.prefix(while: { $0 != ">" }).hasSuffix("/") { depth += 1 }
      }
    }
    #expect(depth == 0)
    return counts
  }
}
