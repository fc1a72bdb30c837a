/// Zeroed float32 storage aligned to cache lines, freed at the end of its life.
///
/// Several threads may fill one buffer, each its own part.
package final class FloatBuffer: Sendable {
  /// The number of floats.
  package let count: Int
  private nonisolated(unsafe) let storage: UnsafeMutablePointer<Float>

  /// Room for `count` floats, which may be none: there is a first one all the same.
  package init(count: Int) {
    self.count = count
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    storage = bytes.bindMemory(to: Float.self, capacity: max(count, 1))
    storage.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { UnsafeMutableRawPointer(storage).deallocate() }

  /// The first float.
  package var pointer: UnsafeMutablePointer<Float> { storage }
}
