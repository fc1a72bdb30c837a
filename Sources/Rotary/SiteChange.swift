/// What a variant turns on or off in a model whose weights were made for another one: a conversion
/// without fit or training, or scoring a model as if it were of that variant.
///
/// A value rotation that turns nothing (all frequencies 0) is none: nothing changes then.
package struct SiteChange: Sendable, Equatable {
  /// The variants' names, such as `qk` and `qkvo`.
  package let from: String
  package let to: String
  package let turnedOn: RotarySites
  package let turnedOff: RotarySites
  /// Values turn in both, at other frequencies.
  package let changesFrequencies: Bool

  /// Nil where both rotate alike.
  package init?(from: RotaryConfiguration, to: RotaryConfiguration) {
    let (before, after) = (Self.turning(from), Self.turning(to))
    turnedOn = after.subtracting(before)
    turnedOff = before.subtracting(after)
    changesFrequencies =
      before.rotatesMessage && after.rotatesMessage
      && from.layers.map(\.value?.frequencies) != to.layers.map(\.value?.frequencies)
    self.from = from.sites.name
    self.to = to.sites.name
    if turnedOn.isEmpty, turnedOff.isEmpty, !changesFrequencies { return nil }
  }

  /// The sites that turn in fact.
  private static func turning(_ rotary: RotaryConfiguration) -> RotarySites {
    let turns = rotary.layers.contains(where: \.turnsValues)
    return turns ? rotary.sites : rotary.sites.subtracting(.message)
  }

  /// What a model is rewritten or scored for, which decides what is worth a warning.
  package enum Purpose: Sendable, Equatable {
    case conversion
    /// A conversion of a model that nothing can be fitted of, or whose fit was asked for and not used.
    case unfittableConversion
    /// A conversion that fits the weights to their new value rotation.
    case fittedConversion
    /// Scoring as if the model were of the variant.
    case scoring
  }

  /// What the change does to the model, as one line; nil where a fit takes care of it.
  package func effects(for purpose: Purpose) -> String? {
    var effects: [String] = []
    let scoresOn = turnedOn.intersection(.scores)
    let scoresOff = turnedOff.intersection(.scores)
    if !scoresOn.isEmpty {
      effects.append(
        "\(Self.list(scoresOn)) begin\(Self.ending(scoresOn)) to rotate, which this model was not"
          + " trained with: its attention scores change, which no refit can mend")
    }
    if !scoresOff.isEmpty {
      effects.append(
        "\(Self.list(scoresOff)) no longer rotate\(Self.ending(scoresOff)): attention scores lose"
          + " the distance between tokens, which no refit can restore")
    }
    if purpose != .fittedConversion { effects += messageEffects() }
    guard !effects.isEmpty else { return nil }
    let text = effects.joined(separator: "; ")
    guard purpose != .scoring else {
      return "scored as \(to) where the model is \(from): \(text). This is what a conversion"
        + " without fit or training gives"
    }
    return "\(text); the result is a starting point for training"
  }

  /// Values or outputs begin to turn, which a fit can take care of.
  package var beginsMessage: Bool { turnedOn.rotatesMessage }

  private func messageEffects() -> [String] {
    var effects: [String] = []
    let (on, off) = (turnedOn.intersection(.message), turnedOff.intersection(.message))
    if !on.isEmpty {
      effects.append(
        "\(Self.list(on)) begin\(Self.ending(on)) to rotate, which the weights were not trained"
          + " for: perplexity rises, often severalfold")
    }
    if !off.isEmpty {
      effects.append(
        "\(Self.list(off)) no longer rotate\(Self.ending(off)), although the weights were made"
          + " for it")
    }
    if changesFrequencies {
      effects.append("the values turn at other frequencies than the weights were made for")
    }
    return effects
  }

  private static func list(_ sites: RotarySites) -> String {
    sites.code.map(String.init).joined(separator: " and ")
  }

  /// Of a verb after the list.
  private static func ending(_ sites: RotarySites) -> String { sites.code.count == 1 ? "s" : "" }
}
