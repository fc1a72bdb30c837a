import Foundation

/// Whether a model gives a text's tokens the probabilities that another engine gave them.
package struct LogProbabilityComparison {
  package var windows: WindowPlan
  package var start: Int
  package var options: RunOptions

  package init(windows: WindowPlan, start: Int = 0, options: RunOptions = RunOptions()) {
    self.windows = windows
    self.start = start
    self.options = options
  }

  /// Differences over all targets, in nats.
  package struct Result: Sendable, Equatable {
    package var targets = 0
    package var maximum = 0.0
    package var mean = 0.0
    /// The first target whose numbers differ by more than the tolerance.
    package var first: Target?

    package var isSame: Bool { first == nil }
  }

  /// A target that differs.
  package struct Target: Sendable, Equatable {
    /// Its window and its position in it, both from 0, and its token.
    package let window: Int
    package let position: Int
    package let token: Int32
    /// The natural logarithms of its probability: the model's and the other engine's.
    package let ours: Double
    package let theirs: Double
  }

  /// Scores a text and holds it against another engine's numbers.
  /// - Parameters:
  ///   - model: what scores.
  ///   - text: the tokens.
  ///   - numbers: one a target, window after window: natural logarithms of probabilities, none of
  ///     them above 0, or all of them with the other sign, as `--nll` writes them.
  ///   - file: where they come from, for messages.
  ///   - tolerance: the largest difference allowed, in nats.
  ///   - progress: called with the share done.
  /// - Returns: differences over all targets, and the first target that differs.
  /// - Throws: `EvaluationError.numbers` for numbers that are not as many as targets, not finite or
  ///   of both signs.
  package func run(
    _ model: Model, on text: TokenizedText, against numbers: [Double], file: String,
    tolerance: Double, progress: (Double) -> Void = { _ in }
  ) throws -> Result {
    let windows = try self.windows.windows(of: text)
    let targets = windows.reduce(0) { $0 + $1.targets.count }
    guard numbers.count == targets else {
      throw EvaluationError.numbers(
        file: file, problem: "holds \(numbers.count) numbers for \(targets) targets")
    }
    if let index = numbers.firstIndex(where: { !$0.isFinite }) {
      throw EvaluationError.numbers(file: file, problem: "number \(index) is not finite")
    }
    let areNegated = numbers.contains { $0 > 0 }
    if areNegated, let index = numbers.firstIndex(where: { $0 < 0 }) {
      throw EvaluationError.numbers(
        file: file,
        problem: "has numbers of both signs, number \(index) below 0 and others above: expected"
          + " logarithms of probabilities")
    }
    let scored = try PerplexityEvaluation(windows: self.windows, start: start, options: options)
      .run(model, on: text) { progress($0.tokens / Double(max($0.totalTokens, 1))) }
    var result = Result(targets: targets)
    var (index, sum) = (0, 0.0)
    for window in windows {
      for target in window.targets {
        let ours = -Double(scored.values[index])
        let theirs = areNegated ? -numbers[index] : numbers[index]
        let difference = abs(ours - theirs)
        sum += difference
        result.maximum = max(result.maximum, difference)
        if difference > tolerance, result.first == nil {
          result.first = Target(
            window: window.index, position: target,
            token: text.tokens[window.tokens.lowerBound + target], ours: ours, theirs: theirs)
        }
        index += 1
      }
    }
    result.mean = sum / Double(max(targets, 1))
    return result
  }
}
