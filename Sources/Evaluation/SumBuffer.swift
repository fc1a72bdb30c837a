import Foundation

/// Zeroed storage of doubles that several threads fill, each its own part.
final class SumBuffer: Sendable {
  nonisolated(unsafe) let pointer: UnsafeMutablePointer<Double>

  init(count: Int) {
    pointer = .allocate(capacity: count)
    pointer.initialize(repeating: 0, count: count)
  }

  deinit { pointer.deallocate() }
}

/// The natural logarithm.
func logarithm(_ value: Double) -> Double { log(value) }
