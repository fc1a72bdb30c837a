/// The tokens that rows stand for, which some routers choose experts by.
final class TokenRows: Sendable {
  nonisolated(unsafe) let pointer: UnsafeMutablePointer<Int32>

  init(count: Int) {
    pointer = .allocate(capacity: max(count, 1))
    pointer.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { pointer.deallocate() }
}
