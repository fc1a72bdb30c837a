import Base
import Synchronization

/// The processor time that the searches of a pre-tokenizer may take, all its texts, steps and threads
/// together: so much at the beginning, and more with every text.
///
/// PCRE2's limit holds for one place of a text, and not for what it reads ahead there. Published
/// patterns take about a microsecond for a byte, and 1 s for 150,000 bytes of white space, which
/// some of them read again from each place: 7 s for 400,000, or 18 us for a byte, however many such
/// texts there are. A text of a million bytes of white space alone is just within the allowance.
package final class PatternBudget: Sendable {
  /// Nanoseconds that are left.
  private let left: Mutex<UInt64>

  package init(nanoseconds: UInt64) { left = Mutex(nanoseconds) }

  /// What is allowed before any text, and for each byte of one.
  private static let (beginning, forByte): (UInt64, UInt64) = (5_000_000_000, 50_000)

  /// What is allowed for texts of so many bytes, and those that `allow` adds.
  package convenience init(byteCount: Int) {
    self.init(nanoseconds: Self.beginning + Self.forByte * UInt64(byteCount))
  }

  /// Adds what is allowed for another text of so many bytes.
  package func allow(byteCount: Int) {
    left.withLock { left in left += min(Self.forByte * UInt64(byteCount), UInt64.max - left) }
  }

  /// Takes nanoseconds.
  /// - Returns: whether any are left.
  package func spend(_ nanoseconds: UInt64) -> Bool {
    left.withLock { left in
      left -= min(left, nanoseconds)
      return left > 0
    }
  }
}

/// What one thread spends of a budget; it must not be handed to another.
struct PatternMeter {
  private let budget: PatternBudget
  private var time = MonotonicClock.nanoseconds
  private var processorTime = MonotonicClock.processorNanoseconds
  private var searches = 0

  /// The clocks are read after so many matches, unless a search finds none.
  private static let matchesPerReading = 4
  /// The thread's time, which takes longer to read, is read after so many nanoseconds.
  private static let step: UInt64 = 10_000_000

  init(_ budget: PatternBudget) { self.budget = budget }

  /// Whether another search may begin; `follows` where the last one found a match.
  mutating func allowsSearch(follows: Bool) -> Bool {
    searches &+= 1
    if follows, searches % Self.matchesPerReading != 0 { return true }
    let now = MonotonicClock.nanoseconds
    guard now &- time >= Self.step else { return true }
    let processorNow = MonotonicClock.processorNanoseconds
    defer { (time, processorTime) = (now, processorNow) }
    return budget.spend(processorNow - processorTime)
  }
}
