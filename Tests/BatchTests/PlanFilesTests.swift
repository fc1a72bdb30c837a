import Base
import Batch
import Foundation
import TestSupport
import Testing

/// What a whole plan reads and writes, and plans that would keep the reader busy.
@Suite struct PlanFilesTests {
  private func plan(_ text: String, in folder: String = "/plans") throws -> Plan {
    try Plan(text, file: "\(folder)/plan.yaml")
  }

  @Test func whatLaterStepsReadOfAPlanIsNoConflict() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // Models that conversions make, results in a folder that is read, a picture beside the texts.
    try plan(
      """
      output: .
      models: {a: a.gguf, own: .}
      conversions: {b: {model: a, to: qkvo}, c: {model: b, type: f16}}
      evaluations:
        - {eval: compare, base: b, text: t.txt}
        - {eval: needle, haystack: ., svg: s.svg, models: [c]}
        - {eval: perplexity, text: t.txt, models: [b], junit: x.xml}
        - {eval: perplexity, text: t.txt, models: [c], junit: y.xml}
      """, in: folder
    ).checkFiles(junit: "\(folder)/j.xml")
  }

  /// Where the file system takes `A.xml` for `a.xml` they are one file, as are results of two steps.
  @Test(arguments: [
    "{eval: icl, junit: A.xml}, {eval: icl, junit: a.xml}",
    "{eval: icl, name: x}, {eval: icl, name: X}",
    "{eval: icl, junit: a/../b.xml}, {eval: icl, junit: B.xml}",
  ])
  func caseMayNotCount(_ evaluations: String) throws {
    let plan = try plan("{models: {a: a.gguf}, evaluations: [\(evaluations)]}")
    func check(foldsCase: Bool) throws {
      var files = PlanFiles(plan, foldsCase: { _ in foldsCase })
      try files.check(junit: nil)
    }
    try check(foldsCase: false)
    let error = #expect(throws: PlanError.self) { try check(foldsCase: true) }
    #expect(error?.summary.contains("would write one file") == true)
    #expect(error?.exitStatus == .malformedData)
  }

  @Test func bytesThatAreNoText() throws {
    let error = #expect(throws: PlanError.self) {
      try Plan(bytes: Array("models: {a: ".utf8) + [0xFF, UInt8(ascii: "}")], file: "plan.yaml")
    }
    #expect(error?.summary == "not UTF-8" && error?.file == "plan.yaml")
    // An alias of a text is its text.
    let plan = try plan(
      """
      models: {a: &m a.gguf, b: *m}
      evaluations:
        - {eval: icl, tasks: &t [x.jsonl, y.jsonl]}
        - {eval: icl, tasks: *t, name: what}
      """)
    #expect(Set(plan.steps.map { $0.arguments[2] }) == ["/plans/a.gguf"])
    #expect(plan.steps[2].arguments.last == "/plans/x.jsonl,/plans/y.jsonl")
  }

  /// Nine lines stand for 9^9 parts; as a key they would be compared.
  @Test(arguments: [
    "? *x8\n: 1", "*x8 : 1", "{[*x8]: 1}", "z: {? *x8}", "z: [*x8 : 1]", "? [*x8]\n: 1",
    "z: [?*x8]", "z: {{a: *x8} : 1}", "z: {a: 1, ?{a: *x8} : 1}",
  ])
  func aliasesInKeysAreRefused(_ key: String) throws {
    var text = "x0: &x0 [\(Array(repeating: "l", count: 9).joined(separator: ","))]\n"
    for level in 1...8 {
      let parts = Array(repeating: "*x\(level - 1)", count: 9).joined(separator: ",")
      text += "x\(level): &x\(level) [\(parts)]\n"
    }
    let began = ContinuousClock.now
    let error = #expect(throws: PlanError.self) { try plan(text + key + "\n") }
    #expect(error?.summary.contains("aliases") == true, "\(error?.summary ?? "")")
    // Without the key it is refused for what it says.
    let other = #expect(throws: PlanError.self) { try plan(text) }
    #expect(other?.summary.contains("unknown key 'x0'") == true)
    #expect(ContinuousClock.now - began < .seconds(5))
  }

  /// A name ends, and a line too, at each end of a line that libyaml knows. 9^5 parts: taken for names
  /// of their own, such anchors let a key be compared for seconds.
  @Test(arguments: ["\u{85}", "\u{2028}", "\u{2029}", "\r", "\n"])
  func anchorsEndWithTheirLine(_ end: String) throws {
    var text = "x0: &x0\(end) [\(Array(repeating: "l", count: 9).joined(separator: ","))]\n"
    for level in 1...4 {
      let parts = Array(repeating: "*x\(level - 1)", count: 9).joined(separator: ",")
      text += "x\(level): &x\(level)\(end) [\(parts)]\n"
    }
    for key in ["? *x4\n: 1", "# *x0\(end)? *x4\n: 1", "*x4 : 1", "{[*x4]: 1}"] {
      let error = #expect(throws: PlanError.self) { try plan(text + key + "\n") }
      #expect(error?.summary.contains("aliases") == true, "\(key): \(error?.summary ?? "")")
    }
    // A key behind a byte order mark.
    let error = #expect(throws: PlanError.self) {
      try plan("\u{FEFF}? &a [x]\n: 1\n\(end)b: *a\n")
    }
    #expect(error?.summary.contains("aliases") == true, "\(error?.summary ?? "")")
  }

  /// 10,000 evaluations, and 100,000 models: each took more than a minute.
  @Test func longPlansAreRead() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var began = ContinuousClock.now
    let steps = try plan(
      "models: {a: a.gguf}\nevaluations:\n"
        + (0..<10_000).map { "  - {eval: perplexity, text: t.txt, ctx: 64, junit: j/\($0).xml}\n" }
        .joined(), in: folder)
    try steps.checkFiles(junit: nil)
    #expect(steps.steps.count == 10_000)
    #expect(ContinuousClock.now - began < .seconds(5))
    began = ContinuousClock.now
    let models = try plan(
      "models:\n" + (0..<100_000).map { "  m\($0): m\($0).gguf\n" }.joined(), in: folder)
    try models.checkFiles(junit: nil)
    #expect(models.steps.isEmpty)
    #expect(ContinuousClock.now - began < .seconds(30))
  }

  @Test func aPlanHasAnEnd() throws {
    let names = (0..<400).map { "m\($0): m.gguf" }.joined(separator: ", ")
    let evaluations = Array(repeating: "{eval: icl}", count: 400).joined(separator: ", ")
    let error = #expect(throws: PlanError.self) {
      try plan("{models: {\(names)}, evaluations: [\(evaluations)]}")
    }
    #expect(error?.summary.contains("more than 100000 steps") == true)
  }
}
