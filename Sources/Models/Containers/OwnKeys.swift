import Checkpoints

/// Keys of our own in GGUF files, and the object of config.json with the same facts.
package enum OwnKeys {
  /// The object of config.json.
  package static let object = "ropeconv"
  /// What stands before keys of our own in a GGUF file.
  package static let prefix = object + "."

  /// How a file was made; a new conversion writes its own.
  package enum Provenance: CaseIterable, Sendable {
    case version, source, settings

    package var key: String {
      switch self {
      case .version: GGUFKey.ownVersion
      case .source: "ropeconv.source.sha256"
      case .settings: "ropeconv.settings"
      }
    }
  }

  /// What stands before what a conversion with a fit says of it.
  package static let fitPrefix = "ropeconv.fit."
}
