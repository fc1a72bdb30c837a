/// Byte strings one after the other in one buffer: a vocabulary has hundreds of thousands.
struct ByteStrings: Sendable, RandomAccessCollection {
  private(set) var bytes: [UInt8] = []
  /// Where each string begins, and where the last one ends.
  private var bounds = [0]

  init() {}

  init(_ strings: some Sequence<[UInt8]>) {
    for string in strings { append(string) }
  }

  var startIndex: Int { 0 }
  var endIndex: Int { bounds.count - 1 }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(of: index)] }

  /// Where a string stands in `bytes`.
  func range(of index: Int) -> Range<Int> { bounds[index]..<bounds[index + 1] }

  mutating func reserveCapacity(count: Int, bytes byteCount: Int) {
    bounds.reserveCapacity(count + 1)
    bytes.reserveCapacity(byteCount)
  }

  mutating func append(_ string: some Collection<UInt8>) {
    bytes.append(contentsOf: string)
    bounds.append(bytes.count)
  }
}

/// The numbers of byte strings, found by their bytes.
///
/// The hash is seeded anew in every process, so that no file can be made of strings that collide.
struct ByteStringIndex: Sendable {
  private(set) var strings: ByteStrings
  /// The upper half of a string's hash and its number plus one; 0 where a place is free.
  private var slots: [UInt64]

  /// - Parameter strings: of equal ones the last is found, as in the ecosystem's loader.
  init(_ strings: ByteStrings) {
    self.strings = strings
    slots = Self.slots(for: strings)
  }

  /// Places for strings, at most half of them taken.
  private static func slots(for strings: ByteStrings) -> [UInt64] {
    var capacity = 16
    while capacity < 2 * strings.count { capacity *= 2 }
    var slots = [UInt64](repeating: 0, count: capacity)
    strings.bytes.withUnsafeBufferPointer { bytes in
      slots.withUnsafeMutableBufferPointer { slots in
        for number in strings.indices {
          let string = UnsafeBufferPointer(rebasing: bytes[strings.range(of: number)])
          let hash = ByteHash.of(string)
          let slot = find(string, hash, in: strings, bytes, UnsafeBufferPointer(slots))
          slots[slot] = (hash & ~0xFFFF_FFFF) | UInt64(number + 1)
        }
      }
    }
    return slots
  }

  /// The number of a string.
  @inline(__always)
  func find(_ string: UnsafeBufferPointer<UInt8>) -> Int? {
    strings.bytes.withUnsafeBufferPointer { bytes in
      slots.withUnsafeBufferPointer { slots in
        let slot = Self.find(string, ByteHash.of(string), in: strings, bytes, slots)
        let number = Int(slots[slot] & 0xFFFF_FFFF)
        return number == 0 ? nil : number - 1
      }
    }
  }

  /// The place of a string, or the free one where it would stand.
  private static func find(
    _ string: UnsafeBufferPointer<UInt8>, _ hash: UInt64, in strings: ByteStrings,
    _ bytes: UnsafeBufferPointer<UInt8>, _ slots: UnsafeBufferPointer<UInt64>
  ) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32 {
        let range = strings.range(of: Int(slots[slot] & 0xFFFF_FFFF) - 1)
        if range.count == string.count,
          UnsafeBufferPointer(rebasing: bytes[range]).hasBytes(of: string)
        {
          return slot
        }
      }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// The number of a string, which is added where it is not known.
  mutating func findOrAdd(_ string: UnsafeBufferPointer<UInt8>) -> Int {
    if let known = find(string) { return known }
    strings.append(string)
    if 2 * strings.count > slots.count {
      slots = Self.slots(for: strings)
    } else {
      let mask = slots.count - 1
      let hash = ByteHash.of(string)
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = (hash & ~0xFFFF_FFFF) | UInt64(strings.count)
    }
    return strings.count - 1
  }
}

/// A hash of bytes in the manner of wyhash: eight bytes at a time go through one wide product.
enum ByteHash {
  private static let seed = UInt64.random(in: .min ... .max)

  @inline(__always)
  static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let raw = UnsafeRawBufferPointer(bytes)
    var hash = seed ^ UInt64(raw.count)
    var offset = 0
    while raw.count - offset >= 8 {
      let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      hash = mix(hash ^ word, 0x9E37_79B9_7F4A_7C15)
      offset += 8
    }
    var tail: UInt64 = 0
    while offset < raw.count {
      tail = tail << 8 | UInt64(raw[offset])
      offset += 1
    }
    return mix(mix(hash ^ tail, 0xD6E8_FEB8_6659_FD93), seed | 1)
  }

  /// A number's hash.
  @inline(__always)
  static func of(_ number: UInt64) -> UInt64 {
    mix(mix(number ^ seed, 0x9E37_79B9_7F4A_7C15), seed | 1)
  }

  @inline(__always)
  private static func mix(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let product = one.multipliedFullWidth(by: other)
    return product.high ^ product.low
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether another buffer of the same length holds the same bytes.
  @inline(__always)
  func hasBytes(of other: UnsafeBufferPointer<UInt8>) -> Bool {
    var index = 0
    while index < count {
      if self[index] != other[index] { return false }
      index += 1
    }
    return true
  }
}
