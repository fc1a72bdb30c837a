import Foundation
import Inference
import Models
import Testing

/// Several residual streams against a plain double loop over their definition.
@Suite struct HyperConnectionTests {
  /// Numbers between -1 and 1, the same in every run.
  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
    }
  }

  @Test(arguments: [1, 2, 3, 4, 7]) func weightsAreThoseOfTheDefinition(streams: Int) {
    let epsilon = 1e-6
    for iterations in [1, 2, 20] {
      let connections = HyperConnections(
        streams: streams, iterations: iterations, epsilon: epsilon)
      let count = (2 + streams) * streams
      let mixes = numbers(count, seed: 3).map { 2 * $0 }
      let bias = numbers(count, seed: 5)
      let scale: [Float] = [0.7, 1.3, 2.1]
      var weights = mixes
      connections.weigh(&weights, scale: scale, bias: bias)

      func logit(_ place: Int, _ kind: Int) -> Double {
        Double(mixes[place]) * Double(scale[kind]) + Double(bias[place])
      }
      var matrix = (0..<streams).map { from in
        let row = (0..<streams).map { exp(logit(2 * streams + from * streams + $0, 2)) }
        let sum = row.reduce(0, +)
        return row.map { $0 / sum + epsilon }
      }
      func divideColumns() {
        for to in 0..<streams {
          let sum = (0..<streams).reduce(0) { $0 + matrix[$1][to] } + epsilon
          for from in 0..<streams { matrix[from][to] /= sum }
        }
      }
      divideColumns()
      for _ in 1..<iterations {
        for from in 0..<streams {
          let sum = matrix[from].reduce(0, +) + epsilon
          for to in 0..<streams { matrix[from][to] /= sum }
        }
        divideColumns()
      }
      for stream in 0..<streams {
        let read = 1 / (1 + exp(-logit(stream, 0))) + epsilon
        let write = 2 / (1 + exp(-logit(streams + stream, 1)))
        #expect(abs(Double(weights[stream]) - read) < 1e-6)
        #expect(abs(Double(weights[streams + stream]) - write) < 1e-6)
        for to in 0..<streams {
          let found = Double(weights[(2 + stream) * streams + to])
          #expect(abs(found - matrix[stream][to]) < 1e-6)
        }
      }
    }
  }

  @Test func streamsAreReadAndMixedBackwards() {
    let (streams, width) = (3, 5)
    let connections = HyperConnections(streams: streams, iterations: 4, epsilon: 1e-6)
    let weights = numbers(connections.coefficients, seed: 7)
    let before = numbers(streams * width, seed: 11)
    let update = numbers(width, seed: 13)
    var sum = [Float](repeating: .nan, count: width)
    connections.collapse(before, weights, width: width, to: &sum)
    var (after, mixed) = (before, [Float](repeating: .nan, count: streams * width))
    connections.spread(update, weights, width: width, over: &after, mixed: &mixed)
    for channel in 0..<width {
      let read = (0..<streams).reduce(0.0) {
        $0 + Double(weights[$1]) * Double(before[$1 * width + channel])
      }
      #expect(abs(Double(sum[channel]) - read) < 1e-6)
      for to in 0..<streams {
        var expected = Double(weights[streams + to]) * Double(update[channel])
        for from in 0..<streams {
          expected +=
            Double(weights[2 * streams + from * streams + to])
            * Double(before[from * width + channel])
        }
        #expect(abs(Double(after[to * width + channel]) - expected) < 1e-6)
      }
    }
  }

  /// A token's experts come from the table, their weights from the scores of just those.
  @Test func tablesChooseAndScoresWeigh() {
    let recipe = ExpertsRecipe(
      count: 4,
      router: RouterRecipe(
        score: .rootSoftplus, used: 2, normalizes: true, scale: 1.5, choosesByToken: true),
      network: FeedForwardRecipe(form: .gated, width: 1, activation: .silu))
    var choice = ExpertChoice(recipe)
    let logits: [Float] = [3, -40, 0.5, 60]
    var (chosen, weights) = ([Int32](repeating: -1, count: 2), [Float](repeating: 0, count: 2))
    choice.choose(logits, correction: nil, given: [2, 0], chosen: &chosen, weights: &weights)
    #expect(chosen == [0, 2])
    let scores = [3.0, 0.5].map { log(1 + exp($0)).squareRoot() }
    for place in 0..<2 {
      let expected = 1.5 * scores[place] / (scores[0] + scores[1])
      #expect(abs(Double(weights[place]) - expected) < 1e-6)
    }
    choice.choose(logits, correction: [0, 9, 0, 0], chosen: &chosen, weights: &weights)
    #expect(chosen == [1, 3])
    let (small, large) = (exp(-20.0), 60.0.squareRoot())
    #expect(abs(Double(weights[0]) - 1.5 * small / (small + large)) < 1e-15)
  }
}
