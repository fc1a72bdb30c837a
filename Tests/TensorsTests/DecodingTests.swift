import Foundation
import Tensors
import TestSupport
import Testing

/// Decoding against the `gguf` package's results (Golden/make_goldens.py), bit for bit.
@Suite struct DecodingTests {
  static let golden: [ElementType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_k, .q3_k, .q4_k, .q5_k, .q6_k, .q8_k, .iq4_nl, .iq4_xs,
    .iq2_xxs, .iq2_xs, .iq2_s, .iq3_xxs, .iq3_s, .iq1_s, .iq1_m, .tq1_0, .tq2_0, .mxfp4, .f16,
    .bf16,
    .f8e4m3, .f8e5m2,
  ]

  @Test(arguments: golden) func matchesTheGgufPackage(_ type: ElementType) throws {
    let path = References.file("Tests/TensorsTests/Golden/\(type.rawValue).bin")
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let bytesPerBlock = type.bytesPerBlock + 4 * type.elementsPerBlock
    let blocks = data.count / bytesPerBlock
    #expect(blocks > 0 && data.count % bytesPerBlock == 0)
    let count = blocks * type.elementsPerBlock
    let stored = [UInt8](data.prefix(blocks * type.bytesPerBlock))
    let expected = data.dropFirst(stored.count).withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
    }
    for variant in Variants.available {
      let decoded = try Variants.with(variant) { try decode(stored, as: type, count: count) }
      let wrong = (0..<count).filter { index in
        let bits = decoded[index].bitPattern
        // A NaN's payload says nothing.
        if Float(bitPattern: expected[index]).isNaN { return !decoded[index].isNaN }
        return bits != expected[index]
      }
      #expect(wrong.isEmpty, "\(type.rawValue), \(variant): elements \(wrong.prefix(5))")
    }
  }

  @Test func everyHalfNumberAgreesWithSwift() throws {
    let bits = (0...UInt16.max).map { $0 }
    let stored = bits.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    for variant in Variants.available {
      let decoded = try Variants.with(variant) { try decode(stored, as: .f16, count: bits.count) }
      for (pattern, value) in zip(bits, decoded) {
        let expected = Float(Float16(bitPattern: pattern))
        if expected.isNaN {
          #expect(value.isNaN)
        } else {
          #expect(value.bitPattern == expected.bitPattern)
        }
      }
    }
  }

  @Test func plainNumbers() throws {
    #expect(try decode([0xFF, 0x7F, 0x80], as: .i8, count: 3) == [-1, 127, -128])
    #expect(try decode([0xFF, 0x7F], as: .u8, count: 2) == [255, 127])
    #expect(try decode([0x00, 0x80, 0xFF, 0x7F], as: .i16, count: 2) == [-32768, 32767])
    #expect(try decode([0x00, 0x80], as: .u16, count: 1) == [32768])
    #expect(try decode(bytes(of: Int32.min), as: .i32, count: 1) == [-2_147_483_648])
    #expect(try decode(bytes(of: UInt32.max), as: .u32, count: 1) == [4_294_967_296])
    #expect(try decode(bytes(of: Int64(-3)), as: .i64, count: 1) == [-3])
    #expect(try decode(bytes(of: UInt64.max), as: .u64, count: 1) == [0x1p64])
    #expect(try decode(bytes(of: 0.1), as: .f64, count: 1) == [Float(0.1)])
    #expect(try decode(bytes(of: Float(0.1)), as: .f32, count: 1) == [0.1])
  }

  @Test func refusesAPartialBlock() {
    #expect(throws: TensorError.self) {
      try decode([UInt8](repeating: 0, count: 17), as: .q4_0, count: 32)
    }
    #expect(throws: TensorError.self) {
      try decode([UInt8](repeating: 0, count: 18), as: .q4_0, count: 31)
    }
    #expect(throws: TensorError.self) {
      try decode([UInt8](repeating: 0, count: 3), as: .f16, count: 2)
    }
    #expect(throws: TensorError.self) { try decode([], as: .f16, count: -1) }
  }

  @Test func unalignedBytes() throws {
    let values: [Float] = [1.5, -2, 3e-8]
    var stored: [UInt8] = [9]
    for value in values { stored += bytes(of: value) }
    var output = [Float](repeating: 0, count: 3)
    try stored.withUnsafeBytes { raw in
      try Decoding.decode(
        UnsafeRawBufferPointer(rebasing: raw.dropFirst()), as: .f32, to: &output, count: 3)
    }
    #expect(output == values)
  }

  private func decode(_ stored: [UInt8], as type: ElementType, count: Int) throws -> [Float] {
    var output = [Float](repeating: .nan, count: max(count, 0))
    try stored.withUnsafeBytes {
      try Decoding.decode($0, as: type, to: &output, count: count)
    }
    return output
  }

  private func bytes<Value>(of value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}
