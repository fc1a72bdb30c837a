/// Zeroed storage of doubles, freed at the end of its life.
///
/// Several threads may fill one buffer, each its own part.
package final class DoubleBuffer: Sendable {
  private nonisolated(unsafe) let storage: UnsafeMutablePointer<Double>

  package init(count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: 0, count: count)
  }

  deinit { storage.deallocate() }

  /// The first double.
  package var pointer: UnsafeMutablePointer<Double> { storage }
}
