import Evaluation
import Tensors

/// Stored numbers of every kind: each instruction set that the processor has gives the bits of the
/// portable code, but for those of a NaN.
enum Decoders {
  static func decoders(_ workplace: Workplace) -> (inout SeededGenerator) throws -> Void {
    let types = ElementType.allCases.filter(Decoding.canDecode)
    return { random in
      guard let type = random.element(of: types) else { return }
      // More blocks than any kernel takes at once, and a rest.
      let count = type.bytesPerBlock * (1 + random.integer(below: 70))
      var bytes = (0..<count).map { _ in UInt8(random.integer(below: 256)) }
      // Scales at the edges of what half precision and float32 hold.
      for _ in 0..<random.integer(below: 4) {
        let value = little(random.element(of: Edge.integers) ?? 0, width: 8)
        let place = random.integer(below: count)
        for (offset, byte) in value.enumerated() where place + offset < count {
          bytes[place + offset] = byte
        }
      }
      try compare(bytes, as: type)
    }
  }

  /// Decodes the whole blocks among the bytes with each instruction set.
  static func compare(_ bytes: [UInt8], as type: ElementType) throws {
    defer { InstructionSet.force(nil) }
    let blocks = bytes.count / type.bytesPerBlock
    let count = blocks * type.elementsPerBlock
    var expected: [UInt32]?
    for set in InstructionSet.allCases {
      InstructionSet.force(set)
      var values = [Float](repeating: 0, count: count)
      try bytes[..<(blocks * type.bytesPerBlock)].withUnsafeBytes { bytes in
        try values.withUnsafeMutableBufferPointer { values in
          guard let base = values.baseAddress else { return }
          try Decoding.decode(bytes, as: type, to: base, count: count)
        }
      }
      let bits = values.map(\.bitPattern)
      // Of two operands that are none, the compiler's order of them says whose bits a NaN has.
      func differ(_ one: UInt32, _ other: UInt32) -> Bool {
        one != other && !(Float(bitPattern: one).isNaN && Float(bitPattern: other).isNaN)
      }
      if let expected,
        let place = zip(bits, expected).enumerated().first(where: { differ($1.0, $1.1) })
      {
        throw Contradiction(
          description: "\(type.rawValue) on \(set.rawValue): element \(place.offset) is"
            + " \(values[place.offset]), portable \(Float(bitPattern: expected[place.offset]))")
      }
      expected = expected ?? bits
    }
  }
}
