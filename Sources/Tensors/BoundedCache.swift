/// What was made for some keys, kept for the next time. Once it is full, what was made first goes for what
/// is made last; a key that is asked for again is made again.
struct BoundedCache<Key: Hashable, Value> {
  /// More kinds of products than anything evaluates together.
  private let limit = 4096
  private var values: [Key: Value] = [:]
  /// The keys as they came; once full, a ring whose oldest is at `oldest`.
  private var keys: [Key] = []
  private var oldest = 0

  init() {}

  /// - Parameters:
  ///   - key: what it is made for.
  ///   - make: makes it; nil where that cannot be, which is not kept.
  /// - Returns: what is kept, or what was made now.
  mutating func value(for key: Key, make: () -> Value?) -> Value? {
    if let value = values[key] { return value }
    guard let value = make() else { return nil }
    if keys.count < limit {
      keys.append(key)
    } else {
      values[keys[oldest]] = nil
      keys[oldest] = key
      oldest = (oldest + 1) % limit
    }
    values[key] = value
    return value
  }
}
