import Base
import Batch
import Foundation
import TestSupport
import Testing

/// What a plan's YAML becomes, and what of it is refused.
@Suite struct PlanTests {
  private func plan(_ text: String) throws -> Plan { try Plan(text, file: "/plans/plan.yaml") }

  @Test func aPlanBecomesCommands() throws {
    let plan = try plan(
      """
      models: {a: a.gguf, b: /models/b.gguf}
      conversions: {c: {model: a, to: qkvo, calibrate: [x.txt, y.txt], pure: true}}
      evaluations:
        - {eval: perplexity, name: ppl, text: t.txt, models: [a, c], lengths: [64, 128]}
        - {eval: compare, base: a, text: t.txt, svg: kl.svg}
      """)
    #expect(plan.output == "/plans/results")
    #expect(
      plan.steps.map(\.name)
        == ["c", "ppl.a", "ppl.c", "compare-2.b", "compare-2.c"])
    let product = "/plans/results/models/c.gguf"
    #expect(plan.steps[0].product == product)
    #expect(
      plan.steps[0].arguments == [
        "convert", "/plans/a.gguf", "--to", "qkvo", "--output", product, "--force", "--calibrate",
        "/plans/x.txt", "--calibrate", "/plans/y.txt", "--pure",
      ])
    #expect(
      plan.steps[2].arguments == [
        "eval", "perplexity", product, "--text", "/plans/t.txt", "--lengths", "64,128",
      ])
    #expect(
      plan.steps[3].arguments.prefix(4) == ["eval", "compare", "/plans/a.gguf", "/models/b.gguf"])
    #expect(plan.file("json", of: plan.steps[0]) == "/plans/results/models/c.json")
    #expect(plan.file("json", of: plan.steps[1]) == "/plans/results/ppl.a.json")
  }

  /// A list of paths, as a list or in one text, is of paths beside the plan.
  @Test(arguments: ["[x.jsonl, /y.jsonl]", "'x.jsonl,/y.jsonl'", "\"x.jsonl, /y.jsonl\""])
  func pathsOfAListLieBesideThePlan(_ tasks: String) throws {
    let plan = try plan("{models: {a: a.gguf}, evaluations: [{eval: icl, tasks: \(tasks)}]}")
    #expect(
      plan.steps[0].arguments == [
        "eval", "icl", "/plans/a.gguf", "--tasks", "/plans/x.jsonl,/y.jsonl",
      ])
  }

  @Test(arguments: [
    ("models: [", "not YAML"), ("- a", "expected a mapping"),
    ("{models: {a: b}, modles: {}}", "unknown key 'modles'"),
    ("models: {}", "expected at least one"), ("models: {../a: b}", "NAME: PATH"),
    ("{models: {a: b}, conversions: {a: {model: a, to: vo}}}", "conversions.a"),
    ("{models: {a: b}, evaluations: [{eval: guess}]}", "evaluations[0]"),
    ("{models: {a: b}, evaluations: [{eval: icl, models: [c]}]}", "no model 'c'"),
    ("{models: {a: b}, evaluations: [{eval: icl, json: true}]}", "'json' cannot be an option"),
    ("{models: {a: b}, evaluations: [{eval: icl, help: true}]}", "'help' would do nothing"),
    ("{models: {a: b}, conversions: {c: {model: a, dry-run: true}}}", "'dry-run' would do nothing"),
    ("{models: {a: b}, evaluations: [{eval: compare}]}", "base: NAME"),
    ("{models: {a: b}, evaluations: [{eval: icl, name: x}, {eval: icl, name: x}]}", "two steps"),
    ("{models: {a: b}, evaluations: [{eval: icl, models: a}]}", "evaluations[0].models"),
    ("{models: {a: b, c: d}, evaluations: [{eval: icl, models: [[a], c]}]}", "[0].models"),
    ("{models: {a: b}, evaluations: [{eval: icl, models: []}]}", "evaluations[0].models"),
    ("{models: {a: b}, evaluations: {eval: icl}}", "evaluations: expected a list"),
    ("{models: {a: b}, conversions: [{model: a, to: vo}]}", "conversions: expected a mapping"),
    ("{models: {a: b}, output: [x]}", "output: expected"),
    ("{models: {a: b}, evaluations: [{eval: icl, name: ../x}]}", "evaluations[0].name"),
    ("{models: {a: b}, evaluations: [{eval: icl, base: a}]}", "evaluations[0].base"),
    ("{models: {a: b}, evaluations: [{eval: compare, base: a}]}", "only model is its base"),
    ("{models: {a: b}, evaluations: [{eval: icl, tasks: }]}", "evaluations[0].tasks"),
    ("{models: {a: b}, evaluations: [{eval: icl, tasks: []}]}", "evaluations[0].tasks"),
    ("{models: {a: b}, evaluations: [{eval: icl, junit: [x, y]}]}", "evaluations[0].junit"),
    ("{models: {a: b}, conversions: {z: {model: a, output: z.gguf}}}", "conversions.z.output"),
    ("{models: {a: b}, conversions: {z: {model: a, shard-size: 1G}}}", "conversions.z.shard-size"),
    ("{models: {a: \"b\\0x\"}}", "models.a"),
    ("{models: {a: b}, evaluations: [{eval: icl, tasks: \"b\\0x\"}]}", "evaluations[0].tasks"),
    ("{models: {a: b}, evaluations: [{eval: icl, tasks: [\"b\\0x\"]}]}", "evaluations[0].tasks"),
  ])
  func whatIsNotAPlanIsRefused(_ text: String, _ problem: String) throws {
    let error = #expect(throws: PlanError.self) { try plan(text) }
    #expect(error?.summary.contains(problem) == true, "\(error?.summary ?? "")")
    #expect(error?.file == "/plans/plan.yaml" && error?.exitStatus == .malformedData)
  }

  /// A step whose program is not there fails with a reason, and what needs it is skipped.
  @Test func stepsThatFailDoNotStopOthers() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let plan = try Plan(
      "{models: {a: a.gguf}, conversions: {b: {model: a, to: vo}}, evaluations: [{eval: icl}]}",
      file: "\(folder)/plan.yaml")
    let runner = PlanRunner(
      program: "\(folder)/nothing", version: "1", threads: 1, quiet: true, errors: { _ in })
    let result = try runner.run(plan) { _, _ in }
    #expect(
      result.json()["steps"]?.array?.map { $0["outcome"]?.string }
        == ["failed", "failed", "skipped"])
    #expect(result.failure?.hasPrefix("3 of 3 steps") == true)
    #expect(result.cases.allSatisfy { $0.failure != nil })
  }
}
