import Tensors
import Testing

@Suite struct EncodingTests {
  @Test func halfPrecisionRoundsToNearestEven() throws {
    // Every half number, the midpoints between neighbours, and the floats beside the midpoints.
    var values: [Float] = []
    for bits in stride(from: UInt16(0), to: 0x7C00, by: 1) {
      let low = Float(Float16(bitPattern: bits))
      let high = bits == 0x7BFF ? 65536 : Float(Float16(bitPattern: bits + 1))
      let middle = (low + high) / 2
      values += [low, middle, middle.nextUp, middle.nextDown, -low, -middle]
    }
    values += [.infinity, -.infinity, 0x1p-25, 0x1p-26, .leastNonzeroMagnitude, -0.0]
    values.removeAll { $0.isFinite && Float16($0).isInfinite }
    let encoded = try encode(values, as: .f16)
    for (index, value) in values.enumerated() {
      let bits = UInt16(encoded[2 * index]) | UInt16(encoded[2 * index + 1]) << 8
      #expect(bits == Float16(value).bitPattern, "\(value)")
    }
  }

  @Test func brainFloatRoundsToNearestEven() throws {
    let cases: [(UInt32, UInt16)] = [
      (0x3F80_0000, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0x3F80_8001, 0x3F81),
      (0x3F80_7FFF, 0x3F80), (0x7F7F_7FFF, 0x7F7F), (0x7F80_0000, 0x7F80), (0xFF80_0000, 0xFF80),
      (0x0000_8000, 0x0000), (0x0001_8000, 0x0002), (0x0000_0001, 0x0000), (0x8000_0000, 0x8000),
      (0x7F80_0001, 0x7FC0), (0xFFFF_FFFF, 0xFFFF),
    ]
    let encoded = try encode(cases.map { Float(bitPattern: $0.0) }, as: .bf16)
    for (index, (input, expected)) in cases.enumerated() {
      let bits = UInt16(encoded[2 * index]) | UInt16(encoded[2 * index + 1]) << 8
      #expect(bits == expected, "\(String(input, radix: 16))")
    }
  }

  /// The largest numbers of each type, and the least that would round to infinity: half an ulp
  /// above.
  @Test func nothingFiniteBecomesInfinite() throws {
    let limits: [(ElementType, Float, Float)] = [
      (.f16, 65_504, 65_520),
      (.bf16, Float(bitPattern: 0x7F7F_0000), Float(bitPattern: 0x7F7F_8000)),
    ]
    for (type, largest, tooLarge) in limits {
      for sign: Float in [1, -1] {
        #expect(try encode([largest * sign, tooLarge.nextDown * sign], as: type).count == 4)
        let error = #expect(throws: TensorError.self) {
          try encode([1, tooLarge * sign], as: type)
        }
        #expect(error?.summary.contains("\(tooLarge * sign)") == true)
        #expect(error?.exitStatus == .malformedData)
      }
    }
  }

  @Test func notANumberStaysOne() throws {
    let quiet: [Float] = [.nan, -.nan, Float(bitPattern: 0x7F80_0001)]
    let encoded = try encode(quiet, as: .f16)
    for index in 0..<quiet.count {
      let bits = UInt16(encoded[2 * index]) | UInt16(encoded[2 * index + 1]) << 8
      #expect(Float16(bitPattern: bits).isNaN)
    }
  }

  /// Every number of 16 bits, the midpoint above it and the floats beside that, by the definition:
  /// to nearest, ties to even. A NaN becomes quiet and keeps the upper bits of its payload.
  @Test(arguments: Variants.available)
  func brainFloatIsTheNearest(variant: InstructionSet) throws {
    var (values, expected): ([Float], [UInt16]) = ([], [])
    for upper in UInt16.min...UInt16.max {
      for low: UInt32 in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
        let bits = UInt32(upper) << 16 | low
        let isUp = low > 0x8000 || low == 0x8000 && upper % 2 == 1
        let value = Float(bitPattern: bits)
        let result = value.isNaN ? upper | 0x40 : isUp ? upper + 1 : upper
        if value.isFinite, result & 0x7F80 == 0x7F80 { continue }
        values.append(value)
        expected.append(result)
      }
    }
    let encoded = try Variants.with(variant) { try encode(values, as: .bf16) }
    #expect(encoded == bytes(expected))
  }

  @Test(arguments: Variants.available)
  func halvesOfNaNKeepTheirPayload(variant: InstructionSet) throws {
    var (values, expected): ([Float], [UInt16]) = ([], [])
    for sign: UInt16 in [0, 0x8000] {
      for payload: UInt16 in 0..<0x400 {
        for low: UInt32 in [0, 1, 0x1FFF] where payload > 0 || low > 0 {
          let bits = UInt32(sign) << 16 | 0x7F80_0000 | UInt32(payload) << 13 | low
          values.append(Float(bitPattern: bits))
          expected.append(sign | 0x7C00 | 0x200 | payload)
        }
      }
    }
    let encoded = try Variants.with(variant) { try encode(values, as: .f16) }
    #expect(encoded == bytes(expected))
  }

  /// What does not fill a vector, and pieces that threads take: each number is encoded as if alone.
  @Test(arguments: [ElementType.f16, .bf16])
  func everyLengthIsEncodedAlike(type: ElementType) throws {
    var noise = Noise(11)
    let values = noise.floats(40_003, in: -1000...1000)
    let alone = try values.prefix(100).flatMap { try encode([$0], as: type) }
    for count in 0...50 {
      #expect(try encode(Array(values[..<count]), as: type) == Array(alone[..<(2 * count)]))
    }
    let whole = try encode(values, as: type)
    #expect(Array(whole[..<200]) == alone)
    #expect(try encode(values, as: type, threads: 3) == whole)
    // The first number that is too large is named, whichever thread finds one first.
    var tooLarge = values
    (tooLarge[20_001], tooLarge[39_000]) = (-3.4e38, 3.4e38)
    let error = #expect(throws: TensorError.self) { try encode(tooLarge, as: type, threads: 3) }
    #expect(error?.summary.contains("\(Float(-3.4e38))") == true)
  }

  private func bytes(_ numbers: [UInt16]) -> [UInt8] {
    numbers.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
  }

  @Test func decodingUndoesEncoding() throws {
    var noise = Noise(3)
    let values = noise.floats(1000).map { Float(Float16($0)) }
    for type in [ElementType.f32, .f16, .f64] {
      let encoded = try encode(values, as: type)
      var output = [Float](repeating: 0, count: values.count)
      try encoded.withUnsafeBytes {
        try Decoding.decode($0, as: type, to: &output, count: values.count)
      }
      #expect(output == values)
    }
  }

  @Test func refusesWhatItCannotStore() {
    let whole: Set<ElementType> = [.i32, .i64]
    let floats: Set<ElementType> = [.f32, .f16, .bf16, .f64]
    for type in ElementType.allCases where !Encoding.encodesBlocks(type) && !floats.contains(type) {
      #expect(throws: TensorError.self) { try encode([whole.contains(type) ? 1.5 : 1], as: type) }
    }
  }

  @Test func wholeNumbersAreStoredAsSuch() throws {
    #expect(try encode([1, -2], as: .i32) == [1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF])
    #expect(try encode([513], as: .i64) == [1, 2, 0, 0, 0, 0, 0, 0])
    #expect(throws: TensorError.self) { try encode([3e9], as: .i32) }
    #expect(throws: TensorError.self) { try encode([.nan], as: .i64) }
  }

  private func encode(
    _ values: [Float], as type: ElementType, threads: Int = 1
  ) throws -> [UInt8] {
    try values.withUnsafeBufferPointer { try Encoding.encode($0, as: type, threads: threads) }
  }
}
