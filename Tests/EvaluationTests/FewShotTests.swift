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
    #expect(task.chance == 0.25)
    let result = try FewShotEvaluation(limit: 2).run(model, on: [task])
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
    #expect(try evaluation.run(model, on: tasks).core < 0.4)
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
    #expect(throws: EvaluationError.self) {
      try FewShotEvaluation().run(model, on: [FewShotTask(path: "\(folder)/t.jsonl")])
    }
  }
}
