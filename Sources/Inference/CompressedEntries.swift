import Foundation
import Models
import Tensors

/// Entries for whole windows of tokens, which queries attend to beside the tokens near them
/// (DeepSeek-V4's heavily compressed and compressed sparse attention).
extension Layer {
  /// Whether `compress` has anything to do.
  var compresses: Bool { attention.compression != nil }

  /// Projects what the entries of the unit's windows are made of.
  func prepare(
    _ compression: AttentionRecipe.Compression, _ unit: SequenceBatch.Unit, _ input: Factors,
    _ memory: SharedVectorMemory
  ) {
    func multiply(_ role: Role, to buffer: FloatBuffer, _ width: Int) {
      self.multiply(
        role, input, to: buffer.pointer + unit.firstRow * width, yStride: width)
    }
    let width = compression.series * attention.keyWidth
    multiply(.compressed, to: memory.compressed, width)
    multiply(.compressedGate, to: memory.gates, width)
    guard let index = compression.index else { return }
    multiply(.indexCompressed, to: memory.indexCompressed, compression.series * index.width)
    multiply(.indexGate, to: memory.indexGates, compression.series * index.width)
    multiply(.indexHeads, to: memory.indexHeads, index.heads)
  }

  /// Makes the entries of all windows that end within the unit's rows; all rows before them must have
  /// been projected. A window that stays open gives none.
  func compress(_ unit: SequenceBatch.Unit) {
    guard let compression = attention.compression, let memory = activations.shared else { return }
    let began = times.now
    let rate = compression.rate
    let windows = (unit.rows.lowerBound / rate)..<(unit.rows.upperBound / rate)
    guard !windows.isEmpty, case .from(let position, let lengthClass) = unit.positions else {
      return
    }
    // Sequences that follow each other leave their entries room enough to do the same.
    let entry = firstEntry(of: unit, compression) + windows.lowerBound
    let start = position - unit.rows.lowerBound + windows.lowerBound * rate
    let positions = SequenceBatch.RowPositions.from(start, lengthClass: lengthClass)
    let width = attention.keyWidth
    let keys = memory.entryKeys.pointer + entry * width
    let entries = WindowEntries(
      compression: compression, width: width, vectors: memory.compressed, gates: memory.gates,
      places: weights.vector(.compressedPlaces))
    entries.make(windows, of: unit.sequenceStart, to: keys)
    norm(keys, windows.count, width, .compressedNormGain)
    split(
      keys, memory.entryValues.pointer + entry * width, rows: windows.count, positions: positions,
      spacing: rate)
    if let index = compression.index {
      let keys = memory.indexKeys.pointer + entry * index.width
      let entries = WindowEntries(
        compression: compression, width: index.width, vectors: memory.indexCompressed,
        gates: memory.indexGates, places: weights.vector(.indexPlaces))
      entries.make(windows, of: unit.sequenceStart, to: keys)
      norm(keys, windows.count, index.width, .indexNormGain)
      turnIndex(
        keys, rows: windows.count, heads: 1, width: index.width, positions: positions,
        spacing: rate)
    }
    times.add(.attention, since: began)
  }

  /// The place of a sequence's first entry.
  func firstEntry(
    of unit: SequenceBatch.Unit, _ compression: AttentionRecipe.Compression
  ) -> Int { unit.sequenceStart / compression.rate }

  private func norm(
    _ entries: UnsafeMutablePointer<Float>, _ count: Int, _ width: Int, _ gain: Role
  ) {
    Kernels.rmsNorm(
      entries, xStride: width, rows: count, width: width, gain: weights.vector(gain),
      epsilon: epsilon, to: entries, yStride: width)
  }
}

/// How the entries of one kind are made in a layer.
private struct WindowEntries {
  let compression: AttentionRecipe.Compression
  /// Elements of an entry.
  let width: Int
  /// What tokens give to entries, and the gates of that, [rows, series * width].
  let vectors: FloatBuffer
  let gates: FloatBuffer
  /// What is added to the gates by a token's place in its window, [rate, series * width].
  let places: UnsafePointer<Float>?

  /// `sum_j softmax_j(gate_j + place_j) v_j` of every channel, over the tokens j of a window; where
  /// windows overlap, over the first vectors of those of the window before too. Sums are in double
  /// precision and rounded once.
  /// - Parameters:
  ///   - windows: which.
  ///   - sequence: the first row of their sequence.
  ///   - entries: receives one for each window, [windows, width].
  func make(
    _ windows: Range<Int>, of sequence: Int, to entries: UnsafeMutablePointer<Float>
  ) {
    var largest = [Float](repeating: 0, count: width)
    var sums = [Double](repeating: 0, count: 2 * width)
    for window in windows {
      for channel in 0..<width { largest[channel] = -.infinity }
      for channel in 0..<(2 * width) { sums[channel] = 0 }
      each(window, of: sequence) { gate, place, _ in
        for channel in 0..<width {
          largest[channel] = max(largest[channel], gate[channel] + (place?[channel] ?? 0))
        }
      }
      each(window, of: sequence) { gate, place, vector in
        for channel in 0..<width {
          let score = Double(gate[channel] + (place?[channel] ?? 0)) - Double(largest[channel])
          let weight = exp(score)
          sums[channel] += weight
          sums[width + channel] += weight * Double(vector[channel])
        }
      }
      let entry = entries + (window - windows.lowerBound) * width
      for channel in 0..<width { entry[channel] = Float(sums[width + channel] / sums[channel]) }
    }
  }

  /// Calls `body` with the gates, the places and the vectors of all tokens of a window's entry.
  private func each(
    _ window: Int, of sequence: Int,
    _ body: (UnsafePointer<Float>, UnsafePointer<Float>?, UnsafePointer<Float>) -> Void
  ) {
    let (rate, row) = (compression.rate, compression.series * width)
    func visit(_ first: Int, series: Int) {
      for place in 0..<rate {
        let offset = (first + place) * row + series * width
        body(
          gates.pointer + offset, places.map { $0 + place * row + series * width },
          vectors.pointer + offset)
      }
    }
    let first = sequence + window * rate
    if compression.overlaps, window > 0 { visit(first - rate, series: 0) }
    visit(first, series: compression.series - 1)
  }
}
