/// A part of an evaluation: of `count` shards the one with this number, from 1. Unit u (from 0)
/// belongs to shard u mod count + 1.
public struct Shard: Sendable, Equatable {
  /// Which of the shards it is, from 1.
  public let number: Int
  /// How many shards there are.
  public let count: Int

  /// Everything.
  public static let whole = Shard()

  private init() {
    number = 1
    count = 1
  }

  /// - Throws: `EvaluationError.setting` for numbers that make no shard.
  public init(_ number: Int, of count: Int) throws(EvaluationError) {
    guard count >= 1, number >= 1, number <= count else {
      throw .setting(
        .shard, problem: "is \(number)/\(count), expected I/N with I from 1 to N")
    }
    self.number = number
    self.count = count
  }

  /// Reads `I/N`.
  public init(parsing text: String) throws(EvaluationError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else {
      throw .setting(.shard, problem: "is '\(text)', expected I/N such as 1/4")
    }
    try self.init(number, of: count)
  }

  /// Whether a unit, counted from 0, belongs to the shard.
  public func contains(_ unit: Int) -> Bool { unit % count + 1 == number }

  /// Whether there are others, so that its numbers are not those of the whole.
  package var isPart: Bool { count > 1 }

  /// `I/N`
  public var text: String { "\(number)/\(count)" }
}
