import Checkpoints

/// Keys of our own in GGUF files, and the object of config.json with the same facts.
package enum OwnKeys {
  /// The object of config.json.
  package static let object = "ropeconv"
  /// What stands before keys of our own in a GGUF file.
  package static let prefix = object + "."

  /// How a file was made; a new conversion writes its own.
  package enum Provenance: CaseIterable, Sendable {
    case version, source, weights, settings

    /// The key of a GGUF file.
    package var key: String {
      switch self {
      case .version: GGUFKey.ownVersion
      case .source: "ropeconv.source.sha256"
      case .weights: "ropeconv.source.weights_sha256"
      case .settings: "ropeconv.settings"
      }
    }

    /// The member of the object of config.json.
    package var member: String {
      switch self {
      case .version: "version"
      case .source: "source_sha256"
      case .weights: "source_weights_sha256"
      case .settings: "settings"
      }
    }
  }

  /// Names of tensors that the model does not use and the file holds all the same: the member of the
  /// object of config.json.
  package static let extraTensors = "extra_tensors"
  /// The same list in a GGUF file.
  package static let extraTensorsKey = prefix + extraTensors

  /// The tensors that a checkpoint says its model does not use.
  static func extraTensors(of checkpoint: Checkpoint) -> Set<String> {
    let names =
      checkpoint.configuration.map { configuration in
        configuration[object]?[extraTensors]?.array?.compactMap(\.string) ?? []
      } ?? checkpoint.metadata[extraTensorsKey]?.array?.strings() ?? []
    return Set(names)
  }

  /// A member that holds a digest of weights: of a source's in an archive's manifest, of those that a fit
  /// left in what is said of it.
  package static let weightsHash = "weights_sha256"

  /// What stands before what a conversion with a fit says of it.
  package static let fitPrefix = "ropeconv.fit."

  /// Facts of a fit: members of `fit` in the object of config.json, behind `fitPrefix` in a GGUF file.
  package enum Fit {
    /// The member of the object of config.json that holds them.
    package static let object = "fit"
    /// What stands before what was measured of it.
    package static let perplexityPrefix = "perplexity_"
    /// The calibration texts.
    package static let texts = "texts"
    /// SHA-256 of their token ids, in a GGUF file.
    package static let textsIDs = "texts_ids_sha256"
    /// What it changed, the name of a `FitMode`.
    package static let mode = "mode"
    /// The mode of a fit that was worse than the plain rewrite, which was written in its place.
    package static let unused = "none"
    private static let settingPrefix = "fit="
    /// The part of the settings' line that names a mode.
    package static func setting(mode: String) -> String { settingPrefix + mode }
    /// The mode in a part of the settings' line; nil of other parts.
    package static func mode(ofSetting part: some StringProtocol) -> String? {
      part.hasPrefix(settingPrefix) ? String(part.dropFirst(settingPrefix.count)) : nil
    }
    /// What `FitDigest` makes of the weights as they were written.
    package static let weights = weightsHash
    /// The letters of the sites that it was done for, where the file turns otherwise.
    package static let sites = "sites"
    /// True where the weights are not those that it left.
    package static let changed = "changed"
  }
}
