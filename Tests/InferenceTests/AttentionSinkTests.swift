import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Rotary
import Tensors
import TestSupport
import Testing

/// Attention with a sink in each head's sum of weights, against plain loops in double precision.
@Suite struct AttentionSinkTests {
  /// Small, about as large as scores, larger than all of them, and so large that nothing is left.
  private static let sinks: [Double] = [-200, -3, -0.5, 0, 0.25, 1.5, 6, 1000]

  struct Case: Sendable, CustomTestStringConvertible {
    let folder: String
    let sites: RotarySites
    var testDescription: String { "\(folder) \(sites.name)" }
  }

  static let cases = [
    Case(folder: "qwen2", sites: .scores), Case(folder: "qwen2", sites: .all),
    Case(folder: "mistral-window", sites: .scores), Case(folder: "mistral-window", sites: .message),
  ]

  /// Two tiles of keys, windows, grouped heads, and a value bias that stays unrotated.
  @Test(arguments: cases) func headsEqualPlainLoops(_ example: Case) throws {
    guard let folder = try References.shared("parity/\(example.folder)") else { return }
    let plan = try Model(opening: folder).plan
    let tokens = (0..<600).map { Int32(($0 * 37 + $0 * $0 % 11) % plan.shape.vocabulary) }
    let attention = try #require(plan.layers[0].recipe.attention)
    let weights = try LayerWeights(plan.layers[0], threads: 2)
      .replacing([.attentionSinks: Self.vector(Self.sinks)])
    let target = try plan.rotary.applying(RotaryRequest(sites: example.sites), length: 600)
    let stream = try LayerStream(ForwardPass(plan: plan, rotary: target, threads: 2), [tokens])
    let layer = try stream.layer(0, weights)
    layer.project()
    let outputs = FloatBuffer(count: tokens.count * attention.outputColumns)
    let shares = FloatBuffer(count: tokens.count * attention.heads)
    layer.attend(into: outputs, shares: shares)

    let plain = try PlainAttention(plan, layer: target.layers[0], tokens, sinks: Self.sinks)
    for index in 0..<outputs.count {
      #expect(abs(Double(outputs.pointer[index]) - plain.outputs[index]) < 2e-5, "\(index)")
    }
    for index in 0..<shares.count {
      #expect(abs(Double(shares.pointer[index]) - plain.shares[index]) < 2e-6, "\(index)")
    }

    let reach = layer.reach(every: 8)
    for head in 0..<attention.heads {
      let sampled = stride(from: 599, through: 0, by: -8).map {
        1 - plain.shares[$0 * attention.heads + head]
      }
      #expect(abs(reach.sinks[head] - sampled.reduce(0, +) / Double(sampled.count)) < 1e-5)
      #expect(abs(reach.mass[head].reduce(0, +) + reach.sinks[head] - 1) < 1e-6)
      let distance = reach.meanDistance(head: head)
      #expect(distance >= 0 && distance < 600)
    }
    #expect(reach.meanDistance(head: 7) == 0)
  }

  /// A sink that no score comes near changes no digit.
  @Test func aSinkFarBelowIsNone() throws {
    guard let folder = try References.shared("parity/qwen2") else { return }
    let plan = try Model(opening: folder).plan
    let weights = try LayerWeights(plan.layers[0], threads: 1)
    let heads = try #require(plan.layers[0].recipe.attention?.heads)
    let far = Self.vector([Double](repeating: -1e4, count: heads))
    let found = try [weights, weights.replacing([.attentionSinks: far])].map { weights in
      let stream = try LayerStream(
        ForwardPass(plan: plan), [(0..<80).map { Int32($0 * 3 % plan.shape.vocabulary) }])
      let layer = try stream.layer(0, weights)
      layer.project()
      try layer.finish()
      return (0..<stream.hidden.count).map { stream.hidden.pointer[$0].bitPattern }
    }
    #expect(found[0] == found[1])
  }

  private static func vector(_ values: [Double]) -> DoubleMatrix {
    var vector = DoubleMatrix(rows: values.count, columns: 1)
    vector.values = values
    return vector
  }
}

/// The first layer's heads, computed from the checkpoint's weights alone.
private struct PlainAttention {
  /// [tokens, heads * width]
  var outputs: [Double] = []
  /// The sums of the tokens' weights, [tokens, heads].
  var shares: [Double] = []

  init(
    _ plan: ModelPlan, layer rotary: RotaryLayer, _ tokens: [Int32], sinks: [Double]
  ) throws {
    let attention = try #require(plan.layers[0].recipe.attention)
    let (width, groups) = (attention.keyWidth, attention.keyValueHeads)
    let angles = try #require(rotary.score).base
    let embedding = try #require(plan.globals[.embedding]).decoded()
    let gain = try #require(plan.layers[0][.attentionNormGain]).decoded()
    let inputs = tokens.map { token in
      let row = (0..<plan.shape.width).map { Double(embedding[Int(token) * plan.shape.width + $0]) }
      let squares = row.reduce(0) { $0 + $1 * $1 } / Double(row.count)
      let scale = 1 / (squares + plan.layers[0].recipe.norm.epsilon).squareRoot()
      return zip(row, gain).map { $0 * scale * Double($1) }
    }
    func project(_ matrix: Role, _ bias: Role?) throws -> [[Double]] {
      let source = try #require(plan.layers[0][matrix])
      let weights = try source.decoded()
      let offset = try bias.flatMap { plan.layers[0][$0] }?.decoded()
      return inputs.map { input in
        (0..<source.rows).map { row in
          var sum = Double(offset?[row] ?? 0)
          for column in 0..<source.columns {
            sum += Double(weights[row * source.columns + column]) * input[column]
          }
          return sum
        }
      }
    }
    /// Turns half-split pairs of the head at `start`.
    func turn(_ row: inout [Double], _ start: Int, by position: Double) {
      for pair in 0..<(width / 2) {
        let angle = position * pow(angles, -2 * Double(pair) / Double(width))
        let (x, y) = (row[start + pair], row[start + pair + width / 2])
        row[start + pair] = x * cos(angle) - y * sin(angle)
        row[start + pair + width / 2] = x * sin(angle) + y * cos(angle)
      }
    }
    let turnsValues = rotary.sites.rotatesMessage
    var queries = try project(.query, .queryBias)
    var keys = try project(.key, .keyBias)
    var values = try project(.value, turnsValues ? nil : .valueBias)
    let bias = try plan.layers[0][.valueBias]?.decoded()
    for position in tokens.indices {
      for head in 0..<attention.heads where rotary.sites.contains(.query) {
        turn(&queries[position], head * width, by: Double(position))
      }
      for group in 0..<groups {
        if rotary.sites.contains(.key) {
          turn(&keys[position], group * width, by: Double(position))
        }
        if turnsValues { turn(&values[position], group * width, by: Double(position)) }
      }
    }
    for position in tokens.indices {
      var row = [Double](repeating: 0, count: attention.heads * width)
      let first = attention.window > 0 ? max(0, position - attention.window + 1) : 0
      for head in 0..<attention.heads {
        let group = head / (attention.heads / groups)
        let scores = (first...position).map { key in
          (0..<width).reduce(0.0) {
            $0 + queries[position][head * width + $1] * keys[key][group * width + $1]
          } / Double(width).squareRoot()
        }
        let sum = scores.reduce(exp(sinks[head])) { $0 + exp($1) }
        var share = 0.0
        for (key, score) in zip(first..., scores) {
          let weight = exp(score) / sum
          share += weight
          for dim in 0..<width {
            row[head * width + dim] += weight * values[key][group * width + dim]
          }
        }
        if turnsValues {
          turn(&row, head * width, by: -Double(position))
          if let bias {
            for dim in 0..<width {
              row[head * width + dim] += share * Double(bias[group * width + dim])
            }
          }
        }
        shares.append(share)
      }
      outputs += row
    }
  }
}
