import Base
import Foundation
import Tensors

/// How far the heads of one layer look: attention by distance `i - j`.
package struct AttentionReach: Sendable {
  /// Mean attention weight at each distance, [heads][distance]; a head's sum is 1, less what its
  /// sink takes.
  package let mass: [[Double]]
  /// Mean attention weight of each head's sink; 0 where there is none.
  package let sinks: [Double]
  /// Sums of `a_ij^2 |v_j|^2` at each distance, [heads][distance]: what a white value's output is
  /// made of.
  package let energy: [[Double]]
  /// Queries sampled.
  package let queries: Int

  /// Samples every `step`-th query of a sequence, the last one among them. The layer must compute
  /// in float32; without that nothing is seen.
  init(layer: Layer, batch: SequenceBatch, sequences: Int, step: Int, threads: Int) {
    let attention = layer.attention
    let longest = batch.lengths.max() ?? 0
    let heads = attention.heads
    var samples: [(start: Int, row: Int)] = []
    for (start, length) in zip(batch.starts, batch.lengths).prefix(sequences) {
      for row in stride(from: length - 1, through: 0, by: -max(step, 1)) {
        samples.append((start, row))
      }
    }
    let norms = Self.valueNorms(layer, batch: batch)
    let sums = DoubleBuffer(count: max(2 * heads * longest, 1))
    let sinkSums = DoubleBuffer(count: heads)
    let tasks = samples
    // Each head is summed by one thread, query after query: the order never changes.
    Parallel.forEach(count: heads, threads: threads) { head, _ in
      let scores = FloatBuffer(count: longest)
      let mass = sums.pointer + head * longest
      let energy = sums.pointer + (heads + head) * longest
      for task in tasks {
        let sink = Self.scores(
          layer, head: head, start: task.start, row: task.row, to: scores.pointer)
        let group = head / attention.groupSize
        var total = sink
        for key in 0...task.row { total += Double(scores.pointer[key]) }
        guard total > 0 else { continue }
        sinkSums.pointer[head] += sink / total
        for key in 0...task.row {
          let weight = Double(scores.pointer[key]) / total
          let distance = task.row - key
          mass[distance] += weight
          energy[distance] +=
            weight * weight * norms[(task.start + key) * attention.keyValueHeads + group]
        }
      }
    }
    let count = Double(max(samples.count, 1))
    queries = samples.count
    mass = (0..<heads).map { head in
      (0..<longest).map { sums.pointer[head * longest + $0] / count }
    }
    sinks = (0..<heads).map { sinkSums.pointer[$0] / count }
    energy = (0..<heads).map { head in
      (0..<longest).map { sums.pointer[(heads + head) * longest + $0] }
    }
  }

  /// `exp(score - maximum)` of one query over its keys, 0 where a key is not visible.
  /// - Returns: the same of the head's sink, 0 where there is none.
  private static func scores(
    _ layer: Layer, head: Int, start: Int, row: Int, to scores: UnsafeMutablePointer<Float>
  ) -> Double {
    let attention = layer.attention
    guard let (keys, _) = layer.activations.plain else { return 0 }
    let queryStride = attention.queryRows
    let keyStride = attention.keyRows
    MatrixProduct.multiply(
      m: 1, n: row + 1, k: attention.keyWidth, alpha: Float(attention.scale),
      a: layer.activations.queries.pointer + (start + row) * queryStride + head
        * attention.keyWidth,
      lda: queryStride,
      b: keys + start * keyStride
        + (head / attention.groupSize) * attention.keyWidth,
      ldb: keyStride, transposeB: true, beta: 0, c: scores, ldc: row + 1)
    let sink = layer.weights.vector(.attentionSinks).map { $0[head] }
    var maximum = sink ?? -Float.infinity
    var sum = 0.0
    var correction: Float = 1
    Kernels.softmaxTile(
      scores, stride: row + 1, rows: 1, keys: row + 1, firstQuery: row, firstKey: 0,
      window: attention.window, softcap: Float(attention.softcap), runningMax: &maximum,
      runningSum: &sum, correction: &correction)
    return sink.map { exp(Double($0) - Double(maximum)) } ?? 0
  }

  /// `|v_j|^2` of every row and KV head, [rows, keyValueHeads].
  private static func valueNorms(_ layer: Layer, batch: SequenceBatch) -> [Double] {
    let (heads, width) = (layer.attention.keyValueHeads, layer.attention.valueWidth)
    var norms = [Double](repeating: 0, count: batch.totalRows * heads)
    guard let (_, values) = layer.activations.plain else { return norms }
    for index in norms.indices {
      let value = values + index * width
      for dim in 0..<width { norms[index] += Double(value[dim]) * Double(value[dim]) }
    }
    return norms
  }

  /// `|E e^{i theta (i - j)}|` of a head under its attention: near 1 where a pair of this frequency
  /// turns little over the distances the head looks, near 0 where it averages the pair away.
  package func coherence(head: Int, frequency: Double) -> Double {
    let mean = Self.mean(mass[head], frequency)
    return (mean.real * mean.real + mean.imaginary * mean.imaginary).squareRoot()
  }

  /// The share of a white value's output energy in a head that survives its pair's rotation
  /// linearly: `|sum w e^{i theta Delta}|^2 / (sum w)^2` with w the energy by distance.
  package func survival(head: Int, frequency: Double) -> Double {
    let mean = Self.mean(energy[head], frequency)
    return mean.real * mean.real + mean.imaginary * mean.imaginary
  }

  /// The change of a white value's output by the rotation as a share of its energy, nothing being
  /// refitted: `sum w |e^{i theta Delta} - 1|^2 / sum w = 2 (1 - Re mean)`.
  package func disturbance(head: Int, frequency: Double) -> Double {
    2 * (1 - Self.mean(energy[head], frequency).real)
  }

  /// The mean of `e^{i theta Delta}` under weights by distance.
  private static func mean(
    _ weights: [Double], _ frequency: Double
  ) -> (real: Double, imaginary: Double) {
    guard frequency != 0 else { return (1, 0) }
    var (real, imaginary, total) = (0.0, 0.0, 0.0)
    for (distance, weight) in weights.enumerated() where weight > 0 {
      let angle = frequency * Double(distance)
      real += weight * cos(angle)
      imaginary += weight * sin(angle)
      total += weight
    }
    return total > 0 ? (real / total, imaginary / total) : (1, 0)
  }

  /// Mean distance a head looks, in tokens; what its sink takes looks nowhere.
  package func meanDistance(head: Int) -> Double {
    let tokens = 1 - sinks[head]
    guard tokens > 0 else { return 0 }
    return mass[head].enumerated().reduce(0) { $0 + Double($1.offset) * $1.element } / tokens
  }
}
