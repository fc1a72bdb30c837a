import Checkpoints
import OrderedCollections
import Rotary

/// A key of our own in a plain GGUF file that changes what is computed: other readers pass over it.
package struct UnseenKey: Sendable, Equatable {
  package let key: String
  /// What other readers do, as a clause after their name: "attend to all tokens before".
  package let effect: String
}

extension GGUFMetadata {
  /// The keys that a plain output may have, under the prefix of the source's.
  private func writtenKeys() throws -> Set<String> {
    guard plan.side == .gguf else { return Set(try statements().keys) }
    return Set(plan.checkpoint.metadata.keys)
  }

  /// What llama.cpp computes otherwise of a scaling by YaRN: it reads some keys of a few families alone
  /// and rounds the ends of every ramp.
  /// - Returns: a sentence; nil where it computes the same.
  /// - Throws: `ModelError.notRepresentable` for what GGUF has no keys for.
  package func otherYarn() throws -> String? {
    var scaled: (score: ScoreRotation, yarn: FrequencyScaling.YaRN)?
    for score in plan.rotary.scores {
      if case .yarn(let yarn) = score.scaling { scaled = (score, yarn) }
    }
    guard let (score, yarn) = scaled else { return nil }
    let block = plan.architecture.block
    let usual = FrequencyScaling.YaRN(factor: yarn.factor, originalContext: yarn.originalContext)
    func reads(_ key: GGUFScaling.Key) -> Bool { block.yarnKeys.contains(key.rawValue) }
    var other = yarn
    if !reads(.yarnMagnitude) { other.attentionFactor = block.unitMagnitude ? 1 : nil }
    if !reads(.logMultiplier) { (other.mscale, other.mscaleAllDims) = (nil, nil) }
    var keys: [GGUFScaling.Key] = []
    if yarn.betaFast != usual.betaFast { keys.append(.betaFast) }
    if yarn.betaSlow != usual.betaSlow { keys.append(.betaSlow) }
    if Float(other.magnitude) != Float(yarn.magnitude) {
      keys += [.yarnMagnitude, .logMultiplier]
    }
    let written = try writtenKeys()
    let names = keys.filter { key in
      !reads(key) && written.contains(Architecture.ggufKey(key.rawValue, prefix: plan.prefix))
    }.map { "'\(Architecture.ggufKey($0.rawValue, prefix: plan.architecture.name))'" }
    var parts: [String] = []
    if !names.isEmpty { parts.append("does not read \(names.joined(separator: ", "))") }
    var rounded = yarn
    rounded.truncates = true
    let radians = try [yarn, rounded].map { yarn in
      try RotaryFrequencies(
        dimensions: score.dimensions, base: score.base, scaling: .yarn(yarn), length: 0
      ).radians
    }
    if radians[0] != radians[1] { parts.append("rounds the ends of the ramp to whole dims") }
    guard !parts.isEmpty else { return nil }
    return "llama.cpp computes YaRN otherwise for architecture '\(plan.architecture.name)': it "
      + parts.joined(separator: ", and ")
  }

  /// The keys of our own that the file has and that change what a pass within its context computes,
  /// or one beyond the context, where a scaling counts there. A window as long as the context changes
  /// nothing.
  /// - Throws: `ModelError.notRepresentable` for what GGUF has no keys for.
  package func unseenKeys() throws -> [UnseenKey] {
    let written = try writtenKeys()
    var found: [UnseenKey] = []
    func note(_ key: String?, _ effect: String) {
      if let key, written.contains(key) { found.append(UnseenKey(key: key, effect: effect)) }
    }
    func own(_ parameter: Hyperparameter) -> String? {
      plan.architecture.keys(of: parameter, on: .gguf).first { $0.hasPrefix(OwnKeys.prefix) }
    }
    let windows = plan.layers.compactMap(\.recipe.attention?.window)
      .filter { $0 > 0 && $0 < plan.shape.context }
    if let width = windows.max() {
      if let key = own(.window) {
        note(
          key,
          "attend to all tokens before, where \(windows.count) of \(plan.layers.count) layers attend"
            + " to the last \(width) alone")
      } else {
        note(own(.layerTypes), "give the window of \(width) tokens to other layers")
      }
    }
    if case .dynamic(_, let original)? = plan.rotary.scores.first?.scaling {
      note(
        GGUFScaling.Key.ownType.rawValue,
        "do not scale frequencies (dynamic NTK), which counts beyond \(original) tokens")
    }
    let magnitudes = [GGUFScaling.Key.ownMscale, .ownMscaleAllDims].map(\.rawValue)
    note(
      magnitudes.first { written.contains($0) }, "scale scores by another magnitude (YaRN)")
    if let router = plan.shape.networks.experts?.router {
      let assumed = plan.architecture.block.experts?.routers[router.score]?.normalizes == true
      if router.normalizes != assumed {
        note(
          own(.normalizesExpertWeights),
          (assumed ? "divide" : "do not divide") + " the weights of chosen experts by their sum")
      }
      note(own(.feedForwardTypes), "expect experts in other layers")
    }
    return found
  }
}
