import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing

/// Likelihoods in files: a token has at most a million nats, whatever the evaluation, and an answer
/// as many times that as it has tokens.
@Suite struct LikelihoodBoundTests {
  private func unit(_ values: String) throws -> EvaluationRecord.Unit {
    EvaluationRecord.Unit(
      index: 0, values: try JSONValue.parse(Array(values.utf8), file: "values"))
  }

  /// Values of a unit in which the number per token stands for `N`, and whether it is read.
  private func reads(_ kind: String, _ values: String, _ number: String) throws -> Bool {
    let unit = try unit(values.replacing("N", with: number))
    return switch kind {
    case "requests": RequestsResult.Answer(unit) != nil
    case "needle": NeedleResult.Trial(unit) != nil
    case "ruler": RulerResult.Sample(unit) != nil
    case "icl": FewShotResult.Answer(unit) != nil
    case "compare": ComparisonResult.Targets(unit) != nil
    default: PerplexityResult.WindowSum(unit) != nil
    }
  }

  @Test(
    arguments: [
      ("requests", #"{"type":"loglikelihood","loglikelihood":-N,"is_greedy":true,"tokens":1}"#),
      (
        "needle",
        #"{"length":64,"depth":0,"trial":0,"correct":true,"answer_nll_sum":N,"answer_tokens":1}"#
      ),
      (
        "ruler",
        #"{"task":"vt","length":64,"sample":0,"answer_nll":N,"exact":true}"#
      ),
      ("icl", #"{"task":"t","example":0,"correct":true,"nll":[1.0,N]}"#),
      ("compare", #"{"base":[N],"other":[1.0],"kl":[0.5],"agrees":[1]}"#),
      ("compare", #"{"base":[1.0],"other":[1.0],"kl":[N],"agrees":[1]}"#),
    ])
  func millionsOfNats(kind: String, values: String) throws {
    for number in ["0.0", "709.5", "1e6"] { #expect(try reads(kind, values, number)) }
    for number in ["1.01e6", "9e38", "1e300"] { #expect(try !reads(kind, values, number)) }
  }

  /// Logits times 10^8: finite, and of no use. A run says so of the model, before a unit is kept; what it
  /// gave is no file that anybody wrote.
  @Test func aModelWithAbsurdLogitsIsCalledSo() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = References.file("fixtures/lantern.gguf")
    let source = try Checkpoint.open(path)
    try GGUFWriter.write(
      to: "\(work)/hot.gguf", metadata: source.metadata,
      tensors: source.tensors.values.map { entry in
        guard entry.name == "output_norm.weight" else {
          return OutputTensor(
            name: entry.name, type: entry.type, shape: entry.shape, contents: .copy(entry))
        }
        let bytes = try entry.decoded().flatMap { value in
          withUnsafeBytes(of: (value * 1e8).bitPattern.littleEndian) { Array($0) }
        }
        return OutputTensor(
          name: entry.name, type: .f32, shape: entry.shape, contents: .computed { bytes })
      }, force: true, inputs: [])
    let (hot, whole) = (try Model(opening: "\(work)/hot.gguf"), try Model(opening: path))
    let text = TokenizedText(name: "ids", tokens: (0..<48).map { Int32(($0 * 31 + 7) % 768) })
    let words = "gives more than 1,000,000 nats to a token in unit 0"
    // The second time nothing is left of the first one.
    for _ in 0..<2 {
      let error = #expect(throws: EvaluationError.self) {
        try PerplexityEvaluation(
          windows: WindowPlan(context: 16, scored: .all),
          options: RunOptions(state: try StateFile("\(work)/state"))
        ).run(hot, on: text)
      }
      #expect(error?.summary == "the model \(words)", "\(error?.summary ?? "")")
      #expect(error?.file == hot.checkpoint.path && error?.exitStatus == .malformedData)
    }
    let error = #expect(throws: EvaluationError.self) {
      try ModelComparison(windows: WindowPlan(context: 16, scored: .all)).run(whole, hot, on: text)
    }
    #expect(error?.summary == "one of the models \(words)", "\(error?.summary ?? "")")
  }

  @Test func sumsAreOfTheirTokens() throws {
    let answer = #"{"type":"loglikelihood","loglikelihood":-N,"is_greedy":true,"tokens":4}"#
    #expect(try reads("requests", answer, "4e6"))
    #expect(try !reads("requests", answer, "4.1e6"))
    func sums(_ sum: String, _ squares: String) -> String {
      #"{"nll_sum":\#(sum),"nll_squares":\#(squares),"scored":4}"#
    }
    #expect(try reads("perplexity", sums("4e6", "4e12"), ""))
    #expect(try !reads("perplexity", sums("4e30", "4e60"), ""))
  }
}
