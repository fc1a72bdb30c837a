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
    // Rows that are alike: what differs between their results is what their places make of them.
    let x = FloatBuffer(count: reference * inputs)
    noise.fill(x.pointer, inputs)
    for row in 1..<max(reference, 1) {
      (x.pointer + row * inputs).update(from: x.pointer, count: inputs)
    }
    let rows = FactorBuffer(product.arithmetic, count: reference * inputs)
    rows.put(x.pointer, stride: inputs, rows: reference, width: inputs)
    let expected = FloatBuffer(count: reference * outputs)
    matrix.multiply(
      rows.rows(reference, width: inputs), to: expected.pointer, yStride: outputs)
    let found = FloatBuffer(count: reference * outputs)
    func areAlike(_ results: FloatBuffer, _ count: Int) -> Bool {
      (0..<count).allSatisfy {
        memcmp(
          results.pointer + $0 * outputs, expected.pointer,
          outputs * MemoryLayout<Float>.size) == 0
      }
    }
    // Where a row's place among as many matters, no other number of rows can agree.
    let isUniform = areAlike(expected, reference)
    var results: [Int: Bool] = [:]
    for count in counts where count > 0 && count <= reference {
      if count == reference || !isUniform {
        results[count] = count == reference
        continue
      }
      matrix.multiply(rows.rows(count, width: inputs), to: found.pointer, yStride: outputs)
      results[count] = areAlike(found, count)
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
