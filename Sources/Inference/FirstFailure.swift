import Synchronization

/// The first error that any thread of a parallel loop met.
public final class FirstFailure: Sendable {
  private let stored = Mutex<(any Error)?>(nil)

  public init() {}

  public func record(_ error: any Error) {
    stored.withLock { if $0 == nil { $0 = error } }
  }

  public func check() throws {
    if let error = stored.withLock({ $0 }) { throw error }
  }
}
