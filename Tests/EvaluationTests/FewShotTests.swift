import Base
import Checkpoints
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

@Suite struct FewShotTests {
  private let model: Model

  init() throws { model = try Model(opening: References.file("fixtures/lantern.gguf")) }

  private func fixtures() throws -> [FewShotTask] {
    try ["codes", "keepers", "recall"].map {
      try FewShotTask(path: References.file("fixtures/tasks/\($0).jsonl"))
    }
  }

  /// Mean nats per token of the last `count` tokens, from all logits in double precision.
  private func nats(_ tokens: [Int32], last count: Int) throws -> Double {
    let vocabulary = model.plan.shape.vocabulary
    let logits = try model.logits(tokens)
    var sum = 0.0
    for place in (tokens.count - count)..<tokens.count {
      let row = (0..<vocabulary).map { Double(logits[(place - 1) * vocabulary + $0]) }
      let top = row.max()!
      sum += log(row.reduce(0) { $0 + exp($1 - top) }) + top - row[Int(tokens[place])]
    }
    return sum / Double(count)
  }

  @Test func choicesAreScoredByWhatTheyDifferIn() throws {
    let task = try #require(try fixtures().first)
    #expect(task.kind == .multipleChoice)
    let result = try FewShotEvaluation(limit: 2).run(model, on: [task])
    #expect(result.tasks.first?.chance == 0.25)
    let tokenizer = try model.tokenizer()
    for unit in result.record.units {
      let example = task.examples[unit.index]
      let tokens = try example.continuations.map {
        try tokenizer.encode(
          Array("\(example.contexts[0]) \($0)".utf8), addSpecial: true, parseSpecial: false)
      }
      var common = 0
      while Set(tokens.map { $0[common] }).count == 1 { common += 1 }
      let expected = try tokens.map { try nats($0, last: $0.count - common) }
      let found = try #require(unit.values["nll"]?.array).compactMap(\.double)
      for (one, other) in zip(found, expected) { #expect(abs(one - other) < 1e-4) }
      let best = expected.firstIndex(of: expected.min()!)
      #expect(unit.values["correct"]?.bool == (best == example.gold))
    }
  }

  @Test func theEmbeddedModelSolvesItsTasksAndGuessesWithoutRotation() throws {
    let tasks = try fixtures()
    var evaluation = FewShotEvaluation(options: RunOptions(threads: 2))
    let whole = try evaluation.run(model, on: tasks)
    #expect(whole.tasks.map(\.type) == ["multiple_choice", "schema", "language_modeling"])
    #expect(whole.tasks.allSatisfy { $0.centered > 0.9 && $0.examples == 40 })
    evaluation.rotary.sites = RotarySites.none
    #expect(try evaluation.run(model, on: tasks).meanCentered < 0.4)
  }

  /// Chance is that of the examples evaluated, also in a shard and in shards that were merged.
  @Test func chanceIsOfTheExamplesEvaluated() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let two = #"{"query": "The code is", "choices": ["1", "2"], "gold": 0}"#
    let four = #"{"query": "The code is", "choices": ["1", "2", "3", "4"], "gold": 0}"#
    // Two choices, four, two, four, and six times four.
    let lines = [two, four, two, four] + [String](repeating: four, count: 6)
    let path = "\(folder)/mixed.jsonl"
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let task = try FewShotTask(path: path)
    func result(_ limit: Int? = nil, shard: Shard = .whole) throws -> FewShotResult {
      try FewShotEvaluation(limit: limit, options: RunOptions(shard: shard)).run(model, on: [task])
    }
    func chance(_ result: FewShotResult) -> Double { result.tasks.first?.chance ?? .nan }
    #expect(try chance(result(1)) == 1.0 / 2)
    #expect(try chance(result(2)) == 3.0 / 8)
    let whole = try result()
    #expect(abs(chance(whole) - (2 * 0.5 + 8 * 0.25) / 10) < 1e-12)
    // Examples 0, 2, 4, ... and 1, 3, 5, ...
    let parts = try [1, 2].map { try result(shard: Shard($0, of: 2)) }
    #expect(abs(chance(parts[0]) - (2 * 0.5 + 3 * 0.25) / 5) < 1e-12)
    #expect(chance(parts[1]) == 0.25)
    for part in parts {
      let score = try #require(part.tasks.first)
      let right = Double(part.record.units.count { $0.values["correct"]?.bool == true }) / 5
      #expect(abs(score.centered - (right - chance(part)) / (1 - chance(part))) < 1e-12)
    }
    let merged = try FewShotResult(
      EvaluationRecord.merge([("1", parts[0].record), ("2", parts[1].record)]), file: "merged")
    #expect(merged.tasks == whole.tasks)
  }

  /// Accuracies are centred by what is published of a task, where it is given.
  @Test func publishedBaselinesCentre() throws {
    let table = References.file("fixtures/tasks/baselines.csv")
    var tasks = try fixtures()
    let plain = try FewShotEvaluation(limit: 3).run(model, on: tasks)
    #expect(plain.tasks.map(\.baseline) == [0.25, 1.0 / 3, 0])
    #expect(try RandomBaselines(path: table).apply(to: &tasks).isEmpty)
    let result = try FewShotEvaluation(limit: 3).run(model, on: tasks)
    #expect(result.tasks.map(\.baseline) == [0.62, 0.5, 0])
    #expect(result.record.units == plain.record.units)
    #expect(result.record.key != plain.record.key)
    let right = result.record.units.prefix(3).count { $0.values["correct"]?.bool == true }
    let centered = (Double(right) / 3 - 0.62) / (1 - 0.62)
    #expect(abs((result.tasks.first?.centered ?? .nan) - centered) < 1e-12)
    let mean = result.tasks.map(\.centered).reduce(0, +) / 3
    #expect(result.meanCentered == mean)
  }

  @Test(arguments: [
    "", "a,b\nc,1", "Eval Task,Random baseline\nt", "Eval Task,Random baseline\nt,x",
    "Eval Task,Random baseline\nt,100", "Eval Task,Random baseline\nt,-1",
    "Eval Task,Random baseline\nt,99.9999",
    "Eval Task,Random baseline\nt,1\nt,2",
  ])
  func badBaselines(_ text: String) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try text.write(toFile: "\(folder)/b.csv", atomically: true, encoding: .utf8)
    #expect(throws: EvaluationError.self) { try RandomBaselines(path: "\(folder)/b.csv") }
  }

  /// Quoted fields hold commas, quotes and line feeds; the published file ends its lines either way.
  @Test func baselinesAreReadAsATable() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text =
      "\u{FEFF}Eval Task,Task Type,Random baseline,Description\r\n"
      + "boolq,multiple choice,62,\"yes, or \"\"no\"\"\nin two lines\"\r\n\r\nsiqa,,33.3,\n"
    try text.write(toFile: "\(folder)/b.csv", atomically: true, encoding: .utf8)
    let shares = try RandomBaselines(path: "\(folder)/b.csv").shares
    #expect(shares.keys.sorted() == ["boolq", "siqa"])
    #expect(shares["boolq"] == 0.62 && abs((shares["siqa"] ?? 0) - 0.333) < 1e-12)
  }

  /// As the published code has it: a context of language modelling loses the space around it, and the
  /// delimiter, less the space at its end, belongs to the prompt.
  @Test func delimitersBelongToThePrompt() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let line = #"{"context": "  The code of the lantern is ", "continuation": "5486"}"#
    let path = "\(folder)/t.jsonl"
    try line.write(toFile: path, atomically: true, encoding: .utf8)
    let result = try FewShotEvaluation(delimiter: " number ").run(
      model, on: [FewShotTask(path: path)])
    let tokenizer = try model.tokenizer()
    func tokens(_ text: String) throws -> [Int32] {
      try tokenizer.encode(Array(text.utf8), addSpecial: true, parseSpecial: false)
    }
    let whole = try tokens("The code of the lantern is number 5486")
    let prompt = try tokens("The code of the lantern is number")
    #expect(Array(whole.prefix(prompt.count)) == prompt)
    let found = result.record.units.first?.values["nll"]?.array?.first?.double
    let expected = try nats(whole, last: whole.count - prompt.count)
    #expect(abs((found ?? .nan) - expected) < 1e-4)
  }

  /// Units and identities that no run writes, such as may come in a file to be merged.
  @Test(
    arguments: [
      ("multiple_choice", .null, 1, "at least 2 to choose from"),
      ("schema", .null, 1, "at least 2 to choose from"),
      ("multiple_choice", .null, 2, nil), ("language_modeling", .null, 1, nil),
      ("language_modeling", 0.9999999999999999, 1, "not a list of tasks"),
      ("multiple_choice", 0.62, 2, nil),
    ] as [(String, JSONValue, Int, String?)])
  func resultsAreFinite(type: String, baseline: JSONValue, answers: Int, fault: String?) throws {
    let identity: JSONValue = [
      "kind": "icl", "models": [], "settings": ["shots": 0], "units": 2,
      "materials": ["tasks": [["task": "t", "type": .string(type), "baseline": baseline]]],
    ]
    let fields = try #require(identity.object)
    let units = (0..<2).map { unit -> JSONValue in
      let nats = JSONValue.array(Array(repeating: 1.0, count: answers))
      return [
        "unit": JSONValue(unit),
        "values": [
          "task": "t", "example": JSONValue(unit), "correct": .bool(unit == 0), "nll": nats,
        ],
      ]
    }
    let json: JSONValue = [
      "kind": "icl", "identity": identity, "units_total": 2, "shard": .string(Shard.whole.text),
      "key": .string(EvaluationIdentity(fields: fields).key(of: .whole)),
      "protocol": JSONValue(EvaluationRecord.protocolVersion), "units": .array(units),
      "program": ["name": "ropeconv", "version": "0.1.0"], "date": "2026-11-30T00:00:00Z",
    ]
    let record = try EvaluationRecord.merge([("file", EvaluationRecord(json, file: "file"))])
    guard let fault else {
      let result = try FewShotResult(record, file: "file")
      #expect(result.meanCentered.isFinite && result.tasks.first?.accuracy == 0.5)
      return
    }
    let error = #expect(throws: EvaluationError.self) { try FewShotResult(record, file: "file") }
    #expect(error?.summary.contains(fault) == true, "\(error?.summary ?? "")")
    #expect(error?.exitStatus == .malformedData)
  }

  @Test func shotsAreOtherExamplesAndTheSameEveryTime() throws {
    let tasks = try fixtures()
    func core(
      _ shots: Int, seed: UInt64 = 1, batch: Int? = nil, memory: Int? = nil
    ) throws -> FewShotResult {
      try FewShotEvaluation(
        shots: shots, seed: seed, limit: 5,
        options: RunOptions(threads: 2, batch: batch, memory: memory)
      ).run(model, on: tasks)
    }
    #expect(try core(2).record.units == core(2, batch: 1).record.units)
    #expect(try core(2).record.units == core(2, memory: 1 << 30).record.units)
    #expect(throws: EvaluationError.self) { try core(2, memory: 1 << 20) }
    #expect(try core(2).record.units != core(2, seed: 2).record.units)
    #expect(try core(2).record.evaluatedTokens > 2 * core(0).record.evaluatedTokens)
    #expect(throws: EvaluationError.self) { try core(40) }
    // The answers of an example stand behind the same shots.
    let record = try core(4).record
    #expect(2 * record.computedTokens < record.evaluatedTokens)
  }

  /// What is wrong in a line is named: the line, the member or the choices.
  @Test(
    arguments: [
      (#"{"query": "a", "choices": ["b", "c"], "gold": 2}"#, ["gold is 2", "0 to 1"]),
      (#"{"query": "a", "choices": ["b", "c"], "gold": "1"}"#, [#"gold is "1""#, "0 to 1"]),
      (#"{"query": "a", "choices": ["b", "c"]}"#, ["gold is missing"]),
      (#"{"query": 3, "choices": ["b", "c"], "gold": 0}"#, ["query is 3"]),
      (#"{"query": "a", "choices": ["b"], "gold": 0}"#, ["choices"]),
      (#"{"context_options": ["a", "b"], "continuation": "c", "gold": -1}"#, ["gold is -1"]),
      (#"{"context": "a", "continuation": ""}"#, ["continuation is empty"]),
    ] as [(String, [String])])
  func malformedMembersAreNamed(_ line: String, _ words: [String]) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "\n\(line)".write(toFile: "\(folder)/t.jsonl", atomically: true, encoding: .utf8)
    let error = #expect(throws: EvaluationError.self) { try FewShotTask(path: "\(folder)/t.jsonl") }
    for word in words + ["line 2: "] {
      #expect(error?.summary.contains(word) == true, "\(error?.summary ?? "")")
    }
  }

  /// The path of 40 examples and a last one whose first choice begins the second.
  private static func pairs(in folder: String) throws -> String {
    let good = #"{"query": "The code is", "choices": ["is", "the"], "gold": 0}"#
    let bad = #"{"query": "The code", "choices": ["is", "is is"], "gold": 0}"#
    let path = "\(folder)/pairs.jsonl"
    try ([String](repeating: good, count: 40) + [bad]).joined(separator: "\n")
      .write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// Unit 40, the last one, is of the first of two shards: the second neither reads nor refuses it.
  @Test func aShardTokenizesItsOwnExamplesAlone() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try Self.pairs(in: folder)
    func run(_ number: Int) throws -> FewShotResult {
      var evaluation = FewShotEvaluation(options: RunOptions(shard: try Shard(number, of: 2)))
      if number == 1 { evaluation.onLength = { _ in Issue.record("an example was evaluated") } }
      return try evaluation.run(model, on: [FewShotTask(path: path)])
    }
    #expect(try run(2).record.units.map(\.index) == Array(stride(from: 1, to: 40, by: 2)))
    let error = #expect(throws: EvaluationError.self) { try run(1) }
    #expect(error?.summary.contains("line 41") == true, "\(error?.summary ?? "")")
  }

  /// The last example of many: nothing is scored before it is found.
  @Test func aChoiceThatBeginsAnotherIsRefusedBeforeAnyWork() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try Self.pairs(in: folder)
    var evaluation = FewShotEvaluation(
      options: RunOptions(state: try StateFile("\(folder)/state"), batch: 1))
    evaluation.onLength = { _ in Issue.record("an example was evaluated") }
    let error = #expect(throws: EvaluationError.self) {
      try evaluation.run(model, on: [FewShotTask(path: path)])
    }
    for word in ["task pairs, line 41", "choice 'is'", "choice 'is is'"] {
      #expect(error?.summary.contains(word) == true, "\(error?.summary ?? "")")
    }
  }

  @Test func membersThatAreNotReadAreNamed() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let lines = [
      #"{"query": "a", "choices": ["b", "c"], "gold": 0}"#,
      #"{"query": "a", "choices": ["b", "c"], "gold": 0, "delimiter": ":"}"#,
      #"{"query": "a", "choices": ["b", "c"], "gold": 0, "delimiter": ":", "continuation": "d"}"#,
    ]
    let path = "\(folder)/t.jsonl"
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let warning = try FewShotTask(path: path).warningOfUnread
    #expect(warning?.contains("'delimiter' (line 2), 'continuation' (line 3)") == true)
    #expect(try fixtures().allSatisfy { $0.warningOfUnread == nil })
  }

  @Test(arguments: [
    "", "x", "[]", #"{"query": "a", "choices": ["b"], "gold": 0}"#,
    #"{"query": "a", "choices": ["b", "c"], "gold": 2}"#, #"{"context": "a"}"#,
    #"{"context_options": ["a", "b"], "continuation": "c"}"#,
    "{\"context\": \"a\", \"continuation\": \"b\"}\n"
      + #"{"query": "a", "choices": ["b", "c"], "gold": 0}"#,
  ])
  func badTasks(_ text: String) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try text.write(toFile: "\(folder)/t.jsonl", atomically: true, encoding: .utf8)
    #expect(throws: EvaluationError.self) { try FewShotTask(path: "\(folder)/t.jsonl") }
  }

  /// A text of 60 kB before 300 answers is 18 MB, in a line of 62 kB; so is a continuation.
  @Test(arguments: [false, true]) func linesThatStandForTooMuchAreRefused(isSchema: Bool) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/t.jsonl"
    func task(answers: Int) throws -> FewShotTask {
      let shared = String(repeating: "word ", count: 12_000)
      let list = (0..<answers).map { "\"\($0)\"" }.joined(separator: ",")
      let line =
        isSchema
        ? "{\"context_options\":[\(list)],\"continuation\":\"\(shared)\",\"gold\":0}"
        : "{\"query\":\"\(shared)\",\"choices\":[\(list)],\"gold\":0}"
      try ("\n" + line).write(toFile: path, atomically: true, encoding: .utf8)
      return try FewShotTask(path: path)
    }
    #expect(try task(answers: 200).examples.count == 1)
    let error = #expect(throws: EvaluationError.self) { try task(answers: 300) }
    #expect(error?.summary.contains("line 2: 300 answers") == true, "\(error?.summary ?? "")")
    #expect(error?.exitStatus == .malformedData)
  }

  @Test func foldersWithoutTasksAreNamed() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "text".write(toFile: "\(folder)/notes.txt", atomically: true, encoding: .utf8)
    let error = #expect(throws: EvaluationError.self) {
      try FewShotTask.tasks(at: [References.file("fixtures/tasks/codes.jsonl"), folder])
    }
    #expect(error?.file == folder && error?.exitStatus == .noInput)
  }

  @Test func answersThatAreTheSameAreRefused() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let line = #"{"query": "The code", "choices": ["is", "is"], "gold": 0}"#
    try line.write(toFile: "\(folder)/t.jsonl", atomically: true, encoding: .utf8)
    let error = #expect(throws: EvaluationError.self) {
      try FewShotEvaluation().run(model, on: [FewShotTask(path: "\(folder)/t.jsonl")])
    }
    #expect(error?.exitStatus == .malformedData && error?.file == "\(folder)/t.jsonl")
    #expect(error?.summary.contains("line 1") == true)
  }
}
