import Base
import Foundation
import Synchronization

/// Whether products of different numbers of rows give a row the same digits.
///
/// A library chooses among kernels by a product's sizes, and each adds up in an order of its own. Which
/// sizes it treats alike is not documented, but the choice never looks at the numbers: a product of
/// noise tells.
package enum RowAgreement {
  private struct Product: Hashable {
    let outputs: Int
    let inputs: Int
    let arithmetic: Arithmetic
    let reference: Int
  }

  private static let known = Mutex<[Product: [Int: Bool]]>([:])

  /// Those of some counts of rows, up to `reference`, whose products with a weight [outputs, inputs]
  /// have the digits of one with `reference` rows. Asks the library once for each size.
  package static func agreeing(
    _ counts: Set<Int>, with reference: Int, outputs: Int, inputs: Int, arithmetic: Arithmetic
  ) -> Set<Int> {
    let product = Product(
      outputs: outputs, inputs: inputs, arithmetic: arithmetic, reference: reference)
    let asked = known.withLock { counts.subtracting(($0[product] ?? [:]).keys) }
    if !asked.isEmpty {
      let found = compare(asked, product)
      known.withLock { $0[product, default: [:]].merge(found) { $1 } }
    }
    return known.withLock { known in counts.filter { known[product]?[$0] == true } }
  }

  private static func compare(_ counts: Set<Int>, _ product: Product) -> [Int: Bool] {
    Parallel.prepareCaller()
    let (outputs, inputs, reference) = (product.outputs, product.inputs, product.reference)
    var noise = Noise()
    let matrix = PreparedMatrix(
      outputs: outputs, inputs: inputs, arithmetic: product.arithmetic)
    for piece in 0..<matrix.pieceCount {
      do {
        try matrix.fill(piece: piece) { rows, target in noise.fill(target, rows.count * inputs) }
      } catch { return [:] }
    }
    let x = FloatBuffer(count: reference * inputs)
    noise.fill(x.pointer, x.count)
    let rows = FactorBuffer(product.arithmetic, count: reference * inputs)
    rows.put(x.pointer, stride: inputs, rows: reference, width: inputs)
    let expected = FloatBuffer(count: reference * outputs)
    matrix.multiply(
      rows.rows(reference, width: inputs), to: expected.pointer, yStride: outputs)
    let found = FloatBuffer(count: reference * outputs)
    var results: [Int: Bool] = [:]
    for count in counts where count > 0 && count <= reference {
      // The last rows stand elsewhere among fewer: their place must not matter either.
      let first = reference - count
      matrix.multiply(
        rows.rows(count, width: inputs, first: first * inputs), to: found.pointer,
        yStride: outputs)
      results[count] =
        memcmp(
          found.pointer, expected.pointer + first * outputs,
          count * outputs * MemoryLayout<Float>.size) == 0
    }
    return results
  }

  /// Numbers from -1 to 1, always the same.
  private struct Noise {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func fill(_ target: UnsafeMutablePointer<Float>, _ count: Int) {
      for index in 0..<count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        target[index] = Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
      }
    }
  }
}
