import Foundation
import Inference
import Models
import Testing

/// The choice of experts against a plain definition and values worked by hand.
@Suite struct ExpertChoiceTests {
  private struct Choice: Equatable {
    var experts: [Int32]
    var weights: [Float]
  }

  private func choose(
    _ router: RouterRecipe, _ logits: [Float], correction: [Float]? = nil
  ) -> Choice {
    let network = FeedForwardRecipe(form: .gated, width: 1, activation: .silu)
    var choice = ExpertChoice(
      ExpertsRecipe(count: logits.count, router: router, network: network))
    var found = Choice(
      experts: [Int32](repeating: -1, count: router.used),
      weights: [Float](repeating: .nan, count: router.used))
    func run(_ correction: UnsafePointer<Float>?) {
      choice.choose(logits, correction: correction, chosen: &found.experts, weights: &found.weights)
    }
    if let correction { run(correction) } else { run(nil) }
    return found
  }

  @Test func workedValues() {
    // e^0 : e^ln2 : e^ln5 = 1 : 2 : 5
    let logits: [Float] = [0, log(2), log(5)]
    #expect(
      choose(RouterRecipe(score: .softmax, used: 2), logits)
        == Choice(experts: [1, 2], weights: [0.25, 0.625]))
    let normalized = choose(
      RouterRecipe(score: .softmax, used: 2, normalizes: true, scale: 7), logits)
    #expect(normalized == Choice(experts: [1, 2], weights: [2, 5]))
    #expect(
      choose(RouterRecipe(score: .softmaxOfChosen, used: 2, scale: 7), logits) == normalized)
    // sigmoid(0) = 1/2, sigmoid(ln 3) = 3/4; the correction chooses and does not weigh.
    #expect(
      choose(
        RouterRecipe(score: .sigmoid, used: 1, isCorrected: true), [0, log(3)],
        correction: [0.5, 0]) == Choice(experts: [0], weights: [0.5]))
    // Groups {9, 1} and {6, 5}: the best is in the first, the two best together in the second.
    func grouped(_ score: RouterRecipe.GroupScore) -> [Int32] {
      choose(
        RouterRecipe(
          score: .softmaxOfChosen, used: 1, groups: 2, groupsUsed: 1, groupScore: score),
        [9, 1, 6, 5]
      ).experts
    }
    #expect(grouped(.best) == [0] && grouped(.bestTwo) == [2])
  }

  @Test func equalAndUnusableLogitsChooseTheFirst() {
    let router = RouterRecipe(score: .softmax, used: 2)
    #expect(choose(router, [1, 1, 1]).experts == [0, 1])
    #expect(choose(router, [.nan, .nan, .nan]).experts == [0, 1])
    #expect(choose(RouterRecipe(score: .sigmoid, used: 2), [.nan, 1, 2]).experts == [1, 2])
    #expect(choose(router, [-1, -2]).experts == [0, 1], "all of them")
  }

  /// Sorting, where the program looks for the best again and again.
  private func reference(
    _ router: RouterRecipe, _ logits: [Float], _ correction: [Float]
  ) -> Choice {
    let count = logits.count
    let exponentials = logits.map { exp(Double($0)) }
    let all = exponentials.reduce(0, +)
    let scores: [Double] =
      switch router.score {
      case .softmax: exponentials.map { $0 / all }
      case .sigmoid: exponentials.map { $0 / (1 + $0) }
      case .rootSoftplus: exponentials.map { log(1 + $0).squareRoot() }
      case .softmaxOfChosen: logits.map { Double($0) }
      }
    let ranked = zip(scores, correction).map { $0 + Double($1) }
    let size = count / router.groups
    let groups = (0..<router.groups).sorted { one, other in
      func score(_ group: Int) -> Double {
        let members = ranked[(group * size)..<((group + 1) * size)].sorted(by: >)
        return router.groupScore == .best ? members[0] : members[0] + members[1]
      }
      return score(one) > score(other)
    }.prefix(router.groupsUsed)
    let chosen = groups.flatMap { ($0 * size)..<(($0 + 1) * size) }
      .sorted { ranked[$0] > ranked[$1] }.prefix(router.used).sorted()
    var weights = chosen.map { router.score == .softmaxOfChosen ? exponentials[$0] : scores[$0] }
    if router.normalizes || router.score == .softmaxOfChosen {
      let sum = weights.reduce(0, +)
      weights = weights.map { $0 / sum }
    }
    return Choice(
      experts: chosen.map { Int32($0) }, weights: weights.map { Float($0 * router.scale) })
  }

  @Test func choicesEqualThePlainDefinition() {
    var generator = SystemRandomNumberGenerator()
    for score in RouterRecipe.Score.allCases {
      for (groups, groupsUsed) in [(1, 1), (4, 1), (4, 3)] {
        for groupScore in RouterRecipe.GroupScore.allCases {
          for normalizes in [false, true] {
            let router = RouterRecipe(
              score: score, used: 3, isCorrected: true, groups: groups, groupsUsed: groupsUsed,
              groupScore: groupScore, normalizes: normalizes, scale: 2.5)
            for _ in 0..<50 {
              let logits = (0..<16).map { _ in Float.random(in: -4...4, using: &generator) }
              let correction = (0..<16).map { _ in Float.random(in: -0.3...0.3, using: &generator) }
              let found = choose(router, logits, correction: correction)
              let expected = reference(router, logits, correction)
              #expect(found.experts == expected.experts, "\(router) \(logits) \(correction)")
              for (one, other) in zip(found.weights, expected.weights) {
                #expect(abs(one - other) <= 1e-6 * abs(other), "\(router)")
              }
            }
          }
        }
      }
    }
  }
}
