/// Zeroed storage of 32-bit integers, such as tokens or places, freed at the end of its life.
///
/// Several threads may fill one buffer, each its own part.
package final class Int32Buffer: Sendable {
  private nonisolated(unsafe) let storage: UnsafeMutablePointer<Int32>

  /// - Parameter count: how many; there is room for one at least.
  package init(count: Int) {
    storage = .allocate(capacity: max(count, 1))
    storage.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { storage.deallocate() }

  /// The first integer.
  package var pointer: UnsafeMutablePointer<Int32> { storage }
}
