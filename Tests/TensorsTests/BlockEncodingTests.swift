import Crypto
import Foundation
import Tensors
import Testing

/// Encoders of quantized blocks, against ggml's own by digest.
@Suite struct BlockEncodingTests {
  static let types: [ElementType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4, .q4_k, .q5_k, .q6_k,
  ]
  /// Those whose scales are in half precision.
  static let halfScaled = types.filter { $0 != .mxfp4 }

  /// SHA-256 of what `ggml_quantize_chunk` (llama.cpp's libggml-base, no importance matrix)
  /// writes for `numbers`, printed by Golden/make_encoded_digests.py.
  static let digests: [ElementType: String] = [
    .q4_0: "746271f42630716578b9524f259a7526ab4492e54fb302b87bb9bd4d2e8fe1af",
    .q4_1: "63853876b8edf26ce8641d3f9a40dd80513afd954be3a887e07daff1c7997579",
    .q5_0: "673899bba6ece0ac8249533e4114215be026d8519b92bf3f57d100b8a4cfecff",
    .q5_1: "191674ec858a4889ec125445e9a32696028f4ab03435c1c699955fd756163c34",
    .q8_0: "587f552a1ef8ce7f8ecc6f5cff5b887cfe8b54f1207205291bd32546d0540fd3",
    .iq4_nl: "0164ef2f9f8a1ca999da37737ef09a5ae4f1856cd63c11b8b35d51568fb74355",
    .mxfp4: "e8a14e0a12f7a7acc7b18dc6e45803761e8a93b880d94a9eca49bc1c517969fd",
    .q4_k: "e5849abbe54b82e862faab17a75478637d41538ea57e27b2a1bbf5cc49d4b7d2",
    .q5_k: "5614b8b6bce117b9722c4dc7f1a25baf02c9b60be586cb48eda22aca3fb1fd99",
    .q6_k: "e26e098a81120e21cb7c0fdee96515bb400922d358a1eb4f670565ea71a42b91",
  ]

  /// 80 blocks of 256: runs of 32 uniform numbers of several sizes, of zeros, and of one number.
  static let numbers: [Float] = {
    let shifts: [Float?] = [0, 2, 5, 9, 1, nil, nil, 3]
    var noise = Noise(20_240_711)
    return (0..<(80 * 256)).map { index in
      let integer = Float(Int(noise.next() >> 40) - 0x80_0000)
      let run = index / 32
      guard let shift = shifts[run % 8] else {
        return run % 8 == 5 ? 0 : run / 8 % 2 == 1 ? -0.75 : 0.75
      }
      return integer * exp2(-23 - shift)
    }
  }()

  @Test(arguments: types) func bytesAreThoseOfGgml(_ type: ElementType) throws {
    for variant in Variants.available {
      let encoded = try Variants.with(variant) { try encode(Self.numbers, as: type) }
      #expect(hex(encoded) == Self.digests[type], "\(variant)")
    }
  }

  @Test(arguments: types) func bytesDoNotDependOnThreads(_ type: ElementType) throws {
    for threads in [2, 3, 64] {
      #expect(hex(try encode(Self.numbers, as: type, threads: threads)) == Self.digests[type])
    }
  }

  /// The largest error of a block, relative to its largest magnitude: half a step, or a whole one
  /// at the end that q4_0, q5_0 and q6_k cut off, and 2^-11 from rounding the scale to float16 (q8_0:
  /// 1/254 + 1/2048); 256-blocks also round their scales to 6 bits. mxfp4 cuts 8 powers of two off
  /// at 6.
  @Test(
    arguments: [
      (.q8_0, 0.00443), (.q5_1, 0.034), (.q5_0, 0.064), (.q4_1, 0.069), (.q4_0, 0.126),
      (.iq4_nl, 0.14), (.mxfp4, 0.25), (.q6_k, 0.045), (.q5_k, 0.06), (.q4_k, 0.12),
    ] as [(ElementType, Float)])
  func errorsAreBounded(_ type: ElementType, _ bound: Float) throws {
    var noise = Noise(5)
    let values = noise.floats(64 * 256)
    let decoded = try decode(encode(values, as: type), as: type, count: values.count)
    let width = type.elementsPerBlock
    for block in 0..<(values.count / width) {
      let range = (block * width)..<((block + 1) * width)
      let largest = range.reduce(Float(0)) { max($0, abs(values[$1])) }
      let error = range.reduce(Float(0)) { max($0, abs(values[$1] - decoded[$1])) }
      #expect(error <= bound * largest, "block \(block): \(error / largest)")
    }
  }

  /// More bits, smaller error: the RMS error of normal numbers relative to their RMS.
  @Test func rootMeanSquareErrorsOfNormalNumbers() throws {
    var noise = Noise(7)
    let values = (0..<(256 * 256)).map { _ in
      (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0...1, using: &noise) }
    }
    let bounds: [(ElementType, Double)] = [
      (.q8_0, 0.006), (.q6_k, 0.02), (.q5_k, 0.038), (.q5_1, 0.04), (.q5_0, 0.045), (.q4_k, 0.077),
      (.iq4_nl, 0.08), (.q4_1, 0.085), (.q4_0, 0.095), (.mxfp4, 0.13),
    ]
    for (type, bound) in bounds {
      let decoded = try decode(encode(values, as: type), as: type, count: values.count)
      let squares = zip(values, decoded).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
      let error = (squares / values.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
      #expect(error < bound && error > bound / 2, "\(type.rawValue): \(error)")
    }
  }

  @Test(arguments: types) func zerosStayZeros(_ type: ElementType) throws {
    let values = [Float](repeating: 0, count: 512)
    for sign: Float in [1, -1] {
      let decoded = try decode(
        encode(values.map { $0 * sign }, as: type), as: type, count: values.count)
      #expect(decoded.allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: halfScaled) func oneNumberStaysItself(_ type: ElementType) throws {
    for number: Float in [0.5, -0.5, 300, -0.03] {
      let values = [Float](repeating: number, count: 256)
      let decoded = try decode(encode(values, as: type), as: type, count: 256)
      #expect(decoded.allSatisfy { abs($0 / number - 1) < 0.02 }, "\(number): \(decoded[0])")
    }
  }

  /// Numbers whose inverse is infinite, or whose squares vanish: scales are stored as 0.
  @Test(arguments: halfScaled) func tinyNumbersVanish(_ type: ElementType) throws {
    for size: Float in [.leastNonzeroMagnitude, 0x1p-130, 0x1p-126, 1e-30, 1e-20] {
      let values = (0..<256).map { Float($0 % 17 - 8) * size }
      let decoded = try decode(encode(values, as: type), as: type, count: 256)
      #expect(decoded.allSatisfy { $0 == 0 }, "\(size)")
    }
  }

  @Test(arguments: types) func refusesWhatIsNotFinite(_ type: ElementType) {
    for number: Float in [.nan, .infinity, -.infinity] {
      var values = [Float](repeating: 1, count: 80 * 256)
      values[values.count - 7] = number
      #expect(throws: TensorError.self) { try encode(values, as: type, threads: 2) }
    }
  }

  /// Powers of two for scales, and levels 0, 0.5, 1, 1.5, 2, 3, 4 and 6: worked by hand. A number
  /// between two levels takes the nearer one, half way the smaller.
  @Test func microscalingBlocks() throws {
    let levels: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.5, -1, -1.5, -2, -3, -4, -6]
    for power: Float in [0x1p-127, 0x1p-126, 0x1p-20, 1, 0x1p40, 0x1p124] {
      let values = (0..<32).map { levels[$0 % 15] * power }
      let bytes = try encode(values, as: .mxfp4)
      #expect(bytes[0] == UInt8(127 + power.exponent))
      #expect(try decode(bytes, as: .mxfp4, count: 32) == values)
    }
    let numbers: [Float] = [6, 0.25, 0.26, -0.75, -0.76, 2.5, 2.51, 5, 5.01, -7.9]
    let expected: [Float] = [6, 0, 0.5, -0.5, -1, 2, 3, 4, 6, -6]
    let padding = [Float](repeating: 0, count: 22)
    let block = try encode(numbers + padding, as: .mxfp4)
    #expect(try decode(block, as: .mxfp4, count: 32) == expected + padding)
    // Far below the smallest scale: multiples of 2^-128.
    let tiny = [0x1p-130, 0x1p-128, -0x1p-127] + [Float](repeating: 0, count: 29)
    let found = try encode(tiny, as: .mxfp4)
    #expect(found[0] == 0)
    #expect(try decode(found, as: .mxfp4, count: 32)[..<3] == [0, 0x1p-128, -0x1p-127])
  }

  @Test(arguments: halfScaled) func refusesScalesBeyondHalfPrecision(_ type: ElementType) {
    for number: Float in [1e10, -1e10, 1e20, -1e30, .greatestFiniteMagnitude] {
      var values = [Float](repeating: 1, count: 256)
      values[100] = number
      do {
        _ = try encode(values, as: type)
        Issue.record("\(number) was stored")
      } catch {
        let summary = (error as? TensorError)?.summary ?? ""
        #expect(summary.contains("too large"), "\(error)")
      }
    }
  }

  @Test(arguments: types) func refusesPartialBlocks(_ type: ElementType) {
    #expect(throws: TensorError.self) { try encode([1, 2, 3], as: type) }
  }

  private func encode(
    _ values: [Float], as type: ElementType, threads: Int = 1
  ) throws -> [UInt8] {
    try values.withUnsafeBufferPointer { try Encoding.encode($0, as: type, threads: threads) }
  }

  private func decode(_ bytes: [UInt8], as type: ElementType, count: Int) throws -> [Float] {
    var output = [Float](repeating: .nan, count: count)
    try bytes.withUnsafeBytes { try Decoding.decode($0, as: type, to: &output, count: count) }
    return output
  }

  private func hex(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
  }
}
