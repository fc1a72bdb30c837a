import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// An option that changes nothing in a call is a usage error that says why.
@Suite struct UnusedOptionTests: CommandSuite {
  private static let perplexity = [
    "eval", "perplexity", model, "--text", text, "--ctx", "64", "--chunks", "1",
  ]
  private static let needle = [
    "eval", "needle", model, "--template", References.file("fixtures/lantern.needle.json"),
    "--lengths", "64", "--depths", "50", "--trials", "1",
  ]
  private static let ruler = [
    "eval", "ruler", model, "--task", "vt", "--lengths", "1024", "--samples", "1",
  ]
  private static let icl = [
    "eval", "icl", model, "--tasks", References.file("fixtures/tasks/codes.jsonl"), "--examples",
    "2",
  ]
  /// A text that is shorter than a chunk.
  private static let bytes = [
    "eval", "bytes", model, "--text", References.file("fixtures/lantern.needle.json"), "--ctx",
    "4096",
  ]
  private static let compare = [
    "eval", "compare", model, model, "--text", text, "--ctx", "64", "--chunks", "1",
  ]

  @Test(arguments: [
    (perplexity + ["--value-base", "1e8"], "--value-base", "the sites are qk"),
    (perplexity + ["--sites", "rope", "--value-pairs", "4"], "--value-pairs", "no value rotates"),
    (perplexity + ["--sites", "nope", "--start", "3"], "--start", "positions"),
    (
      perplexity + ["--sites", "nope", "--rope-scaling", "linear", "--rope-factor", "2"],
      "--rope-scaling", "nothing rotates"
    ),
    (
      perplexity + ["--sites", "qk", "--rope-scaling", "linear:vo", "--rope-factor", "2"],
      "--rope-scaling", "no vo rotates"
    ),
    (perplexity + ["--rope-scaling", "none"], "--rope-scaling", "checkpoint, the default"),
    (
      perplexity + ["--sites", "vo", "--rope-scaling", "none:vo"], "--rope-scaling",
      "checkpoint, the default"
    ),
    (
      ["eval", "perplexity", model, model, "--text", text, "--rope-scaling", "checkpoint,none"],
      "--rope-scaling", "checkpoint, the default"
    ),
    (compare + ["--rope-scaling", "none"], "--rope-scaling", "checkpoint, the default"),
    (perplexity + ["--rope-factor", "2"], "--rope-factor", "--rope-scaling"),
    (
      perplexity + ["--rope-scaling", "none", "--rope-original-ctx", "64"], "--rope-original-ctx",
      "--rope-scaling"
    ),
    (
      perplexity
        + ["--rope-scaling", "ntk", "--rope-factor", "2", "--rope-original-ctx", "64"],
      "--rope-original-ctx", "ntk"
    ),
    (perplexity + ["--lengths", "64,128"], "--ctx", "--lengths"),
    (perplexity + ["--stride", "16", "--score", "all"], "--score", "--stride"),
    (compare + ["--value-pairs", "4"], "--value-pairs", "no value rotates"),
    (needle + ["--value-pairs", "4"], "--value-pairs", "no value rotates"),
    (needle + ["--force"], "--force", "no file"),
    (needle + ["--prompts", "p.jsonl", "--min-accuracy", "1"], "--min-accuracy", "--prompts"),
    (needle + ["--prompts", "p.jsonl", "--sites", "vo"], "--sites", "--prompts"),
    (needle + ["--prompts", "p.jsonl", "--state", "s"], "--state", "--prompts"),
    (ruler + ["--essays", text], "--essays", "essays"),
    (ruler + ["--squad", text], "--squad", "qa_1"),
    (ruler + ["--hotpot", text], "--hotpot", "qa_2"),
    (ruler + ["--compute", "bf16"], "--compute", "f32"),
    (ruler + ["--prompts", "p.jsonl", "--mode", "nll"], "--mode", "--prompts"),
    (icl + ["--seed", "3"], "--seed", "--shots"),
    (icl + ["--value-base", "1e6"], "--value-base", "no value rotates"),
    (["convert", model, "--to", "vo", "--chunks", "2"], "--chunks", "--text"),
    (["convert", model, "--to", "vo", "--compute", "f32"], "--compute", "--text"),
    (["convert", model, "--to", "vo", "--calibrate-ctx", "64"], "--calibrate-ctx", "--calibrate"),
    (["convert", model, "--to", "vo", "--still-epsilon", "1"], "--still-epsilon", "B1"),
    (
      ["convert", model, "--to", "rove", "--value-pairs", "0", "-o", "x.gguf"], "--value-pairs",
      "as with --to qk"
    ),
    (
      ["convert", model, "--to", "vo", "--value-pairs", "0,0,0", "-o", "x.gguf"], "--value-pairs",
      "as with --to nope"
    ),
    (
      perplexity + ["--rope-scaling", "linear", "--rope-factor", "1"], "--rope-factor",
      "scales nothing"
    ),
    (bytes + ["--stride", "3"], "--stride", "one chunk"),
    (["analyze", model, "--text", text, "--force"], "--force", "no file"),
    (["analyze", model, "--text", text, "--json", "--heads"], "--heads", "--json"),
    (["run", "plan.yaml", "--dry-run", "--junit", "j.xml"], "--junit", "--dry-run"),
  ])
  func isRefusedWithTheReason(_ arguments: [String], _ option: String, _ reason: String) throws {
    let finished = try runProgram(Self.program, arguments + ["--quiet"])
    #expect(finished.status == 64, "\(finished.errors)")
    let line = finished.errors.split(separator: "\n").first ?? ""
    #expect(line.hasPrefix("ropeconv: error: \(option) has no effect: "), "\(finished.errors)")
    #expect(line.contains(reason), "\(finished.errors)")
  }

  /// Words of a list that add nothing, and an absorption that finds nothing to do.
  @Test(arguments: [
    (["--absorb", "A2,A2"], "A2 twice"), (["--absorb", "B1"], "B1 stills nothing"),
  ])
  func absorptionsThatDoNothingAreRefused(_ options: [String], _ reason: String) throws {
    expectFailure(
      try runProgram(
        Self.program, ["convert", Self.model, "--to", "rove", "-o", "x.gguf", "--quiet"] + options),
      64, containing: reason, "--absorb")
  }

  /// An accuracy is a share: nothing is above 1.
  @Test(arguments: ["50", "1.01", "-0.1"])
  func sharesAreFromZeroToOne(_ limit: String) throws {
    for arguments in [Self.icl, Self.needle] {
      let finished = try runProgram(
        Self.program, arguments + ["--min-accuracy=\(limit)", "--quiet"])
      #expect(finished.status == 64, "\(finished.errors)")
      #expect(finished.errors.contains("expected a share from 0 to 1"), "\(finished.errors)")
      #expect(finished.errors.contains("0.5") == (limit == "50"))
    }
  }

  @Test func aMemoryIsPrintedAsItIsGiven() throws {
    for (given, said) in [("1K", "1 KiB"), ("1000", "1000 bytes"), ("3M", "3 MiB")] {
      expectFailure(
        try runProgram(Self.program, Self.perplexity + ["--memory", given, "--quiet"]), 64,
        containing: "--memory is \(said),")
    }
  }

  /// What a model stores counts, not what most models are.
  @Test func valuesThatRotateInTheFileCanBeChanged() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let rove = "\(work)/rove.gguf"
    #expect(
      try run("convert", Self.model, "--to", "rove", "--value-pairs", "2", "-o", rove).status == 0)
    func nll(_ options: String...) throws -> Double? {
      let finished = try runProgram(
        Self.program,
        ["eval", "perplexity", rove, "--text", Self.text, "--ctx", "64", "--chunks", "1"]
          + ["--json", "--quiet", "--compute", "f32"] + options)
      #expect(finished.status == 0, "\(finished.errors)")
      return try json(finished)["nll"]?.double
    }
    let stored = try nll()
    #expect(try nll("--value-pairs", "8") != stored)
    // All pairs are more than the two that are stored.
    let all = try nll("--value-pairs", "all")
    #expect(all != stored)
    let asIf = try json(
      run(
        "eval", "perplexity", Self.model, "--sites", "rove", "--value-pairs", "all", "--text",
        Self.text, "--ctx", "64", "--chunks", "1", "--json", "--quiet", "--compute", "f32"))
    #expect(abs((asIf["nll"]?.double ?? 0) - (all ?? 1)) < 0.01)
  }

  /// `none` takes away what one of the models states, or is what another scaling is compared with.
  @Test func aScalingThatIsStatedCanBeTakenAway() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let scaled = "\(work)/scaled.gguf"
    let written = try run(
      "convert", Self.model, "--to", "keep", "--set", "llama.rope.scaling.type=linear", "--set",
      "llama.rope.scaling.factor=2", "-o", scaled)
    #expect(written.status == 0, "\(written.errors)")
    func result(_ options: String...) throws -> JSONValue {
      let finished = try runProgram(
        Self.program,
        ["eval", "perplexity"] + options + [
          "--text", Self.text, "--chunks", "1", "--json", "--quiet", "--compute", "f32",
        ])
      #expect(finished.status == 0, "\(finished.errors)")
      return try json(finished)
    }
    let plain = try #require(try result(Self.model, "--ctx", "64")["nll"]?.double)
    #expect(try result(scaled, "--ctx", "64")["nll"]?.double != plain)
    #expect(try result(scaled, "--ctx", "64", "--rope-scaling", "none")["nll"]?.double == plain)
    for options in [
      [Self.model, scaled, "--ctx", "64", "--rope-scaling", "none"],
      [Self.model, "--lengths", "64", "--rope-scaling", "none,linear"],
    ] {
      let sweeps = try runProgram(
        Self.program,
        ["eval", "perplexity"] + options + ["--text", Self.text, "--chunks", "1", "--quiet"])
      #expect(sweeps.status == 0, "\(sweeps.errors)")
    }
  }

  /// Written with `--dry-run` before the line that runs, everything in it stays as it is.
  @Test func aDryRunTakesTheOptionsOfTheRealRun() throws {
    let finished = try run(
      "convert", Self.model, "--to", "vo", "-o", "/tmp/never.gguf", "--dry-run", "--force",
      "--text", Self.text, "--ctx", "64", "--chunks", "1")
    #expect(finished.status == 0, "\(finished.errors)")
  }
}
