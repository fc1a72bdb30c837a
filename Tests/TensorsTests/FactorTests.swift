import Tensors
import Testing

/// Rows of activations as factors of products: rounding to bfloat16, and kernels that put their rows
/// in that form.
@Suite struct FactorTests {
  static let forms: [FactorForm] = [.float, .rounded, .bfloat16]

  /// The nearest number that bfloat16 holds, of two the one with the even last digit: chosen among
  /// the two neighbours by their distances in double precision.
  static func rounded(_ value: Float) -> Float {
    guard value.isFinite else { return value }
    let below = value.bitPattern & 0xFFFF_0000
    let (low, high) = (Float(bitPattern: below), Float(bitPattern: below &+ 0x1_0000))
    // Beyond the largest finite number stands what would follow it if exponents went on.
    let next = high.isFinite ? Double(high) : (value > 0 ? 1 : -1) * 0x1p128
    let toLow = abs(Double(value) - Double(low))
    let toHigh = abs(Double(value) - next)
    if toLow == toHigh { return below & 0x1_0000 == 0 ? low : high }
    return toLow < toHigh ? low : high
  }

  static func expected(_ value: Float, _ form: FactorForm) -> Float {
    form == .float ? value : rounded(value)
  }

  @Test func roundingIsToNearestEven() {
    let values: [Float] = [
      0, -0.0, 1, 1.00390625, 1.01171875, 1.0039063, -1.0039062, 3.3895314e38, 3.4e38, -3.4e38,
      1e-40, 4.6e-41, 9.2e-41, .leastNonzeroMagnitude, .infinity, -.infinity,
    ]
    var noise = Noise(3)
    let random = noise.floats(500, in: -1e3...1e3)
    let all = values + random
    for variant in Variants.available {
      Variants.with(variant) {
        for form in Self.forms {
          let buffer = FactorBuffer(.bfloat16, form: form, count: all.count)
          let found = all.withUnsafeBufferPointer { x in
            buffer.put(x.baseAddress!, stride: all.count, rows: 1, width: all.count).widened
          }
          for (value, result) in zip(all, found) {
            #expect(result.bitPattern == Self.expected(value, form).bitPattern, "\(value)")
          }
        }
        let buffer = FactorBuffer(.bfloat16, form: .bfloat16, count: 1)
        var quiet = Float(bitPattern: 0x7F80_0001)
        #expect(buffer.put(&quiet, stride: 1, rows: 1, width: 1).widened[0].isNaN)
      }
    }
  }

  @Test(arguments: [1, 7, 16, 33, 576])
  func kernelsPutWhatTheyCompute(width: Int) {
    let rows = 3
    var noise = Noise(UInt64(width))
    let x = noise.floats(rows * width, in: -4...4)
    let up = noise.floats(rows * width, in: -2...2)
    let gain = noise.floats(width, in: 0...2)
    let bias = noise.floats(width)
    for variant in Variants.available {
      Variants.with(variant) {
        for form in Self.forms {
          let buffer = FactorBuffer(.bfloat16, form: form, count: rows * width)
          func expect(_ found: Factors, _ plain: [Float]) {
            #expect(found.widened == plain.map { Self.expected($0, form) })
          }
          var plain = x
          Kernels.rmsNorm(
            x, xStride: width, rows: rows, width: width, gain: gain, epsilon: 1e-5, to: &plain,
            yStride: width)
          expect(
            Kernels.rmsNorm(
              x, xStride: width, rows: rows, width: width, gain: gain, epsilon: 1e-5, to: buffer),
            plain)
          Kernels.layerNorm(
            x, xStride: width, rows: rows, width: width, gain: gain, bias: bias, epsilon: 1e-5,
            to: &plain, yStride: width)
          expect(
            Kernels.layerNorm(
              x, xStride: width, rows: rows, width: width, gain: gain, bias: bias, epsilon: 1e-5,
              to: buffer), plain)
          Kernels.gate(.silu, gate: x, up: up, to: &plain, count: x.count)
          expect(
            Kernels.gate(.silu, gate: x, up: up, rows: rows, width: width, to: buffer), plain)
          plain = x
          Kernels.activate(.gelu, &plain, count: x.count)
          expect(Kernels.activate(.gelu, x, rows: rows, width: width, to: buffer), plain)
        }
      }
    }
  }

  @Test func softmaxPutsItsWeights() {
    let (rows, keys) = (5, 37)
    var noise = Noise(21)
    let scores = noise.floats(rows * keys, in: -6...6)
    for variant in Variants.available {
      Variants.with(variant) {
        for form in Self.forms {
          func tile(
            _ body: (
              UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>,
              UnsafeMutablePointer<Double>, UnsafeMutablePointer<Float>
            ) -> Void
          ) -> ([Float], [Float], [Double]) {
            var tile = scores
            var maxima = [Float](repeating: -.infinity, count: rows)
            var sums = [Double](repeating: 0, count: rows)
            var factors = [Float](repeating: 0, count: rows)
            body(&tile, &maxima, &sums, &factors)
            return (tile, maxima, sums)
          }
          let plain = tile { scores, maxima, sums, factors in
            Kernels.softmaxTile(
              scores, stride: keys, rows: rows, keys: keys, firstQuery: 20, firstKey: 3, window: 9,
              softcap: 0, runningMax: maxima, runningSum: sums, correction: factors)
          }
          let buffer = FactorBuffer(.bfloat16, form: form, count: rows * keys)
          let put = tile { scores, maxima, sums, factors in
            Kernels.softmaxTile(
              scores, rows: rows, keys: keys, firstQuery: 20, firstKey: 3, window: 9, softcap: 0,
              runningMax: maxima, runningSum: sums, correction: factors, to: buffer, first: 0)
          }
          #expect(
            buffer.rows(rows, width: keys).widened == plain.0.map { Self.expected($0, form) })
          #expect(put.1 == plain.1)
          #expect(put.2 == plain.2)
        }
      }
    }
  }

  @Test(arguments: [(1, 1, 1), (9, 64, 64), (33, 100, 96), (256, 130, 70), (12, 576, 192)])
  func productsOfRoundedFactors(rows: Int, outputs: Int, inputs: Int) throws {
    var noise = Noise(UInt64(rows))
    let weights = noise.floats(outputs * inputs)
    let x = noise.floats(rows * inputs)
    for arithmetic in Arithmetic.allCases {
      let matrix = PreparedMatrix(outputs: outputs, inputs: inputs, arithmetic: arithmetic)
      for piece in 0..<matrix.pieceCount {
        try matrix.fill(piece: piece) { rows, target in
          for (index, place) in (rows.lowerBound * inputs..<rows.upperBound * inputs).enumerated() {
            target[index] = weights[place]
          }
        }
      }
      let round: (Float) -> Double = {
        arithmetic == .float32 ? Double($0) : Double(Self.rounded($0))
      }
      // A CPU without such products also meets bfloat16 factors here.
      for form in arithmetic == .float32 ? [.float] : Set([arithmetic.form, .bfloat16]) {
        let buffer = FactorBuffer(arithmetic, form: form, count: x.count)
        let factors = x.withUnsafeBufferPointer {
          buffer.put($0.baseAddress!, stride: inputs, rows: rows, width: inputs)
        }
        // Rows that follow one another, and rows with something else between them.
        for gap in [0, 3] {
          let stride = outputs + gap
          var y = [Float](repeating: 7, count: rows * stride)
          matrix.multiply(factors, to: &y, yStride: stride)
          matrix.multiply(factors, to: &y, yStride: stride, accumulate: true)
          for row in 0..<rows {
            for output in 0..<outputs {
              let exact = (0..<inputs).reduce(0.0) {
                $0 + round(x[row * inputs + $1]) * round(weights[output * inputs + $1])
              }
              #expect(close(y[row * stride + output], 2 * exact, relative: 0, absolute: 1e-4))
            }
            #expect(y[(row * stride + outputs)..<((row + 1) * stride)].allSatisfy { $0 == 7 })
          }
        }
      }
    }
  }

  @Test(arguments: [(1, 1, 1), (16, 48, 64), (192, 256, 64), (7, 13, 33)])
  func productsOfActivations(m: Int, n: Int, k: Int) {
    var noise = Noise(UInt64(m))
    let a = noise.floats(m * k)
    let b = noise.floats(n * k)
    for arithmetic in Arithmetic.allCases {
      for transposed in [false, true] {
        let left = FactorBuffer(arithmetic, count: a.count)
        let right = FactorBuffer(arithmetic, count: b.count)
        let factors = (
          a.withUnsafeBufferPointer {
            left.put($0.baseAddress!, stride: k, rows: m, width: k, scale: 0.5)
          },
          b.withUnsafeBufferPointer {
            transposed
              ? right.put($0.baseAddress!, stride: k, rows: n, width: k)
              : right.put($0.baseAddress!, stride: n, rows: k, width: n)
          }
        )
        let (wideA, wideB) = (factors.0.widened, factors.1.widened)
        var c = [Float](repeating: 0, count: m * n)
        MatrixProduct.multiply(factors.0, factors.1, transposed: transposed, to: &c)
        MatrixProduct.multiply(
          factors.0, factors.1, transposed: transposed, to: &c, accumulate: true)
        for i in 0..<m {
          for j in 0..<n {
            let exact = (0..<k).reduce(0.0) {
              $0 + Double(wideA[i * k + $1]) * Double(wideB[transposed ? j * k + $1 : $1 * n + j])
            }
            #expect(close(c[i * n + j], 2 * exact, relative: 0, absolute: 1e-4))
          }
        }
      }
    }
  }
}
