import Foundation
import TestSupport
import Testing

/// Steps that could never run, and models that are not there: found before the first step begins.
@Suite struct PlanStepTests: CommandSuite {
  private static let perplexity = "eval: perplexity, text: t.txt, ctx: 64, chunks: 1"

  @Test(
    arguments: [
      (
        "evaluations: [{\(perplexity)}, {eval: perplexity, txt: t.txt}]", "evaluations[1].txt: ", 65
      ),
      (
        "evaluations: [{\(perplexity)}, {eval: bytes, text: t.txt, ctx: many}]",
        "evaluations[1].ctx: ", 65
      ),
      (
        "evaluations: [{\(perplexity)}, {\(perplexity), tokens: i.json}]",
        "evaluations[1].tokens: ",
        65
      ),
      (
        "evaluations: [{\(perplexity), sites: vo, value-base: -1}]", "evaluations[0].value-base: ",
        65
      ),
      ("evaluations: [{\(perplexity), sites: qx}]", "evaluations[0].sites: ", 65),
      ("evaluations: [{\(perplexity), rope-scaling: yran}]", "evaluations[0].rope-scaling: ", 65),
      (
        "evaluations: [{\(perplexity)}, {eval: bytes, text: t.txt, ctx: 3}]",
        "evaluations[1].ctx: ", 65
      ),
      (
        "evaluations: [{\(perplexity)}, {eval: requests, requests: r.jsonl, ctx: 1}]",
        "evaluations[1].ctx: ", 65
      ),
      ("evaluations: [{\(perplexity), memory: 4X}]", "evaluations[0].memory: ", 65),
      (
        "evaluations: [{\(perplexity), sites: vo, value-pairs: x}]",
        "evaluations[0].value-pairs: ", 65
      ),
      ("conversions: {b: {model: a, to: qx}}", "conversions.b.to: ", 65),
      ("conversions: {b: {model: a, to: vo, tpye: f16}}", "conversions.b.tpye: ", 65),
      ("models: {a: m.gguf, c: no.gguf}\nevaluations: [{\(perplexity)}]", "models.c: ", 66),
      ("models: {c: Some-Org/none}\nevaluations: [{\(perplexity)}]", "models.c: ", 66),
      ("output: results", "the plan has neither conversions nor evaluations", 65),
    ] as [(String, String, Int32)])
  func aStepThatCannotRun(plan: String, words: String, status: Int32) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.copyItem(atPath: Self.model, toPath: "\(folder)/m.gguf")
    try FileManager.default.copyItem(atPath: Self.text, toPath: "\(folder)/t.txt")
    try ((plan.hasPrefix("models:") ? "" : "models: {a: m.gguf}\n") + plan).write(
      toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
    for options in [["--dry-run"], []] {
      let finished = try runProgram(
        Self.program, ["run", "\(folder)/plan.yaml", "--threads", "1", "--quiet"] + options)
      expectFailure(finished, status, containing: "\(folder)/plan.yaml: \(words)")
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/results"))
  }

  /// Positions that a model has learned, 24 by its config.json, are known before the first step, whose
  /// windows are within them; another one's are not.
  @Test(arguments: [
    ("ctx: 25", "evaluations[1].ctx"), ("ctx: 8, start: 17", "evaluations[1].ctx"),
    ("lengths: [8, 25]", "evaluations[1].lengths"), ("chunks: 1", "evaluations[1]"),
  ])
  func windowsBeyondLearnedPositions(settings: String, key: String) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = References.file("Tests/InferenceTests/Golden/nanogpt/learned")
    let ids = "[\((0..<64).map { "\($0 % 48)" }.joined(separator: ", "))]"
    try ids.write(toFile: "\(folder)/i.json", atomically: true, encoding: .utf8)
    func call(_ second: String) throws -> Finished {
      try """
      models: {a: \(model), b: \(Self.model)}
      evaluations:
        - {eval: perplexity, tokens: i.json, ctx: 24, models: [a]}
        - {eval: perplexity, tokens: i.json, \(second)}
      """.write(toFile: "\(folder)/plan.yaml", atomically: true, encoding: .utf8)
      return try runProgram(
        Self.program, ["run", "\(folder)/plan.yaml", "--dry-run", "--threads", "1", "--quiet"])
    }
    expectFailure(
      try call("\(settings), models: [b, a]"), 65,
      containing: "\(folder)/plan.yaml: \(key): position ", "has learned 24")
    let within = try call("\(settings), models: [b]")
    #expect(within.status == 0, "\(within.errors)")
    #expect(try call("ctx: 8, start: 16").status == 0)
  }
}
