import Foundation
import Models
import Tensors

/// What a unit's rows go through in a layer of experts: routed when attention is done, then through
/// one expert after another, then through the shared ones and into the residual stream.
extension Layer {
  /// The stream's rows, normed, as the router reads them: in float32, whatever the products'
  /// factors.
  func routerInput(
    _ unit: SequenceBatch.Unit, _ input: Factors, _ scratch: LayerScratch
  ) -> Factors {
    let (stream, rows) = (lastRead(unit, scratch), unit.rows.count)
    let routed = scratch.routed.pointer
    if recipe.hasDenseBesideExperts {
      Kernels.rmsNorm(
        stream, xStride: width, rows: rows, width: width, gain: weights.vector(.routerNormGain),
        epsilon: epsilon, to: routed, yStride: width)
      let scale = recipe.experts?.router.inputScale ?? 1
      if scale != 1 { Kernels.scale(routed, by: Float(scale), count: rows * width) }
      return Factors(routed, stride: width, rows: rows, width: width)
    }
    guard scratch.normed.arithmetic != .float32 else { return input }
    guard recipe.normPlacement != .after else {
      return Factors(stream, stride: width, rows: rows, width: width)
    }
    streamNorm(.feedForwardNormGain).apply(stream, rows: rows, to: routed)
    return Factors(routed, stride: width, rows: rows, width: width)
  }

  /// Chooses the experts of a unit's rows.
  /// - Parameters:
  ///   - experts: what the layer is.
  ///   - unit: the rows.
  ///   - input: what experts read.
  ///   - routed: the same, in float32.
  ///   - rows: receives the choice and the input.
  ///   - scratch: working memory of the calling thread.
  func route(
    _ experts: ExpertsRecipe, _ unit: SequenceBatch.Unit, _ input: Factors, routed: Factors,
    to rows: ExpertBatch.Rows, _ scratch: LayerScratch
  ) {
    rows.begin(input)
    let logits = scratch.logits.pointer
    multiply(.router, routed, to: logits, yStride: experts.count)
    if weights.has(.sharedRouter) {
      // How much a row takes of the shared experts is known now and used when all others are done.
      multiply(.sharedRouter, routed, to: rows.sharedWeights, yStride: 1)
      for row in 0..<rows.count {
        let logit = Double(rows.sharedWeights[row])
        rows.sharedWeights[row] = Float(1 / (1 + exp(-logit)))
      }
    }
    var choice = ExpertChoice(experts)
    let table = self.weights.vector(.routerTable)
    for row in 0..<rows.count {
      let given = table.map {
        $0 + Int(tokens.pointer[unit.firstRow + row]) * experts.router.used
      }
      let (chosen, weights) = rows.choice(row)
      choice.choose(
        logits + row * experts.count, correction: self.weights.vector(.routerCorrection),
        given: given, chosen: chosen, weights: weights)
      guard let gain = self.weights.vector(.expertGain) else { continue }
      for place in 0..<experts.router.used { weights[place] *= gain[Int(chosen[place])] }
    }
  }

  /// Adds what one expert gives for those of a unit's rows that go to it.
  func add(
    _ expert: Int, _ weights: LayerWeights, of experts: ExpertsRecipe, to rows: ExpertBatch.Rows,
    _ scratch: LayerScratch
  ) {
    let members = rows.members(of: expert, used: experts.router.used)
    guard !members.isEmpty else { return }
    let input = rows.gather(members.map(\.row), in: scratch.gathered)
    let update = scratch.update.pointer
    apply(experts.network, .experts, weights, input, to: update, scratch)
    for (index, member) in members.enumerated() {
      let (source, target) = (update + index * width, rows.sum + member.row * width)
      for channel in 0..<width { target[channel] += member.weight * source[channel] }
    }
  }

  /// Adds the shared experts and what all gave to the residual stream.
  func close(
    _ experts: ExpertsRecipe, _ unit: SequenceBatch.Unit, _ rows: ExpertBatch.Rows,
    _ scratch: LayerScratch
  ) {
    let (update, sum) = (scratch.update.pointer, rows.sum)
    if recipe.hasDenseBesideExperts {
      norm(sum, gain: .expertPostNormGain, rows: rows.count)
      if let beside = rows.beside { Kernels.add(beside, to: sum, count: rows.count * width) }
    }
    if let shared = experts.shared {
      apply(shared.network, .shared, weights, rows.input, to: update, scratch)
      if weights.has(.sharedRouter) {
        Kernels.rescaleRows(
          update, rows: rows.count, width: width, stride: width, by: rows.sharedWeights)
      }
      Kernels.add(sum, to: update, count: rows.count * width)
    } else {
      update.update(from: sum, count: rows.count * width)
    }
    close(unit, scratch)
  }
}
