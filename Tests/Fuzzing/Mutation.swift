import Base
import Checkpoints
import Evaluation
import OrderedCollections

/// Numbers at the edges of what formats and arithmetic hold.
enum Edge {
  static let integers: [UInt64] = [
    0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1023, 4096, 65_535,
    65_536, 1 << 24, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 53, 1 << 62, 1 << 63 - 1,
    1 << 63, .max - 1, .max,
  ]
  static let numbers: [Double] = [
    0, -0.0, 1, -1, 0.5, 1e-320, 1e-30, 1e30, 1e38, 1e39, 1e300, -1e300, 1e308, .nan, .infinity,
  ]
  static let strings = [
    "", " ", "\0", "a\nb", "../x", "/", "é\u{301}", "\u{1F642}", "null", "0", "{layer}", "(",
    "(a+)+$",
    "\\p{L}", "[", String(repeating: "x", count: 5000),
  ]
}

extension SeededGenerator {
  mutating func isOne(in chances: Int) -> Bool { integer(below: chances) == 0 }

  /// An edge, or near what was there.
  mutating func integer(near old: UInt64) -> UInt64 {
    switch integer(below: 8) {
    case 0: old &+ 1
    case 1: old &- 1
    case 2: old &* 2
    case 3: old / 2
    default: element(of: Edge.integers) ?? 0
    }
  }
}

extension [UInt8] {
  /// Some bytes changed, removed, repeated or cut off.
  func mutated(_ random: inout SeededGenerator, within range: Range<Int>) -> [UInt8] {
    var bytes = self
    for _ in 0...random.integer(below: 4) {
      let range = range.clamped(to: bytes.indices)
      guard !range.isEmpty else { return bytes }
      let place = range.lowerBound + random.integer(below: range.count)
      let length = Swift.min(1 + random.integer(below: 8), bytes.count - place)
      switch random.integer(below: 10) {
      case 0: bytes.removeSubrange(place..<(place + length))
      case 1: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
      case 2: bytes.removeSubrange(place...)
      case 3, 4: bytes[place] ^= 1 << random.integer(below: 8)
      case 5:
        let value = random.element(of: Edge.integers) ?? 0
        for (offset, byte) in little(value, width: 8).enumerated()
        where place + offset < bytes.count {
          bytes[place + offset] = byte
        }
      default: bytes[place] = UInt8(random.integer(below: 256))
      }
    }
    return bytes
  }
}

/// A number's bytes, lowest first.
func little(_ value: UInt64, width: Int) -> [UInt8] {
  (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

extension JSONValue {
  private var nodes: Int {
    switch self {
    case .array(let values): values.reduce(1) { $0 + $1.nodes }
    case .object(let object): object.values.reduce(1) { $0 + $1.nodes }
    case .members(let members): members.reduce(1) { $0 + $1.value.nodes }
    default: 1
    }
  }

  /// The value with some of its parts, wherever they stand, changed.
  func mutated(_ random: inout SeededGenerator) -> JSONValue {
    var value = self
    for _ in 0...random.integer(below: 3) {
      let other = value.part(random.integer(below: value.nodes))
      var place = random.integer(below: value.nodes)
      value = value.replacing(&place) { $0.changed(&random, other: other) } ?? .null
    }
    return value
  }

  /// The node with this number, counted from the outermost.
  private func part(_ number: Int) -> JSONValue {
    var found = JSONValue.null
    var place = number
    _ = replacing(&place) {
      found = $0
      return $0
    }
    return found
  }

  /// - Parameter place: counts down to 0 at the node to change; nil removes it.
  private func replacing(
    _ place: inout Int, by change: (JSONValue) -> JSONValue?
  ) -> JSONValue? {
    if place == 0 {
      place = -1
      return change(self)
    }
    place -= 1
    switch self {
    case .array(let values):
      return .array(values.compactMap { place < 0 ? $0 : $0.replacing(&place, by: change) })
    case .object(let object):
      var kept: OrderedDictionary<String, JSONValue> = [:]
      for (key, value) in object {
        kept[key] = place < 0 ? value : value.replacing(&place, by: change)
      }
      return .object(kept)
    case .members(let members):
      return .members(
        members.compactMap { member in
          guard place >= 0 else { return member }
          return member.value.replacing(&place, by: change).map {
            JSONMember(key: member.key, value: $0)
          }
        })
    default: return self
    }
  }

  private func changed(_ random: inout SeededGenerator, other: JSONValue) -> JSONValue? {
    switch random.integer(below: 12) {
    case 0: return nil
    case 1: return .null
    case 2: return .bool(random.isOne(in: 2))
    case 3: return .string(random.element(of: Edge.strings) ?? "")
    case 4: return .number((random.element(of: Edge.numbers) ?? 0).finite)
    case 5: return .integer(-Int64(random.integer(below: 3)))
    case 6: return other
    case 7: return .array([self, self])
    case 8: return .object(["a": self])
    default: break
    }
    switch self {
    case .integer(let value):
      let near = random.integer(near: UInt64(bitPattern: value))
      if random.isOne(in: 4) { return .integer(Int64(bitPattern: near)) }
      return near > UInt64(Int64.max) ? .unsigned(near) : .integer(Int64(near))
    case .number(let value): return .number((value * (random.isOne(in: 2) ? -1 : 1e6)).finite)
    case .string(let text):
      let bytes = Array(text.utf8)
      return .string(
        String(decoding: bytes.mutated(&random, within: bytes.indices), as: UTF8.self))
    case .array(let values): return .array(random.shuffled(values) + values.prefix(1))
    default: return .array([])
    }
  }
}

extension Double {
  /// JSON has no other numbers.
  fileprivate var finite: Double { isFinite ? self : 1e308 }
}
