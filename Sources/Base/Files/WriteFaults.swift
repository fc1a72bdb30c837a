import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Calls the system until no signal interrupts it, an operation that `WriteFaults` counts.
/// - Parameter call: gives a negative number where it fails, with `errno` set.
/// - Returns: 0, or the number of the error.
package func uninterrupted(_ call: () -> Int32) -> Int32 {
  while true {
    let number = WriteFaults.next() ?? (call() < 0 ? errno : 0)
    if number != EINTR { return number }
  }
}

/// Faults for the tests of writing: the N-th operation on an output fails.
///
/// Task-local, so that tests side by side do not meet; without a value it costs one look-up an
/// operation, and operations are large.
package final class WriteFaults: Sendable {
  @TaskLocal package static var current: WriteFaults?

  private let failing: Int
  /// Whether all operations after that one fail too, as on a disk that is gone.
  private let persists: Bool
  private let number: Int32
  private let count = Mutex(0)
  /// Whether the check for free space is passed over, so that writing meets a full disk itself.
  package let ignoresFreeSpace: Bool
  /// Whether ranges of input files are copied through this process, as where the kernel cannot.
  package let copiesThroughMemory: Bool
  /// Whether folders change places file by file, as where the system cannot exchange them.
  package let exchangesNothing: Bool

  /// The operation `failing`, counted from 0, fails with the error number `number`, or, where that is
  /// 0, takes no byte of what it is to write; a negative `failing` fails none.
  package init(
    failing: Int, with number: Int32, persists: Bool = false, ignoresFreeSpace: Bool = false,
    copiesThroughMemory: Bool = false, exchangesNothing: Bool = false
  ) {
    self.failing = failing
    self.persists = persists
    self.number = number
    self.ignoresFreeSpace = ignoresFreeSpace
    self.copiesThroughMemory = copiesThroughMemory
    self.exchangesNothing = exchangesNothing
  }

  /// Operations met so far.
  package var operations: Int { count.withLock { $0 } }

  /// Counts an operation; the error number if it is the one that fails.
  package static func next() -> Int32? {
    guard let faults = current else { return nil }
    let index = faults.count.withLock { count in
      defer { count += 1 }
      return count
    }
    guard faults.failing >= 0 else { return nil }
    let fails = faults.persists ? index >= faults.failing : index == faults.failing
    return fails ? faults.number : nil
  }
}
