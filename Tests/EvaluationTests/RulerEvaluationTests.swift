import Checkpoints
import Evaluation
import TestSupport
import Testing

@Suite struct RulerEvaluationTests {
  private let model: Model
  private let generator: RulerGenerator

  init() throws {
    model = try Model(opening: References.file("fixtures/lantern.gguf"))
    generator = RulerGenerator(tokenizer: try model.tokenizer(), seed: 7)
  }

  private func result(
    _ mode: RulerEvaluation.Mode, shard: Shard = .whole, batch: Int? = nil
  ) throws -> RulerResult {
    try RulerEvaluation(
      tasks: [.niahSingle1, .variableTracking], lengths: [1024, 1152], samples: 2, mode: mode,
      options: RunOptions(shard: shard, threads: 2, batch: batch)
    ).run(model, prompts: generator, haystack: "")
  }

  @Test func outputsAreWhatGreedyDecodingWritesAndScoresTheirs() throws {
    let result = try result(.generate)
    #expect(result.cells.count == 4)
    let tokenizer = try model.tokenizer()
    for unit in result.record.units {
      let task = try #require(RulerTask(rawValue: unit.values["task"]?.string ?? ""))
      let sample = try generator.sample(
        task: task, length: try #require(unit.values["length"]?.int),
        index: try #require(unit.values["sample"]?.int))
      let prompt = try tokenizer.encode(
        Array(sample.prompt.utf8), addSpecial: true, parseSpecial: false)
      let alone = try model.generate([prompt], maximum: sample.maximumNewTokens)
      let text = String(decoding: tokenizer.decode(alone[0]), as: UTF8.self)
      #expect(unit.values["output"]?.string == text)
      #expect(unit.values["score"]?.double == RulerScore.score(text, of: sample))
    }
  }

  @Test func likelihoodsAndShards() throws {
    let whole = try result(.nll)
    #expect(whole.cells.allSatisfy { $0.score == nil && $0.answerNegativeLogLikelihood ?? 0 > 0 })
    #expect(try result(.nll, batch: 1).record.units == whole.record.units)
    let parts = try (1...3).map { number in
      ("\(number)", try result(.nll, shard: Shard(number, of: 3)).record)
    }
    #expect(
      try EvaluationRecord.merge(parts.map { (file: $0.0, record: $0.1) }).units
        == whole.record.units)
  }

  @Test func whatCannotBeMadeIsRefusedBeforeAnyWork() throws {
    for evaluation in [
      RulerEvaluation(tasks: [], lengths: [640]),
      RulerEvaluation(tasks: [.niahSingle1], lengths: []),
      RulerEvaluation(tasks: [.niahSingle1], lengths: [64]),
      RulerEvaluation(tasks: [.niahSingle2], lengths: [2048]),
      RulerEvaluation(tasks: [.niahSingle1], lengths: [640], samples: 0),
    ] {
      #expect(throws: EvaluationError.self) {
        try evaluation.run(model, prompts: generator, haystack: "")
      }
    }
  }
}
