import Base
import Checkpoints
import Models
import OrderedCollections

/// What an output says of the fit that its weights had: this conversion's, or the source's where the
/// weights go on as they were, into another container or type.
struct FitProvenance {
  /// Perplexities on the windows held out, before any rounding.
  private var perplexities: OrderedDictionary<String, Double> = [:]
  /// Names of the texts, with the hashes of their token ids.
  private var texts: [(hash: String, name: String)] = []
  /// Parts of the settings' line.
  private(set) var settings: [String] = []

  private static let keys = ["perplexity_before", "perplexity_rewritten", "perplexity_fitted"]

  init(_ fit: FitReport) {
    perplexities = [
      "perplexity_before": fit.perplexityBefore, "perplexity_rewritten": fit.perplexityRewritten,
      "perplexity_fitted": fit.perplexityFitted,
    ]
    texts = fit.texts.map { ($0.hash, $0.name) }
    settings = [
      "fit=\(fit.isUsed ? fit.mode.rawValue : "none")",
      "calibrate-tokens=\(fit.tokens + fit.heldOutTokens)", "calibrate-ctx=\(fit.context)",
      "calibrate-sha256=\(fit.tokenHash)",
    ]
  }

  /// What a checkpoint states; nothing without one, or where it was not fitted.
  init(of checkpoint: Checkpoint?) {
    guard let checkpoint else { return }
    let line: String?
    switch checkpoint.container {
    case .gguf:
      for key in Self.keys {
        perplexities[key] = checkpoint.metadata[OwnKeys.fitPrefix + key]?.double
      }
      texts = (checkpoint.metadata[OwnKeys.fitPrefix + "texts"]?.strings ?? []).compactMap {
        let parts = $0.split(separator: " ", maxSplits: 1).map(String.init)
        return parts.count == 2 ? (parts[0], parts[1]) : nil
      }
      line = checkpoint.metadata[OwnKeys.Provenance.settings.key]?.string
    default:
      let own = checkpoint.configuration?[OwnKeys.object]
      for key in Self.keys { perplexities[key] = own?["fit"]?[key]?.double }
      texts = (own?["fit"]?["texts"]?.array ?? []).compactMap {
        guard let hash = $0["sha256"]?.string, let name = $0["name"]?.string else { return nil }
        return (hash, name)
      }
      line = own?["settings"]?.string
    }
    settings = (line ?? "").split(separator: " ").map(String.init).filter {
      $0.hasPrefix("fit=") || $0.hasPrefix("calibrate-")
    }
  }

  /// The `ropeconv.fit.*` keys of a GGUF file.
  func metadata() -> OrderedDictionary<String, MetadataValue> {
    var result: OrderedDictionary<String, MetadataValue> = [:]
    for (key, value) in perplexities { result[OwnKeys.fitPrefix + key] = .float64(value) }
    if !texts.isEmpty {
      result[OwnKeys.fitPrefix + "texts"] = .array(.strings(texts.map { "\($0.hash) \($0.name)" }))
    }
    return result
  }

  /// The member `fit` of config.json's `ropeconv`; nil where there was none.
  func json() -> JSONValue? {
    guard !perplexities.isEmpty else { return nil }
    var members = perplexities.mapValues { JSONValue.number($0) }
    if !texts.isEmpty {
      members["texts"] = .array(
        texts.map { .object(["name": .string($0.name), "sha256": .string($0.hash)]) })
    }
    return .object(members)
  }
}
