/// Finds the largest haystack whose prompt fits, with few countings: a prompt of 128k tokens takes
/// longer to tokenize than to write.
package struct HaystackSearch {
  /// Tokens that a prompt may take.
  package let budget: Int
  /// Units that a haystack may have.
  package let units: ClosedRange<Int>

  /// Units of the first guess beyond the fewest, which tells how many tokens a unit takes.
  private static let probe = 64

  package init(budget: Int, units: ClosedRange<Int>) {
    self.budget = budget
    self.units = units
  }

  package enum Outcome: Equatable {
    /// The number of units, and the result of counting them.
    case fits(units: Int, tokens: Int)
    /// Tokens of the smallest haystack.
    case tooLong(tokens: Int)
  }

  /// Narrows a bracket, of which the lower end fits and the upper end does not, to neighbours.
  ///
  /// Guesses follow the line through the bracket's ends, since tokens are nearly proportional to
  /// units; where three guesses have not halved the bracket, the next one does. The result is a
  /// count that was taken, so that it fits even where more units take fewer tokens now and then.
  package func run(count: (Int) throws -> Int) rethrows -> Outcome {
    var low = units.lowerBound
    var lowTokens = try count(low)
    guard lowTokens <= budget else { return .tooLong(tokens: lowTokens) }
    var high: (units: Int, tokens: Int)?
    var slope = 0.0
    var attempts = 0
    var widthBefore = Int.max
    while low < (high?.units ?? units.upperBound + 1) - 1 {
      let guess: Int
      if let high {
        let width = high.units - low
        if width <= widthBefore / 2 {
          widthBefore = width
          attempts = 0
        }
        attempts += 1
        let share =
          attempts > 3
          ? 0.5 : Double(budget - lowTokens) / Double(max(high.tokens - lowTokens, 1))
        if attempts > 3 { attempts = 0 }
        guess = low + Int(Double(width) * min(max(share, 0), 1))
      } else if slope > 0 {
        // One unit more, so that the guess rather ends the growth than falls short of the end.
        let missing = min(Double(budget - lowTokens) / slope, Double(units.upperBound))
        guess = low + 1 + min(Int(missing), units.upperBound - low)
      } else {
        guess = low + max(Self.probe, low)
      }
      let next = min(max(guess, low + 1), (high?.units ?? units.upperBound + 1) - 1)
      let tokens = try count(next)
      if tokens <= budget {
        slope = Double(tokens - lowTokens) / Double(next - low)
        (low, lowTokens) = (next, tokens)
      } else {
        high = (next, tokens)
      }
    }
    return .fits(units: low, tokens: lowTokens)
  }
}
