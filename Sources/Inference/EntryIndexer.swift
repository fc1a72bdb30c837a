import Models
import Tensors

/// The index of sparse layers: which entries a query attends to.
extension Layer {
  /// Turns heads of the index, or its entries, over their last dims; they rotate in every variant, since
  /// what is worth attending to is not what attention computes of it.
  func turnIndex(
    _ x: UnsafeMutablePointer<Float>, rows: Int, heads: Int, width: Int,
    positions: SequenceBatch.RowPositions, spacing: Int = 1
  ) {
    guard let tables = rotation.index, let pairs = tables.first?.pairs else { return }
    LayerRotation.rotate(
      x + width - 2 * pairs, stride: heads * width, rows: rows, heads: heads, headWidth: width,
      tables: tables, positions: positions, spacing: spacing, layout: rotation.scoreLayout,
      inverse: false)
  }

  /// The entries that each of some queries attends to, in ascending order.
  ///
  /// The score of an entry is `sum_h w_h ReLU(q_h . k)`; those with the largest are chosen, of equal
  /// ones the first, or all that a query sees where those are no more than it keeps.
  func choose(
    _ index: AttentionRecipe.EntryIndex, _ compression: AttentionRecipe.Compression,
    _ queries: Range<Int>, _ unit: SequenceBatch.Unit, _ memory: SharedVectorMemory,
    _ scratch: LayerScratch
  ) -> [[Int]] {
    guard let shared = scratch.shared, let rank = attention.sharedVector?.queryRank else {
      return []
    }
    let count = compression.visible(at: queries.upperBound - 1)
    let row = unit.sequenceStart + queries.lowerBound
    let heads = shared.indexQueries.pointer
    multiply(
      .indexQuery,
      scratch.factors.factors(
        memory.queryVectors.pointer + row * rank, stride: rank, rows: queries.count, width: rank),
      to: heads, yStride: index.heads * index.width)
    turnIndex(
      heads, rows: queries.count, heads: index.heads, width: index.width,
      positions: unit.positions.dropping(queries.lowerBound - unit.rows.lowerBound))
    let scores = FloatBuffer(count: queries.count * count)
    let entries =
      memory.indexKeys.pointer + firstEntry(of: unit, compression) * index.width
    let products = shared.indexProducts.pointer
    let scale = 1 / Float(index.heads * index.width).squareRoot()
    for start in stride(from: 0, to: count, by: AttentionTile.keys) {
      let keys = min(AttentionTile.keys, count - start)
      MatrixProduct.multiply(
        m: queries.count * index.heads, n: keys, k: index.width, alpha: scale, a: heads,
        lda: index.width, b: entries + start * index.width, ldb: index.width, transposeB: true,
        beta: 0, c: products, ldc: keys)
      for query in 0..<queries.count {
        let target = scores.pointer + query * count + start
        let weights = memory.indexHeads.pointer + (row + query) * index.heads
        for head in 0..<index.heads {
          let line = products + (query * index.heads + head) * keys
          let weight = weights[head]
          for key in 0..<keys { target[key] += weight * max(line[key], 0) }
        }
      }
    }
    return queries.map { query in
      LargestScores.places(
        scores.pointer + (query - queries.lowerBound) * count,
        count: compression.visible(at: query), kept: index.kept)
    }
  }
}

/// The places of the largest of some numbers.
package enum LargestScores {
  /// - Parameters:
  ///   - scores: `count` numbers; what is no number is smaller than all others.
  ///   - count: how many there are.
  ///   - kept: how many to choose.
  /// - Returns: the places of the largest, of equal ones the first, in ascending order.
  package static func places(_ scores: UnsafePointer<Float>, count: Int, kept: Int) -> [Int] {
    guard kept < count else { return Array(0..<count) }
    guard kept > 0 else { return [] }
    let keys = (0..<count).map { ordered(scores[$0]) }
    let threshold = largest(kept, of: keys)
    // All above the threshold, and as many of those equal to it as are left, the first ones.
    var equal = kept - keys.count { $0 > threshold }
    var places: [Int] = []
    places.reserveCapacity(kept)
    for place in 0..<count {
      if keys[place] > threshold {
        places.append(place)
      } else if keys[place] == threshold, equal > 0 {
        places.append(place)
        equal -= 1
      }
    }
    return places
  }

  /// A number whose order among others is that of the score.
  private static func ordered(_ score: Float) -> UInt32 {
    guard !score.isNaN else { return 0 }
    let bits = (score == 0 ? 0 : score).bitPattern
    return bits >> 31 == 0 ? bits | 1 << 31 : ~bits
  }

  /// The `rank`-th largest number, by its bytes from the highest on: each count of values narrows the
  /// numbers down to those with one byte more in common.
  private static func largest(_ rank: Int, of keys: [UInt32]) -> UInt32 {
    var (candidates, rank, prefix) = (keys, rank, UInt32(0))
    for shift in [24, 16, 8, 0] as [UInt32] {
      var counts = [Int](repeating: 0, count: 256)
      for key in candidates { counts[Int(key >> shift & 255)] += 1 }
      var byte = 255
      while byte > 0, counts[byte] < rank {
        rank -= counts[byte]
        byte -= 1
      }
      prefix |= UInt32(byte) << shift
      candidates = candidates.filter { Int($0 >> shift & 255) == byte }
    }
    return prefix
  }
}
