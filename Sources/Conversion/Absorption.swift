import Models
import Rotary

/// The identities of a conversion, and whether they hold for its model and variant.
struct Absorption {
  let plan: ModelPlan
  /// The variant the output declares: an identity must hold for it.
  let target: RotaryConfiguration
  let identities: [AbsorptionIdentity]

  /// What they do to one layer.
  func layer(_ index: Int) -> LayerAbsorption {
    LayerAbsorption(
      layer: plan.layers[index], target: target.layers[index], identities: identities,
      movesValueBias: !target.sites.rotatesMessage)
  }

  /// Refuses identities that do not hold for this model and variant.
  func check() throws(ConversionError) {
    for identity in identities {
      if let reason = objection(to: identity) {
        throw .identityDoesNotHold(
          file: plan.checkpoint.path, identity: identity.rawValue, reason: reason)
      }
    }
  }

  /// What the first layer of a kind is, as a clause; nil where there is none.
  private func firstLayer(_ isSuch: (AttentionRecipe) -> Bool, _ words: String) -> String? {
    plan.layers.firstIndex { $0.recipe.attention.map(isSuch) ?? false }.map {
      "layer \($0) \(words)"
    }
  }

  /// Why an identity does not hold; nil where it does.
  func objection(to identity: AbsorptionIdentity) -> String? {
    func anyLayer(_ holds: (ModelLayer) -> Bool) -> Bool { plan.layers.contains(where: holds) }
    let turnsMessage = target.sites.rotatesMessage
    // The rotary dims of absorbed keys stand apart from the latent vector; values have them in it.
    let isFree =
      [.pairLayout, .direction].contains(identity) && plan.isAbsorbed && !turnsMessage
    if [.pairLayout, .valueBasis, .scoreBasis, .direction].contains(identity), !isFree,
      let layer = plan.layers.firstIndex(where: { $0.boundKeys != nil }),
      let reason = plan.layers[layer].boundKeys
    {
      return "in layer \(layer) \(reason)"
    }
    switch identity {
    case .pairLayout: return nil
    case .direction:
      return plan.rotary.scores.isEmpty ? "no queries, keys or values of the model can turn" : nil
    case .valueBasis: return objectionToValueBasis()
    case .scoreBasis: return objectionToScoreBasis()
    case .latent: return objectionToAbsorbing()
    case .valueBias:
      guard anyLayer({ $0[.valueBias] != nil }) else { return "the model has no value bias" }
      guard !turnsMessage else { return nil }
      if let layer = plan.layers.firstIndex(where: { $0.hasSinks && $0[.valueBias] != nil }) {
        return "layer \(layer) has attention sinks, so that a head's weights do not sum to 1 and"
          + " what the value bias adds is not constant"
      }
      if anyLayer({ $0.recipe.attention?.isGated == true }) {
        return "a gate stands between the values and the output matrix, so that what the value bias"
          + " adds is not constant"
      }
      if plan.rotary.sites.rotatesMessage { return "values or outputs rotate in the source" }
      return anyLayer { $0[.attentionOutputBias] == nil }
        ? "\(plan.architecture.name) has no output bias to take the value bias; with v or o rotated"
          + " it is declared unrotated instead"
        : nil
    case .normGain:
      if anyLayer({ $0.recipe.normPlacement == .after }) {
        return "the norms stand after the sublayers"
      }
      let hasNoPlace = anyLayer { layer in
        LayerAbsorption.foldedNorms(of: layer).contains { gain in
          gain.bias.flatMap { layer[$0] } != nil
            && layer.readers(ofNorm: gain).contains { $0.bias.flatMap { layer[$0] } == nil }
        }
      }
      if hasNoPlace {
        return "the norms' biases would go into biases of the matrices that read them, and some"
          + " have none"
      }
      let staysUnrotated = target.layers.contains { $0.value?.bias == .unrotated }
      return turnsMessage && staysUnrotated && anyLayer { $0[.attentionNormBias] != nil }
        ? "the norm's bias rotates with the values, a value bias would not" : nil
    case .stillPairs: return turnsMessage ? nil : "no value pair rotates"
    }
  }
  /// Why matrices that neighbour values cannot change their basis.
  private func objectionToValueBasis() -> String? {
    firstLayer(
      \.isGated, "has a gate of each output, which stands between the values and the output matrix")
      ?? firstLayer(
        \.normsValues, "norms its values, which only turns of pairs leave as they are")
      ?? firstLayer(\.valueIsKey, "has no value matrix: its values are its keys")
      ?? firstLayer(
        { $0.keyValueSource != nil }, "has no values of its own to change with its outputs")
  }

  /// Why those of queries and keys cannot.
  private func objectionToScoreBasis() -> String? {
    firstLayer(\.valueIsKey, "has no value matrix: its values are its keys")
      ?? firstLayer(
        { $0.keyValueSource != nil }, "has no keys of its own to change with its queries")
      ?? firstLayer({ $0.headNorm != .none }, "norms queries and keys").map {
        _ in "a norm of queries and keys stands between the weights and scores"
      }
  }

  /// Why the matrices of latent attention cannot go into queries and output.
  private func objectionToAbsorbing() -> String? {
    if plan.isAbsorbed { return "the latent attention is absorbed already" }
    if let layer = plan.layers.firstIndex(where: { $0.recipe.attention?.latent == nil }) {
      return "layer \(layer) of this \(plan.architecture.name) model has no latent attention"
    }
    guard target.sites.rotatesMessage else { return nil }
    return
      "values or outputs turn between the two matrices that would become one (absorbed first and"
      + " converted to other sites then, the latent vector itself turns)"
  }
}
