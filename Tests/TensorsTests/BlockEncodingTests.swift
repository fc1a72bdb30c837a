import Crypto
import Foundation
import Tensors
import Testing

/// Encoders of quantized blocks, against ggml's own by digest.
@Suite struct BlockEncodingTests {
  static let types: [ElementType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4, .iq4_xs, .q2_k, .q3_k, .q4_k, .q5_k, .q6_k,
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
    .iq4_xs: "1de1c7089a75a5214db55a4e2fca82985ba67e78d07616c2a607c2ed7c91214f",
    .q2_k: "7fa55e9ed736a77fe0f994dc8f6d39e57175cd8bb3bace29ac7760679336f5c0",
    .q3_k: "6e2fcafb36b5f19bb5974828549d9994e9a2099dfde8e6370f84754f13c5a305",
    .q4_k: "e5849abbe54b82e862faab17a75478637d41538ea57e27b2a1bbf5cc49d4b7d2",
    .q5_k: "5614b8b6bce117b9722c4dc7f1a25baf02c9b60be586cb48eda22aca3fb1fd99",
    .q6_k: "e26e098a81120e21cb7c0fdee96515bb400922d358a1eb4f670565ea71a42b91",
  ]

  /// The same with an importance matrix, that of `importance`.
  static let weightedDigests: [ElementType: String] = [
    .q4_0: "3c598d1251dae1f7a79dbc7d4507a55ca89388d3596ffe8b482600f009d2dfd6",
    .q4_1: "63c5682008eefc2f0aae193e63f5bf6c916d1d436e49ea73a4aa7ee878115784",
    .q5_0: "98d7570114c2d8bde13d6e1f5048319f333ed45a0182d7353985324792c63528",
    .q5_1: "c23c18da07ceb3db57acaa0adabefb2e037d047d64d34a167d9070813e4b534d",
    .q8_0: "587f552a1ef8ce7f8ecc6f5cff5b887cfe8b54f1207205291bd32546d0540fd3",
    .iq4_nl: "5b9227e586f1730577fa3fa7e8eefa1ce2b382738f1b67b21a22e1b50e3308d3",
    .mxfp4: "e8a14e0a12f7a7acc7b18dc6e45803761e8a93b880d94a9eca49bc1c517969fd",
    .iq4_xs: "598518b6b0ef12040214f899b18bea2c37a599f1c862aecfccf03718ebc340ac",
    .q2_k: "b76441839e4e72102053babcd535ba09ff86eef715c5b0d14d14146a177d4ae4",
    .q3_k: "ad1396aa54151ed1b1dab4a2935ecb3d13f65bd1621e64376576e4a79370332b",
    .q4_k: "7da5c09b9d05721121bebf4de99b70a9568d77ff748618cd1ca2e65dfd54ace7",
    .q5_k: "2423d1a05e8a85ac336c78df850dc1b98492057356209cb569b01dfa93c78ed3",
    .q6_k: "f6be6e2f9e3afd09e8c0f01b1aa462561ca6bdda74bedbbc15600b607c585241",
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

  /// What the columns of rows of 1,280 count: some nothing.
  static let importance: [Float] = (0..<1280).map { (column: Int) -> Float in
    let size = column * 37 % 101 + 1
    return column % 16 == 5 ? 0 : Float(size) / 32
  }

  @Test(arguments: types) func bytesAreThoseOfGgml(_ type: ElementType) throws {
    for variant in Variants.available {
      let encoded = try Variants.with(variant) { try encode(Self.numbers, as: type) }
      #expect(hex(encoded) == Self.digests[type], "\(variant)")
    }
  }

  @Test(arguments: types) func bytesOfAnImportanceMatrixAreThoseOfGgml(_ type: ElementType) throws {
    for variant in Variants.available {
      let encoded = try Variants.with(variant) {
        try encode(Self.numbers, as: type, importance: Self.importance)
      }
      #expect(hex(encoded) == Self.weightedDigests[type], "\(variant)")
    }
  }

  @Test(arguments: types) func bytesDoNotDependOnThreads(_ type: ElementType) throws {
    for threads in [2, 3, 64] {
      #expect(hex(try encode(Self.numbers, as: type, threads: threads)) == Self.digests[type])
      let weighted = try encode(
        Self.numbers, as: type, importance: Self.importance, threads: threads)
      #expect(hex(weighted) == Self.weightedDigests[type])
    }
  }

  @Test func refusesRowsThatTheImportanceDoesNotFit() {
    let values = [Float](repeating: 1, count: 512)
    for columns in [0, 96, 384] {
      let importance = [Float](repeating: 1, count: columns)
      #expect(throws: TensorError.self) {
        try encode(values, as: .q4_k, importance: importance)
      }
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
      (.iq4_xs, 0.16), (.q3_k, 0.25), (.q2_k, 0.4),
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
      (.iq4_nl, 0.08), (.q4_1, 0.085), (.q4_0, 0.095), (.mxfp4, 0.13), (.iq4_xs, 0.08),
      (.q3_k, 0.18), (.q2_k, 0.34),
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
    _ values: [Float], as type: ElementType, importance: [Float]? = nil, threads: Int = 1
  ) throws -> [UInt8] {
    try values.withUnsafeBufferPointer {
      try Encoding.encode($0, as: type, importance: importance, threads: threads)
    }
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
