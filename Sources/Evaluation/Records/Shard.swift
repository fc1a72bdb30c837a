/// A part of an evaluation: of `count` shards the one with this number, from 1. Unit u (from 0)
/// belongs to shard u mod count + 1.
package struct Shard: Sendable, Equatable {
  package let number: Int
  package let count: Int

  /// Everything.
  package static let whole = Shard()

  private init() {
    number = 1
    count = 1
  }

  /// - Throws: `EvaluationError.usage` for numbers that make no shard.
  package init(_ number: Int, of count: Int) throws(EvaluationError) {
    guard count >= 1, number >= 1, number <= count else {
      throw .usage("--shard is \(number)/\(count), expected I/N with I from 1 to N")
    }
    self.number = number
    self.count = count
  }

  /// Reads `I/N`.
  package init(parsing text: String) throws(EvaluationError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else {
      throw .usage("--shard is '\(text)', expected I/N such as 1/4")
    }
    try self.init(number, of: count)
  }

  package func contains(_ unit: Int) -> Bool { unit % count + 1 == number }

  /// `I/N`
  package var text: String { "\(number)/\(count)" }
}
