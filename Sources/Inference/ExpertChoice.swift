import Foundation
import Models

/// Chooses experts for tokens by their router's logits.
package struct ExpertChoice {
  private let router: RouterRecipe
  private let count: Int
  /// What experts are chosen by, and what their weights come of.
  private var scores: [Double]
  private var weights: [Double]

  package init(_ experts: ExpertsRecipe) {
    router = experts.router
    count = experts.count
    scores = [Double](repeating: 0, count: count)
    weights = scores
  }

  /// Chooses for one token; of equal scores the expert with the lowest number. Scores are computed in
  /// double precision and the weights rounded once.
  /// - Parameters:
  ///   - logits: one for each expert.
  ///   - correction: is added to the scores that experts are chosen by; nil: nothing.
  ///   - given: the experts to take, whatever their scores; nil: those with the best.
  ///   - chosen: receives `used` experts, in ascending order.
  ///   - results: receives their weights.
  package mutating func choose(
    _ logits: UnsafePointer<Float>, correction: UnsafePointer<Float>?,
    given: UnsafePointer<Float>? = nil, chosen: UnsafeMutablePointer<Int32>,
    weights results: UnsafeMutablePointer<Float>
  ) {
    for expert in 0..<count { weights[expert] = Double(logits[expert]) }
    switch router.score {
    case .softmax: softmax(0..<count)
    case .sigmoid: for expert in 0..<count { weights[expert] = 1 / (1 + exp(-weights[expert])) }
    case .rootSoftplus:
      for expert in 0..<count {
        let logit = weights[expert]
        weights[expert] = (max(logit, 0) + log1p(exp(-abs(logit)))).squareRoot()
      }
    case .softmaxOfChosen: break
    }
    for expert in 0..<count {
      scores[expert] = weights[expert] + (correction.map { Double($0[expert]) } ?? 0)
    }
    if router.groupsUsed < router.groups { leaveGroupsOut() }
    let best =
      (given.map { row in (0..<router.used).map { Int(row[$0]) } }
      ?? Self.best(router.used, of: scores)).sorted()
    if router.score == .softmaxOfChosen { softmax(best) }
    var factor = router.scale
    if router.normalizes {
      // The reference's guard against a sum of 0.
      factor /= best.reduce(0) { $0 + weights[$1] } + 1e-20
    }
    for (place, expert) in best.enumerated() {
      chosen[place] = Int32(expert)
      results[place] = Float(weights[expert] * factor)
    }
  }

  /// Turns the logits of some experts, in `weights`, into probabilities.
  private mutating func softmax(_ experts: some Collection<Int>) {
    let largest = experts.reduce(-Double.infinity) { max($0, weights[$1]) }
    var sum = 0.0
    for expert in experts {
      weights[expert] = exp(weights[expert] - largest)
      sum += weights[expert]
    }
    for expert in experts { weights[expert] /= sum }
  }

  /// Makes it impossible to choose experts of all groups but the best.
  private mutating func leaveGroupsOut() {
    let size = count / router.groups
    let groupScores = (0..<router.groups).map { group in
      let members = scores[(group * size)..<((group + 1) * size)]
      return switch router.groupScore {
      case .best: members.max() ?? 0
      case .bestTwo: Self.best(2, of: Array(members)).reduce(0) { $0 + members[group * size + $1] }
      }
    }
    let kept = Set(Self.best(router.groupsUsed, of: groupScores))
    for expert in 0..<count where !kept.contains(expert / size) { scores[expert] = -.infinity }
  }

  /// The places of the largest values, the first of equal ones.
  private static func best(_ used: Int, of values: [Double]) -> [Int] {
    var chosen: [Int] = []
    for _ in 0..<min(used, values.count) {
      var best: Int?
      for index in values.indices where !chosen.contains(index) {
        // What is no number is taken only where nothing else is left.
        guard let known = best else {
          best = index
          continue
        }
        if values[index] > values[known] || (values[known].isNaN && !values[index].isNaN) {
          best = index
        }
      }
      if let best { chosen.append(best) }
    }
    return chosen
  }
}
