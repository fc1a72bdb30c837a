import Foundation
import Tensors
import Testing

@Suite struct NormTests {
  @Test(arguments: [1, 15, 16, 64, 576, 1027]) func rootMeanSquare(width: Int) {
    var noise = Noise(UInt64(width))
    let rows = 3
    let stride = width + 5
    let x = noise.floats(rows * stride, in: -3...3)
    let gain = noise.floats(width)
    for variant in Variants.available {
      for gained in [true, false] {
        var y = x
        Variants.with(variant) {
          gain.withUnsafeBufferPointer { gain in
            x.withUnsafeBufferPointer {
              Kernels.rmsNorm(
                $0.baseAddress!, xStride: stride, rows: rows, width: width,
                gain: gained ? gain.baseAddress! : nil, epsilon: 1e-5, to: &y, yStride: stride)
            }
          }
        }
        for row in 0..<rows {
          let values = (0..<width).map { Double(x[row * stride + $0]) }
          let mean = values.reduce(0) { $0 + $1 * $1 } / Double(width)
          for i in 0..<width {
            let expected = values[i] / (mean + 1e-5).squareRoot() * (gained ? Double(gain[i]) : 1)
            #expect(close(y[row * stride + i], expected, relative: 3e-7))
          }
          // What lies between the rows is left alone.
          for i in width..<stride { #expect(y[row * stride + i] == x[row * stride + i]) }
        }
      }
    }
  }

  @Test func inPlace() {
    var noise = Noise(8)
    let x = noise.floats(4 * 50)
    var apart = [Float](repeating: 0, count: x.count)
    x.withUnsafeBufferPointer {
      Kernels.rmsNorm(
        $0.baseAddress!, xStride: 50, rows: 4, width: 50, gain: nil, epsilon: 1e-6, to: &apart,
        yStride: 50)
    }
    var together = x
    together.withUnsafeMutableBufferPointer {
      Kernels.rmsNorm(
        $0.baseAddress!, xStride: 50, rows: 4, width: 50, gain: nil, epsilon: 1e-6,
        to: $0.baseAddress!, yStride: 50)
    }
    #expect(apart == together)
  }

  @Test(arguments: [1, 17, 768]) func layerNorm(width: Int) {
    var noise = Noise(UInt64(width))
    let rows = 2
    // A large mean: single precision sums would lose the variance.
    let x = noise.floats(rows * width, in: 999...1001)
    let gain = noise.floats(width)
    let bias = noise.floats(width)
    for variant in Variants.available {
      var y = [Float](repeating: 0, count: x.count)
      Variants.with(variant) {
        x.withUnsafeBufferPointer { x in
          gain.withUnsafeBufferPointer { gain in
            bias.withUnsafeBufferPointer { bias in
              Kernels.layerNorm(
                x.baseAddress!, xStride: width, rows: rows, width: width, gain: gain.baseAddress!,
                bias: bias.baseAddress!, epsilon: 1e-5, to: &y, yStride: width)
            }
          }
        }
      }
      for row in 0..<rows {
        let values = (0..<width).map { Double(x[row * width + $0]) }
        let mean = values.reduce(0, +) / Double(width)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
        for i in 0..<width {
          let normal = (values[i] - mean) / (variance + 1e-5).squareRoot()
          let expected = normal * Double(gain[i]) + Double(bias[i])
          #expect(close(y[row * width + i], expected, relative: 3e-7, absolute: 1e-6))
        }
      }
    }
  }
}

/// Whether a result is within a relative or an absolute distance of the expected number.
func close(_ found: Float, _ expected: Double, relative: Double, absolute: Double = 0) -> Bool {
  if expected.isNaN { return found.isNaN }
  if Double(found) == expected { return true }
  return abs(Double(found) - expected) <= max(relative * abs(expected), absolute)
}
