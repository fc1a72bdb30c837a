import Evaluation
import Foundation
import Inference
import Models
import Tensors
import TestSupport
import Testing

/// A gated delta rule, which is computed in blocks, against the recurrence itself, one token after
/// another in double precision.
@Suite struct DeltaRuleTests {
  /// What a layer of a delta rule is made of, as its recurrence is written down.
  private struct Recurrence {
    let rule: DeltaRuleRecipe
    let width: Int
    let epsilon: Double
    let weights: [Role: [Double]]

    init(_ layer: ModelLayer, width: Int, replacing other: [Role: DoubleMatrix]) throws {
      rule = try #require(layer.recipe.deltaRule)
      self.width = width
      epsilon = layer.recipe.norm.epsilon
      var weights: [Role: [Double]] = [:]
      for (role, source) in layer.weights { weights[role] = try source.decoded().map(Double.init) }
      for (role, matrix) in other { weights[role] = matrix.values }
      self.weights = weights
    }

    private func weight(_ role: Role) -> [Double] { weights[role] ?? [] }

    private func product(_ role: Role, _ x: [Double]) -> [Double] {
      let weight = weight(role)
      return (0..<(weight.count / x.count)).map { row in
        x.indices.reduce(0) { $0 + weight[row * x.count + $1] * x[$1] }
      }
    }

    private func normed(_ x: [Double], gain: [Double]) -> [Double] {
      let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
      return zip(x, gain).map { $0 / (mean + epsilon).squareRoot() * $1 }
    }

    private func ofLengthOne(_ x: [Double]) -> [Double] {
      let sum = x.reduce(0) { $0 + $1 * $1 }
      return x.map { $0 / (sum + 1e-6).squareRoot() }
    }

    private func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }

    /// What the layer adds to the stream of one sequence.
    func updates(_ stream: [[Double]]) -> [[Double]] {
      let (keyWidth, valueWidth) = (rule.keyWidth, rule.valueWidth)
      let kernel = weight(.ruleConvolution)
      let inputs = stream.map { normed($0, gain: weight(.attentionNormGain)) }
      let channels = inputs.map { product(.ruleChannels, $0) }
      var states = [[[Double]]](
        repeating: [[Double]](
          repeating: [Double](repeating: 0, count: valueWidth), count: keyWidth),
        count: rule.valueHeads)
      return inputs.indices.map { token in
        let mixed = (0..<rule.channels).map { channel in
          silu(
            (0..<rule.kernel).reduce(0) { sum, place in
              let other = token - rule.kernel + 1 + place
              return other < 0
                ? sum : sum + kernel[channel * rule.kernel + place] * channels[other][channel]
            })
        }
        let decay = product(.ruleDecay, inputs[token])
        let rate = product(.ruleRate, inputs[token])
        let gate = product(.ruleGate, inputs[token])
        var heads: [Double] = []
        for head in 0..<rule.valueHeads {
          let keyHead = rule.keyHead(ofValueHead: head)
          func part(_ first: Int, _ width: Int) -> [Double] {
            Array(mixed[first..<(first + width)])
          }
          let query = ofLengthOne(part(keyHead * keyWidth, keyWidth))
          let key = ofLengthOne(part(rule.keyRows + keyHead * keyWidth, keyWidth))
          let value = part(2 * rule.keyRows + head * valueWidth, valueWidth)
          let kept = exp(
            weight(.ruleDecayFactor)[head]
              * log1p(exp(decay[head] + weight(.ruleDecayBias)[head])))
          let beta = 1 / (1 + exp(-rate[head]))
          var output = [Double](repeating: 0, count: valueWidth)
          for dim in 0..<valueWidth {
            for row in 0..<keyWidth { states[head][row][dim] *= kept }
            let found = (0..<keyWidth).reduce(0) { $0 + states[head][$1][dim] * key[$1] }
            let correction = beta * (value[dim] - found)
            for row in 0..<keyWidth { states[head][row][dim] += key[row] * correction }
            output[dim] =
              (0..<keyWidth).reduce(0) { $0 + states[head][$1][dim] * query[$1] }
              / Double(keyWidth).squareRoot()
          }
          heads += zip(
            normed(output, gain: weight(.ruleNormGain)),
            gate[(head * valueWidth)..<((head + 1) * valueWidth)]
          ).map { $0 * silu($1) }
        }
        return product(.ruleOutput, heads)
      }
    }
  }

  /// Factors of each head's decay: what a token keeps of the past lies near 1, far from it, or is
  /// nothing in float32 long before a block ends; or each in a head of its own.
  @Test(arguments: [[-1e-4], [-0.3], [-8], [-400], [-1e-4, -0.3, -8, -400]])
  func blocksGiveWhatTheRecurrenceGives(factors: [Double]) throws {
    guard let folder = try References.shared("parity/qwen3-5") else { return }
    let plan = try Model(opening: folder).plan
    let (width, layer) = (plan.shape.width, plan.layers[0])
    let rule = try #require(layer.recipe.deltaRule)
    var decay = DoubleMatrix(rows: rule.valueHeads, columns: 1)
    for head in 0..<rule.valueHeads { decay[head, 0] = factors[head % factors.count] }
    let down = DoubleMatrix(rows: width, columns: layer.recipe.feedForward.width)
    // Without a feed-forward network the stream changes by what the rule gives.
    let others: [Role: DoubleMatrix] = [.ruleDecayFactor: decay, .down: down]
    let recurrence = try Recurrence(layer, width: width, replacing: others)

    // Blocks have 64 tokens, units of work 256.
    let vocabulary = plan.shape.vocabulary
    let sequences: [[Int32]] = [1, 3, 63, 64, 65, 128, 200, 300].map { length in
      (0..<length).map { index -> Int32 in
        let id = (index * 7919 + index * index * length + length) % vocabulary
        return Int32(id)
      }
    }
    for arithmetic in Arithmetic.allCases {
      let pass = ForwardPass(plan: plan, arithmetic: arithmetic, threads: 3)
      let stream = try LayerStream(pass, sequences)
      func rows() -> [[Double]] {
        (0..<stream.rows).map { row -> [Double] in
          (0..<width).map { dim -> Double in Double(stream.hidden.pointer[row * width + dim]) }
        }
      }
      let before = rows()
      let weights = try LayerWeights(layer, arithmetic: arithmetic, threads: 2).replacing(others)
      let streamed = try stream.layer(0, weights)
      streamed.project()
      try streamed.finish()
      let after = rows()
      var (largest, squares, count) = (0.0, 0.0, 0)
      for (sequence, start) in zip(sequences, stream.states.starts) {
        let exact = recurrence.updates(Array(before[start..<(start + sequence.count)]))
        for (row, update) in exact.enumerated() {
          for (dim, value) in update.enumerated() {
            let found = after[start + row][dim] - before[start + row][dim]
            largest = max(largest, abs(found - value))
            squares += value * value
            count += 1
          }
        }
      }
      let off = largest / (squares / Double(count)).squareRoot()
      print("delta rule \(factors) in \(arithmetic.rawValue): \(off)")
      #expect(off < (arithmetic == .float32 ? 1e-4 : 0.2))
    }
  }
}
