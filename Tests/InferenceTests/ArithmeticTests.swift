import Evaluation
import Foundation
import Inference
import Models
import Rotary
import Tensors
import TestSupport
import Testing

/// Products in bfloat16, and what must not change a digit in any arithmetic.
@Suite struct ArithmeticTests {
  private func lantern() throws -> (Model, TokenizedText) {
    let model = try Model(opening: References.file("fixtures/lantern.gguf"))
    return (
      model,
      try TokenizedText(.tokens(path: References.file("fixtures/lantern.ids.json")), for: model)
    )
  }

  private func nll(
    _ model: Model, _ text: TokenizedText, context: Int, chunks: Int, _ options: RunOptions,
    sites: RotarySites = .scores
  ) throws -> Double {
    try PerplexityEvaluation(
      windows: WindowPlan(context: context, limit: chunks), rotary: RotaryRequest(sites: sites),
      options: options
    ).run(model, on: text).meanNegativeLogLikelihood
  }

  @Test(arguments: Arithmetic.allCases)
  func threadsAndBatchChangeNoDigit(_ arithmetic: Arithmetic) throws {
    let (model, text) = try lantern()
    for (context, chunks) in [(300, 5), (777, 2)] {
      let digits = try [(1, 1), (2, 5), (3, 2), (7, 4)].map { threads, batch in
        try nll(
          model, text, context: context, chunks: chunks,
          RunOptions(threads: threads, batch: batch, arithmetic: arithmetic), sites: .all
        ).bitPattern
      }
      #expect(Set(digits).count == 1)
    }
  }

  @Test(arguments: [RotarySites.scores, .message, .all])
  func bfloat16IsNear(_ sites: RotarySites) throws {
    let (model, text) = try lantern()
    let found = try Arithmetic.allCases.map {
      try nll(
        model, text, context: 512, chunks: 4, RunOptions(threads: 2, arithmetic: $0), sites: sites)
    }
    print("bf16 \(sites.code): \(found[1]) (f32 \(found[0]))")
    #expect(found[0] != found[1])
    #expect(abs(found[1] - found[0]) < 5e-3)
  }

  @Test(arguments: ParityTests.names)
  func bfloat16IsNearTheReference(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let golden = try ParityTests.Golden(folder: folder)
    let model = try Model(opening: folder)
    let tokens = try golden.differences(model, arithmetic: .bfloat16)
    let difference = try #require(tokens.max())
    // The largest of some thousand differences after two or three layers of random weights. Random
    // routers leave near ties, in which rounding chooses another expert: with torch in bfloat16, 5
    // tokens of Mixtral's 192 and 12 of Qwen 3's are farther away than that, by up to 2.9.
    let farther = tokens.count { $0 >= 0.2 }
    print("parity in bf16 \(name): \(difference), \(farther) tokens farther than 0.2")
    // Tokens of torch in bfloat16: six layers of Gemma 4 are gated by what rounding has left.
    if let torch = ["gemma4": 145, "deepseek-v4-sliding": 32, "qwen3-5": 21][name] {
      return #expect(farther <= torch)
    }
    let hasExperts = model.plan.layers.contains { $0.recipe.experts != nil }
    #expect(farther <= (hasExperts ? tokens.count / 10 : 0))
    #expect(difference > 1e-5)
  }

  /// Appended some tokens at a time, a sequence meets other tiles than in one piece: what a query
  /// sees of a window, a group or a soft cap must not depend on where tiles begin, nor what a delta
  /// rule keeps on where blocks do.
  @Test(arguments: ["mistral-window", "gemma3", "qwen3", "deepseek-v2-mla", "qwen3-5"])
  func tilesDoNotMatter(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let model = try Model(opening: folder)
    let pass = ForwardPass(plan: model.plan, threads: 2)
    let vocabulary = model.plan.shape.vocabulary
    let tokens = (0..<613).map { Int32(($0 * 7919 + $0 * $0) % vocabulary) }
    let whole = try pass.run([tokens])
    let grown = try CachedSequences(pass, count: 1, capacity: tokens.count, keepsWeights: true)
    var done = 0
    for step in [1, 300, 37, 1, 100, 174] {
      try grown.append([Array(tokens[done..<(done + step)])])
      done += step
    }
    try #require(done == tokens.count)
    let (one, other) = (whole.values, grown.states.hidden.values)
    var (largest, squares) = (0.0, 0.0)
    for index in 0..<(tokens.count * model.plan.shape.width) {
      let (a, b) = (Double(one.pointer[index]), Double(other.pointer[index]))
      largest = max(largest, abs(a - b))
      squares += a * a
    }
    let deviation = (squares / Double(tokens.count * model.plan.shape.width)).squareRoot()
    print("tiles \(name): \(largest / deviation)")
    #expect(largest / deviation < 2e-4)
  }

  @Test func memoryChoosesTheBatch() throws {
    let (model, text) = try lantern()
    let free = try nll(model, text, context: 256, chunks: 6, RunOptions(threads: 2))
    let capped = try nll(
      model, text, context: 256, chunks: 6, RunOptions(threads: 2, memory: 200 << 20))
    #expect(free == capped)
    #expect(throws: EvaluationError.self) {
      try nll(model, text, context: 256, chunks: 6, RunOptions(threads: 2, memory: 1 << 20))
    }
  }
}
