import Synchronization

/// What a user should know of an output that is in place but not as it should be, or that waits for its
/// place: neither is an error.
package enum OutputNotes {
  private static let observer = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// Calls `told` with a sentence for each of them from now on.
  package static func observe(_ told: @escaping @Sendable (String) -> Void) {
    observer.withLock { $0 = told }
  }

  static func tell(_ text: String) {
    let told = observer.withLock { $0 }
    told?(text)
  }
}
