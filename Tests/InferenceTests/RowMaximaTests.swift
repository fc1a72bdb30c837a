import Inference
import Testing

/// The largest logit of rows that come in blocks, against a look at whole rows.
@Suite struct RowMaximaTests {
  /// Takes rows of one length, in blocks of so many columns.
  private func maxima(_ rows: [[Float]], block: Int) -> RowMaxima {
    let found = RowMaxima(rows: rows.count)
    for start in stride(from: 0, to: rows[0].count, by: block) {
      let columns = start..<min(start + block, rows[0].count)
      rows.flatMap { $0[columns] }.withUnsafeBufferPointer {
        if let base = $0.baseAddress { found.take(base, rows: 0..<rows.count, columns: columns) }
      }
    }
    return found
  }

  @Test(arguments: [1, 2, 3, 7]) func firstOfTheLargestIsFound(block: Int) {
    let rows: [[Float]] = [
      [1, 5, 2, 5, 0, -1, 5], [-3, -2, -1, -2, -3, -4, -0.5], [0, 0, 0, 0, 0, 0, 0],
      [-.infinity, -.infinity, -.infinity, -.infinity, -.infinity, -.infinity, -.infinity],
      [-.infinity, -2, .infinity, 9, .infinity, 1, 1],
    ]
    let found = maxima(rows, block: block)
    for (row, logits) in rows.enumerated() {
      #expect(found.value(row) == logits.max())
      #expect(Int(found.place(row)) == logits.firstIndex(of: found.value(row)))
    }
  }

  /// Blocks that several threads looked at, put together in their order.
  @Test func blocksAreJoined() {
    let (first, second) = (RowMaxima(rows: 2), RowMaxima(rows: 2))
    let blocks: ([Float], [Float]) = ([3, 1, 2, 2], [3, 0, 1, 4])
    blocks.0.withUnsafeBufferPointer {
      if let base = $0.baseAddress { first.take(base, rows: 0..<2, columns: 0..<2) }
    }
    blocks.1.withUnsafeBufferPointer {
      if let base = $0.baseAddress { second.take(base, rows: 0..<2, columns: 2..<4) }
    }
    let all = RowMaxima(rows: 2)
    all.take(first)
    all.take(second)
    #expect([all.place(0), all.place(1)] == [0, 3])
    #expect([all.value(0), all.value(1)] == [3, 4])
  }

  /// Larger logits that follow do not hide one that is no number.
  @Test(arguments: [1, 2, 4]) func whatIsNoNumberStays(block: Int) {
    let rows: [[Float]] = [[1, .nan, 5, 3], [.nan, 1, .infinity, 2], [1, 2, 3, .nan]]
    let found = maxima(rows, block: block)
    for (row, logits) in rows.enumerated() {
      #expect(found.value(row).isNaN)
      #expect(Int(found.place(row)) == logits.firstIndex(where: \.isNaN))
    }
  }
}
