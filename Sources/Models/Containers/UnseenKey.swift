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
  /// The keys of our own that the file has and that change what a pass within its context computes,
  /// or one beyond the context, where a scaling counts there. A window as long as the context changes
  /// nothing.
  /// - Throws: `ModelError.notRepresentable` for what GGUF has no keys for.
  package func unseenKeys() throws -> [UnseenKey] {
    let written: Set<String>
    if plan.side == .gguf {
      written = Set(plan.checkpoint.metadata.keys)
    } else {
      written = Set(try statements().keys)
    }
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
