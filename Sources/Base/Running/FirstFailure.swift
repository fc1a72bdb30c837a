import Synchronization

/// The first error that any thread of a parallel loop met.
package final class FirstFailure: Sendable {
  private let stored = Mutex<(any Error)?>(nil)

  package init() {}

  package func record(_ error: any Error) {
    stored.withLock { if $0 == nil { $0 = error } }
  }

  package func check() throws {
    if let error = stored.withLock({ $0 }) { throw error }
  }
}
