import Base
import Foundation
import Models
import Tensors

/// What a unit's rows, and then whole sequences, go through in a layer with a gated delta rule.
extension Layer {
  /// Fills the channels of the unit's rows, before the convolution, and their rates.
  func project(
    _ rule: DeltaRuleRecipe, _ unit: SequenceBatch.Unit, _ input: Factors
  ) {
    let (first, heads) = (unit.firstRow, rule.valueHeads)
    multiply(
      .ruleChannels, input, to: activations.queries.pointer + first * rule.channels,
      yStride: rule.channels)
    let rates = activations.rates.pointer + first * 2 * heads
    multiply(.ruleDecay, input, to: rates, yStride: 2 * heads)
    multiply(.ruleRate, input, to: rates + heads, yStride: 2 * heads)
    guard let factors = weights.vector(.ruleDecayFactor) else { return }
    for row in 0..<unit.rows.count {
      let rates = rates + row * 2 * heads
      for head in 0..<heads {
        let x = Double(rates[head])
        let softplus = x > 20 ? x : log1p(exp(x))
        rates[head] = Float(Double(factors[head]) * softplus)
        rates[heads + head] = Float(1 / (1 + exp(-Double(rates[heads + head]))))
      }
    }
  }

  /// Takes sequences through the rule, once the rows of all are projected: what the heads give takes
  /// the place of the values. Digits depend on a sequence and where it was cut alone.
  func mix(
    _ rule: DeltaRuleRecipe, _ spans: [SequenceSpan], _ states: DeltaRuleStates,
    _ scratch: [LayerScratch], threads: Int
  ) {
    let began = times.now
    for span in spans where span.isWhole { states.begin(span.sequence, rule) }
    Parallel.forEach(count: spans.count * rule.keyHeads, threads: threads) { work, worker in
      mix(
        rule, keyHead: work % rule.keyHeads, spans[work / rule.keyHeads], states,
        scratch[worker].rule)
    }
    times.add(.attention, since: began, threads: threads)
  }

  /// One key head of one sequence, block after block, with the value heads that it serves.
  private func mix(
    _ rule: DeltaRuleRecipe, keyHead: Int, _ span: SequenceSpan, _ states: DeltaRuleStates,
    _ tile: DeltaRuleTile
  ) {
    let width = rule.keyWidth
    let served = (0..<rule.valueHeads).filter { rule.keyHead(ofValueHead: $0) == keyHead }
    for start in stride(from: 0, to: span.rows, by: DeltaRuleTile.rows) {
      let block = SequenceSpan(
        sequence: span.sequence, firstRow: span.firstRow + start,
        rows: min(DeltaRuleTile.rows, span.rows - start), isWhole: false)
      let rows = block.rows
      convolve(
        rule, block, channel: keyHead * width, width: width, states, tile,
        to: tile.queries.pointer)
      convolve(
        rule, block, channel: rule.keyRows + keyHead * width, width: width, states, tile,
        to: tile.keys.pointer)
      normalize(tile.queries.pointer, rows: rows, width: width, by: 1 / Double(width).squareRoot())
      normalize(tile.keys.pointer, rows: rows, width: width, by: 1)
      for (queries, products) in [
        (tile.keys, tile.keyProducts), (tile.queries, tile.queryProducts),
      ] {
        MatrixProduct.multiply(
          m: rows, n: rows, k: width, alpha: 1, a: queries.pointer, lda: width,
          b: tile.keys.pointer, ldb: width, transposeB: true, beta: 0, c: products.pointer,
          ldc: rows)
      }
      for head in served { mix(rule, valueHead: head, block, states, tile) }
    }
  }

  /// One block of one value head, whose queries, keys and their products are in the tile.
  ///
  /// With the matrix S before the block and what token i has kept of it, `e^G_i`, all corrections of
  /// the block solve `(1 + A) U = beta (V - e^G K S)`, `A_ij = beta_i e^(G_i - G_j) k_i k_j` below the
  /// diagonal (section 3.3 of arXiv:2412.06464).
  private func mix(
    _ rule: DeltaRuleRecipe, valueHead head: Int, _ block: SequenceSpan,
    _ states: DeltaRuleStates, _ tile: DeltaRuleTile
  ) {
    let (rows, keyWidth, width) = (block.rows, rule.keyWidth, rule.valueWidth)
    let channel = 2 * rule.keyRows + head * width
    let (values, recalled) = (tile.values.pointer, tile.recalled.pointer)
    convolve(rule, block, channel: channel, width: width, states, tile, to: values)
    let rates = activations.rates.pointer + block.firstRow * 2 * rule.valueHeads + head
    let stride = 2 * rule.valueHeads
    let decay = tile.decay.pointer
    var sum = 0.0
    for row in 0..<rows {
      sum += Double(rates[row * stride])
      decay[row] = sum
    }
    let matrix = states.matrix(block.sequence, head: head, rule)
    func recall(_ rowsOf: FloatBuffer) {
      MatrixProduct.multiply(
        m: rows, n: width, k: keyWidth, alpha: 1, a: rowsOf.pointer, lda: keyWidth, b: matrix,
        ldb: width, transposeB: false, beta: 0, c: recalled, ldc: width)
    }
    recall(tile.keys)
    for row in 0..<rows {
      let beta = rates[row * stride + rule.valueHeads]
      let kept = Float(exp(decay[row]))
      let (value, old) = (values + row * width, recalled + row * width)
      for dim in 0..<width { value[dim] = beta * (value[dim] - kept * old[dim]) }
      for other in 0..<row {
        let factor =
          beta * Float(exp(decay[row] - decay[other]))
          * tile.keyProducts.pointer[row * rows + other]
        let earlier = values + other * width
        for dim in 0..<width { value[dim] -= factor * earlier[dim] }
      }
    }
    // What queries find: in the matrix as it was, faded, and in the block's corrections.
    let weights = tile.weights.pointer
    for row in 0..<rows {
      for other in 0..<rows {
        weights[row * rows + other] =
          other > row
          ? 0
          : Float(exp(decay[row] - decay[other])) * tile.queryProducts.pointer[row * rows + other]
      }
    }
    recall(tile.queries)
    for row in 0..<rows {
      Kernels.scale(recalled + row * width, by: Float(exp(decay[row])), count: width)
    }
    MatrixProduct.multiply(
      m: rows, n: width, k: rows, alpha: 1, a: weights, lda: rows, b: values, ldb: width,
      transposeB: false, beta: 1, c: recalled, ldc: width)
    let output = activations.queries.pointer + block.firstRow * rule.channels + channel
    for row in 0..<rows {
      (output + row * rule.channels).update(from: recalled + row * width, count: width)
    }
    // The matrix at the block's end.
    for row in 0..<rows {
      let factor = Float(exp(decay[rows - 1] - decay[row]))
      let (key, faded) = (
        tile.keys.pointer + row * keyWidth, tile.faded.pointer + row * keyWidth
      )
      for dim in 0..<keyWidth { faded[dim] = factor * key[dim] }
    }
    Kernels.scale(matrix, by: Float(exp(decay[rows - 1])), count: keyWidth * width)
    MatrixProduct.multiply(
      m: keyWidth, n: width, k: rows, alpha: 1, a: tile.faded.pointer, lda: keyWidth,
      transposeA: true, b: values, ldb: width, transposeB: false, beta: 1, c: matrix, ldc: width)
  }

  /// The short causal convolution of a block's channels from `channel` on, with its activation; the
  /// newest rows stay for what comes after.
  private func convolve(
    _ rule: DeltaRuleRecipe, _ block: SequenceSpan, channel: Int, width: Int,
    _ states: DeltaRuleStates, _ tile: DeltaRuleTile, to output: UnsafeMutablePointer<Float>
  ) {
    let (before, channels) = (rule.kernel - 1, rule.channels)
    let window = tile.window.pointer
    let tail = states.tail(block.sequence, rule) + channel
    for row in 0..<before {
      (window + row * width).update(from: tail + row * channels, count: width)
    }
    let source = activations.queries.pointer + block.firstRow * channels + channel
    for row in 0..<block.rows {
      (window + (before + row) * width).update(from: source + row * channels, count: width)
    }
    for row in 0..<before {
      (tail + row * channels).update(from: window + (block.rows + row) * width, count: width)
    }
    guard let kernel = weights.vector(.ruleConvolution) else { return }
    for row in 0..<block.rows {
      let result = output + row * width
      for dim in 0..<width {
        var sum: Float = 0
        for place in 0..<rule.kernel {
          sum += kernel[(channel + dim) * rule.kernel + place] * window[(row + place) * width + dim]
        }
        result[dim] = sum
      }
    }
    Kernels.activate(recipe.feedForward.activation, output, count: block.rows * width)
  }

  /// Rows of length 1, times a factor.
  private func normalize(
    _ x: UnsafeMutablePointer<Float>, rows: Int, width: Int, by factor: Double
  ) {
    for row in 0..<rows {
      let x = x + row * width
      var sum = 0.0
      for dim in 0..<width { sum += Double(x[dim]) * Double(x[dim]) }
      // The reference's own epsilon, which no key states.
      Kernels.scale(x, by: Float(factor / (sum + 1e-6).squareRoot()), count: width)
    }
  }

  /// What the heads gave the unit's rows, normed and gated: what the output matrix reads.
  func gatherHeads(
    _ rule: DeltaRuleRecipe, _ unit: SequenceBatch.Unit, _ scratch: LayerScratch
  ) {
    let (rows, width) = (unit.rows.count, rule.valueWidth)
    let heads = activations.queries.pointer + unit.firstRow * rule.channels + 2 * rule.keyRows
    let attended = scratch.attended.pointer
    for head in 0..<rule.valueHeads {
      for row in 0..<rows {
        Kernels.rmsNorm(
          heads + row * rule.channels + head * width, xStride: width, rows: 1, width: width,
          gain: weights.vector(.ruleNormGain), epsilon: epsilon,
          to: attended + row * rule.valueRows + head * width, yStride: width)
      }
    }
    let gate = scratch.outputGate.pointer
    multiply(
      .ruleGate, sublayerInput(unit, .attention, gain: .attentionNormGain, scratch), to: gate,
      yStride: rule.valueRows)
    Kernels.gate(
      recipe.feedForward.activation, gate: gate, up: attended, to: attended,
      count: rows * rule.valueRows)
  }

  /// Norms each head's output and multiplies the outputs by their gates, in a layer that has such: by
  /// `1 / (1 + e^-g)`, or by another function of g.
  func gateOutputs(
    _ unit: SequenceBatch.Unit, _ attended: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
  ) {
    if attention.normsOutputs {
      let width = attention.valueWidth
      Kernels.rmsNorm(
        attended, xStride: width, rows: unit.rows.count * attention.heads, width: width,
        gain: weights.vector(.headNormGain), epsilon: epsilon, to: attended, yStride: width)
    }
    guard weights.has(.attentionGate) else { return }
    let gate = scratch.outputGate.pointer
    multiply(
      .attentionGate, sublayerInput(unit, .attention, gain: .attentionNormGain, scratch), to: gate,
      yStride: attention.outputColumns)
    if let activation = attention.gateActivation {
      Kernels.gate(
        activation, gate: gate, up: attended, to: attended,
        count: unit.rows.count * attention.outputColumns)
      return
    }
    for index in 0..<(unit.rows.count * attention.outputColumns) {
      attended[index] *= 1 / (1 + exp(-gate[index]))
    }
  }
}
