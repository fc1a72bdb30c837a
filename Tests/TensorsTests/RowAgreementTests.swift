import Tensors
import Testing

/// Counts of rows whose products are said to have the same digits have them, whatever the numbers.
@Suite struct RowAgreementTests {
  @Test(
    arguments: [Arithmetic.float32, .bfloat16],
    [(192, 576), (320, 960), (48, 33), (64, 256), (1, 100), (193, 400)])
  func agreeingCountsAgree(arithmetic: Arithmetic, sizes: (outputs: Int, inputs: Int)) throws {
    let (outputs, inputs) = sizes
    let counts = Set(1...256)
    let agreeing = RowAgreement.agreeing(
      counts, with: 256, outputs: outputs, inputs: inputs, arithmetic: arithmetic)
    #expect(agreeing.contains(256))
    // Sharing prefixes saves little otherwise.
    if arithmetic == .float32, InstructionSet.inUse == .avx2, Libraries.hasOneDNN {
      #expect(agreeing == counts)
    }
    let weights = FloatBuffer(count: outputs * inputs)
    for index in 0..<weights.count { weights.pointer[index] = Float(index * 37 % 101) / 97 - 0.5 }
    let matrix = PreparedMatrix(outputs: outputs, inputs: inputs, arithmetic: arithmetic)
    for piece in 0..<matrix.pieceCount {
      try matrix.fill(piece: piece) { rows, target in
        target.update(
          from: weights.pointer + rows.lowerBound * inputs, count: rows.count * inputs)
      }
    }
    let x = FloatBuffer(count: 256 * inputs)
    for index in 0..<x.count { x.pointer[index] = Float(index * 53 % 89) / 83 - 0.4 }
    let factors = FactorBuffer(arithmetic, count: 256 * inputs)
    factors.put(x.pointer, stride: inputs, rows: 256, width: inputs)
    func product(_ rows: Range<Int>) -> [UInt32] {
      let y = FloatBuffer(count: rows.count * outputs)
      matrix.multiply(
        factors.rows(rows.count, width: inputs, first: rows.lowerBound * inputs), to: y.pointer,
        yStride: outputs)
      return (0..<y.count).map { y.pointer[$0].bitPattern }
    }
    let whole = product(0..<256)
    for count in agreeing where count % 7 == 1 || count < 20 || count > 250 {
      for first in [0, (256 - count) / 2, 256 - count] {
        let part = Array(whole[(first * outputs)..<((first + count) * outputs)])
        #expect(product(first..<(first + count)) == part)
      }
    }
  }
}
