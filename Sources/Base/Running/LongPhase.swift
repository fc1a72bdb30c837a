import Dispatch
import Synchronization

/// Work without a progress of its own, such as hashing a file. Whoever shows progress is told what it
/// is where it takes longer than a second, so that no program stands still without a word.
package enum LongPhase {
  private static let observer = Mutex<(@Sendable (String?) -> Void)?>(nil)

  /// Seconds of silence.
  private static let patience = 1.0

  /// Sets who is told what goes on, and nil when that has ended; on any thread.
  package static func observe(_ tell: @escaping @Sendable (String?) -> Void) {
    observer.withLock { $0 = tell }
  }

  private enum State { case pending, told, ended }

  private final class Phase: Sendable {
    let state = Mutex(State.pending)
  }

  /// Does the work; `what` says what it is, as in "hashing model.gguf".
  package static func run<Result, Failure: Error>(
    _ what: @autoclosure () -> String, _ work: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let tell = observer.withLock({ $0 }) else { return try work() }
    let (phase, text) = (Phase(), what())
    DispatchQueue.global().asyncAfter(deadline: .now() + patience) {
      phase.state.withLock { state in
        guard state == .pending else { return }
        state = .told
        tell(text)
      }
    }
    defer {
      phase.state.withLock { state in
        if state == .told { tell(nil) }
        state = .ended
      }
    }
    return try work()
  }
}
