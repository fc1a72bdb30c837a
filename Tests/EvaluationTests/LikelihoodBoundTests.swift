import Base
import Evaluation
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
