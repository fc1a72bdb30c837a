import Evaluation

/// Where the numbers and texts of a valid GGUF header stand, so that each can be changed in place.
struct GGUFFields {
  struct Field {
    let offset: Int
    let width: Int
    let isFloat: Bool
  }

  /// Counts, lengths, types, offsets, texts and elements of arrays.
  private(set) var structure: [Field] = []
  /// Values of keys that are single numbers.
  private(set) var values: [Field] = []
  /// Bytes up to the tensors' data.
  private(set) var headerLength = 0
  private let bytes: [UInt8]
  private var cursor = 4

  init(of bytes: [UInt8]) {
    self.bytes = bytes
    number(4)
    let tensors = number(8)
    let keys = number(8)
    for _ in 0..<keys {
      string()
      let type = number(4)
      let known = structure.count
      value(of: type)
      if type < 8 || type > 9 { values.append(structure.remove(at: known)) }
    }
    for _ in 0..<tensors {
      string()
      for _ in 0..<number(4) { number(8) }
      number(4)
      number(8)
    }
    headerLength = cursor
  }

  @discardableResult
  private mutating func number(_ width: Int, isFloat: Bool = false) -> UInt64 {
    structure.append(Field(offset: cursor, width: width, isFloat: isFloat))
    let value = bytes[cursor..<(cursor + width)].reversed().reduce(UInt64(0)) {
      $0 << 8 | UInt64($1)
    }
    cursor += width
    return value
  }

  private mutating func string() {
    let length = Int(number(8))
    if length > 0 { structure.append(Field(offset: cursor + length / 2, width: 1, isFloat: false)) }
    cursor += length
  }

  private mutating func value(of type: UInt64) {
    switch type {
    case 0, 1, 7: number(1)
    case 2, 3: number(2)
    case 4, 5: number(4)
    case 6: number(4, isFloat: true)
    case 10, 11: number(8)
    case 12: number(8, isFloat: true)
    case 8: string()
    default: array()
    }
  }

  private mutating func array() {
    let type = number(4)
    let count = number(8)
    let known = structure.count
    for index in 0..<count {
      value(of: type)
      // A vocabulary's elements would be nearly all fields there are.
      if index >= 8, structure.count > known + 16 {
        structure.removeLast(structure.count - known - 16)
      }
    }
  }

  /// The file with some fields changed.
  func mutated(_ random: inout SeededGenerator) -> [UInt8] {
    var bytes = self.bytes
    for _ in 0...random.integer(below: 3) {
      let fields = random.isOne(in: 4) || values.isEmpty ? structure : values
      guard let field = random.element(of: fields) else { return bytes }
      let range = field.offset..<(field.offset + field.width)
      let old = bytes[range].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let new: UInt64
      if field.isFloat, let number = random.element(of: Edge.numbers) {
        new = field.width == 4 ? UInt64(Float(number).bitPattern) : number.bitPattern
      } else {
        new = random.integer(near: old)
      }
      bytes.replaceSubrange(range, with: little(new, width: field.width))
    }
    return bytes
  }
}
