/// The keys of the objects that a scan of JSON is inside of, each as the place of its text: a few bytes
/// for a key, whatever its length.
struct OpenKeys {
  /// A key without its quotes.
  private struct Key {
    let start: UInt32
    let count: UInt32
    let isEscaped: Bool
  }

  /// The places of an object's keys by their hashes.
  private struct Table {
    /// The first key of the object.
    let first: Int
    /// One more than a key's index; 0 where there is none.
    var slots: [UInt32]
  }

  /// An object with fewer keys is searched from its first to its last.
  private static let fewKeys = 16

  private var keys: [Key] = []
  /// Of the objects with more keys, the innermost's last.
  private var tables: [Table] = []

  /// Where the keys of an object begin that is entered now.
  var count: Int { keys.count }

  /// Forgets the keys of an object that is left.
  mutating func close(from first: Int) {
    keys.removeLast(keys.count - first)
    if tables.last?.first == first { tables.removeLast() }
  }

  /// Adds a key to the innermost object, whose keys begin at `first`.
  /// - Parameters:
  ///   - range: the text between the quotes.
  ///   - isEscaped: whether it holds escape sequences.
  ///   - first: the first key of the object.
  ///   - bytes: the whole text.
  /// - Returns: whether the object had no such key.
  mutating func insert(
    _ range: Range<Int>, isEscaped: Bool, from first: Int, _ bytes: RawSpan
  ) -> Bool {
    let key = Key(
      start: UInt32(range.lowerBound), count: UInt32(range.count), isEscaped: isEscaped)
    if keys.count - first < Self.fewKeys {
      guard !keys[first...].contains(where: { Self.areEqual($0, key, bytes) }) else { return false }
      keys.append(key)
      return true
    }
    if tables.last?.first != first {
      tables.append(Table(first: first, slots: []))
    }
    let last = tables.count - 1
    if tables[last].slots.count * 3 / 4 <= keys.count - first {
      let size = max(tables[last].slots.count * 2, Self.fewKeys * 4)
      tables[last].slots = [UInt32](repeating: 0, count: size)
      for index in first..<keys.count { _ = place(keys[index], index, in: last, bytes) }
    }
    guard place(key, keys.count, in: last, bytes) else { return false }
    keys.append(key)
    return true
  }

  /// Puts the key of this index into a table; false where an equal one is there.
  private mutating func place(_ key: Key, _ index: Int, in table: Int, _ bytes: RawSpan) -> Bool {
    let mask = tables[table].slots.count - 1
    var slot = Self.hash(key, bytes) & mask
    while true {
      let found = Int(tables[table].slots[slot])
      if found == 0 {
        tables[table].slots[slot] = UInt32(index + 1)
        return true
      }
      if Self.areEqual(keys[found - 1], key, bytes) { return false }
      slot = (slot + 1) & mask
    }
  }

  private static func hash(_ key: Key, _ bytes: RawSpan) -> Int {
    var hasher = Hasher()
    if key.isEscaped {
      content(of: key, bytes).withUnsafeBytes { hasher.combine(bytes: $0) }
    } else {
      unsafe bytes.withUnsafeBytes { hasher.combine(bytes: .init(rebasing: $0[range(of: key)])) }
    }
    return hasher.finalize() & Int.max
  }

  private static func areEqual(_ one: Key, _ other: Key, _ bytes: RawSpan) -> Bool {
    guard !one.isEscaped, !other.isEscaped else {
      return content(of: one, bytes) == content(of: other, bytes)
    }
    guard one.count == other.count else { return false }
    return unsafe bytes.withUnsafeBytes {
      $0[range(of: one)].elementsEqual($0[range(of: other)])
    }
  }

  private static func range(of key: Key) -> Range<Int> {
    Int(key.start)..<(Int(key.start) + Int(key.count))
  }

  private static func content(of key: Key, _ bytes: RawSpan) -> [UInt8] {
    let content = bytes.array(range(of: key))
    return key.isEscaped ? JSONScanner.unescaped(content) : content
  }
}
