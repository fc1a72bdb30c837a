import Foundation
import Tensors
import Testing

@Suite struct RotationTests {
  @Test(arguments: [PairLayout.interleaved, .half], [1, 7, 8, 16, 32, 37])
  func turnsPairs(layout: PairLayout, pairs: Int) {
    var noise = Noise(UInt64(pairs))
    let rows = 3
    let stride = 2 * pairs + 3
    let tableStride = pairs + 1
    let x = noise.floats(rows * stride)
    let angles = noise.floats(rows * tableStride, in: -10...10)
    let cosines = angles.map { Float(cos(Double($0))) }
    let sines = angles.map { Float(sin(Double($0))) }
    for variant in Variants.available {
      for inverse in [false, true] {
        var y = x
        Variants.with(variant) {
          Kernels.rotate(
            &y, xStride: stride, rows: rows, pairs: pairs, layout: layout, cos: cosines,
            sin: sines, tableStride: tableStride, inverse: inverse)
        }
        for row in 0..<rows {
          for pair in 0..<pairs {
            let first = row * stride + (layout == .interleaved ? 2 * pair : pair)
            let second = first + (layout == .interleaved ? 1 : pairs)
            let (a, b) = (Double(x[first]), Double(x[second]))
            let c = Double(cosines[row * tableStride + pair])
            let s = Double(sines[row * tableStride + pair]) * (inverse ? -1 : 1)
            #expect(close(y[first], a * c - b * s, relative: 0, absolute: 3e-7))
            #expect(close(y[second], a * s + b * c, relative: 0, absolute: 3e-7))
          }
          for i in (2 * pairs)..<stride { #expect(y[row * stride + i] == x[row * stride + i]) }
        }
      }
    }
  }
}
