import Base
import Checkpoints
import Models
import OrderedCollections

/// What an output says of the fit that its weights had: this conversion's, or the source's where the
/// weights go on as they were, into another container or type.
struct FitProvenance {
  /// Perplexities on the windows held out, before any rounding.
  private var perplexities: OrderedDictionary<String, Double> = [:]
  /// The calibration texts.
  private var texts: [Text] = []
  /// Parts of the settings' line.
  private(set) var settings: [String] = []

  private struct Text {
    /// SHA-256 of its bytes; nil where it was given as token ids.
    let hash: String?
    /// SHA-256 of its token ids.
    let ids: String
    let name: String
  }

  /// What stands in place of the hash of bytes that there are none of.
  private static let noBytes = "ids"
  private static let idsKey = "texts_ids_sha256"
  private static let keys = ["perplexity_before", "perplexity_rewritten", "perplexity_fitted"]

  init(_ fit: FitReport) {
    perplexities = [
      "perplexity_before": fit.perplexityBefore, "perplexity_rewritten": fit.perplexityRewritten,
      "perplexity_fitted": fit.perplexityFitted,
    ]
    texts = fit.texts.map { Text(hash: $0.textHash, ids: $0.hash, name: $0.name) }
    settings = [
      "fit=\(fit.isUsed ? fit.mode.rawValue : "none")",
      "calibrate-tokens=\(fit.tokens + fit.heldOutTokens)", "calibrate-ctx=\(fit.context)",
      "calibrate-ids-sha256=\(fit.tokenHash)",
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
      let lines = checkpoint.metadata[OwnKeys.fitPrefix + "texts"]?.strings ?? []
      let ids = checkpoint.metadata[OwnKeys.fitPrefix + Self.idsKey]?.strings ?? []
      texts = lines.enumerated().compactMap { index, line -> Text? in
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        // Files of before hold the hashes of ids in this place.
        guard index < ids.count else { return Text(hash: nil, ids: parts[0], name: parts[1]) }
        return Text(
          hash: parts[0] == Self.noBytes ? nil : parts[0], ids: ids[index], name: parts[1])
      }
      line = checkpoint.metadata[OwnKeys.Provenance.settings.key]?.string
    default:
      let own = checkpoint.configuration?[OwnKeys.object]
      for key in Self.keys { perplexities[key] = own?["fit"]?[key]?.double }
      texts = (own?["fit"]?["texts"]?.array ?? []).compactMap { text -> Text? in
        guard let name = text["name"]?.string else { return nil }
        let hash = text["sha256"]?.string
        if let ids = text["ids_sha256"]?.string { return Text(hash: hash, ids: ids, name: name) }
        return hash.map { Text(hash: nil, ids: $0, name: name) }
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
      result[OwnKeys.fitPrefix + "texts"] = .array(
        .strings(texts.map { "\($0.hash ?? Self.noBytes) \($0.name)" }))
      result[OwnKeys.fitPrefix + Self.idsKey] = .array(.strings(texts.map(\.ids)))
    }
    return result
  }

  /// The member `fit` of config.json's `ropeconv`; nil where there was none.
  func json() -> JSONValue? {
    guard !perplexities.isEmpty else { return nil }
    var members = perplexities.mapValues { JSONValue.number($0) }
    if !texts.isEmpty {
      members["texts"] = .array(
        texts.map { text in
          [
            "name": .string(text.name), "sha256": text.hash.map { .string($0) } ?? .null,
            "ids_sha256": .string(text.ids),
          ]
        })
    }
    return .object(members)
  }
}
