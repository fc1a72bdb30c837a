import TestSupport
import Testing

/// What a printed result says of its arithmetic.
@Suite struct ArithmeticTextTests: CommandSuite {
  private static let evaluations = [
    ["perplexity", model, "--text", text, "--chunks", "1"],
    ["perplexity", model, "--text", text, "--lengths", "64,128", "--chunks", "1"],
    [
      "needle", model, "--template", References.file("fixtures/lantern.needle.json"), "--lengths",
      "64", "--trials", "1",
    ],
    [
      "ruler", model, "--task", "niah_single_1", "--lengths", "1024", "--samples", "1", "--mode",
      "nll",
    ],
    ["compare", model, model, "--text", text, "--chunks", "1"],
    ["icl", model, "--tasks", References.file("fixtures/tasks"), "--examples", "1"],
  ]

  @Test func everyEvaluationNamesIt() throws {
    for arguments in Self.evaluations {
      for compute in ["f32", "bf16"] {
        let finished = try runProgram(
          Self.program, ["eval"] + arguments + ["--compute", compute, "--quiet"])
        #expect(finished.status == 0, "\(finished.errors)")
        let lines = finished.output.split(separator: "\n")
        #expect(lines.contains("arithmetic  \(compute)"), "\(finished.output)")
        // Who asked for it knows what it is.
        #expect(!finished.output.contains("--compute"))
      }
    }
  }

  /// Where `auto` gives bfloat16, that is said; where it gives float32, nothing needs to be.
  @Test func theChoiceOfAutoIsExplained() throws {
    let version = try runProgram(
      Self.program, ["--version"], environment: ["ROPECONV_ISA": "auto"])
    let hasBFloat16 = version.output.contains("avx512_core_bf16")
    for arguments in Self.evaluations {
      let finished = try runProgram(
        Self.program, ["eval"] + arguments + ["--quiet"], environment: ["ROPECONV_ISA": "auto"])
      let notes = finished.output.split(separator: "\n").filter { $0.contains("--compute f32") }
      let isBFloat16 = finished.output.contains("arithmetic  bf16")
      #expect(notes.count == (isBFloat16 ? 1 : 0), "\(finished.output)")
      #expect(!isBFloat16 || hasBFloat16)
      // The time is a short probe's, to the nearest half.
      for note in notes {
        let times = /in (about the same time|up to about [1-9][0-9]*(\.5)? times the time)/
        #expect(note.firstMatch(of: times) != nil, "\(note)")
      }
    }
    let capped = try runProgram(
      Self.program, ["eval"] + Self.evaluations[0] + ["--quiet"],
      environment: ["ROPECONV_ISA": "avx2"])
    #expect(capped.output.contains("arithmetic  f32"))
    #expect(!capped.output.contains("--compute"))
  }
}
