import Synchronization

/// How far the units of an evaluation are, for whoever shows it.
package struct UnitProgress: Sendable {
  /// What the models call themselves.
  package let models: [String]
  /// Units that are done, those from a state file among them, and units of this shard.
  package let finished: Int
  package let total: Int
  /// Tokens of all sequences of this run so far.
  package let tokens: Int
  /// The units that were done since the last time.
  package let new: [EvaluationRecord.Unit]

  private static let observer = Mutex<(@Sendable (UnitProgress) -> Void)?>(nil)

  /// Sets who is told at the start of an evaluation and after every batch.
  package static func observe(_ tell: @escaping @Sendable (UnitProgress) -> Void) {
    observer.withLock { $0 = tell }
  }

  func tell() {
    let observer = Self.observer.withLock { $0 }
    observer?(self)
  }
}
