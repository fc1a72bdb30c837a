import Base
import Checkpoints
import Models
import OrderedCollections
import Rotary

/// What an output says of the fit that its weights had: this conversion's, or the source's where the
/// weights go on as they were, into another container or type.
struct FitProvenance {
  /// Perplexities on the windows held out, before any rounding.
  private var perplexities: OrderedDictionary<String, Double> = [:]
  /// The calibration texts.
  private var texts: [Text] = []
  /// The name of the fit's mode, `none` where its weights were not written; nil in files of before.
  private var mode: String?
  /// Letters of the sites that the weights were fitted for, where the file turns otherwise.
  private var sites: String?
  /// The weights are not those that the fit left.
  private(set) var isChanged = false
  /// The fit is this conversion's.
  private var isOwn = false
  /// What `FitDigest` makes of the source's weights as they were written.
  private var weightsHash: String?
  /// What the settings' line says of how the fit was done.
  private var stated: [String] = []

  /// Parts of the settings' line.
  var settings: [String] {
    stated + (sites.map { ["fitted-for=\($0.isEmpty ? "nope" : $0)"] } ?? [])
      + (isChanged ? ["fit-changed=yes"] : [])
  }

  /// Whether the weights are those of a fit.
  var isUsed: Bool {
    let isThere = mode != nil || !perplexities.isEmpty || !texts.isEmpty
    return isThere && mode != OwnKeys.Fit.unused
      && !stated.contains(OwnKeys.Fit.setting(mode: OwnKeys.Fit.unused))
  }

  /// Whether what was written is known to be what the fit left.
  var isKnown: Bool { isUsed && !isChanged && (isOwn || weightsHash != nil) }

  private struct Text: Equatable {
    /// SHA-256 of its bytes; nil where it was given as token ids.
    let hash: String?
    /// SHA-256 of its token ids.
    let ids: String
    let name: String
  }

  /// What stands in place of the hash of bytes that there are none of.
  private static let noBytes = "ids"
  private static let keys = ["perplexity_before", "perplexity_rewritten", "perplexity_fitted"]

  /// Of no fit.
  init() {}

  /// Of a fit, and of what the source's weights were fitted on before it.
  init(_ fit: FitReport, after earlier: FitProvenance) {
    let mode = fit.isUsed ? fit.mode.rawValue : OwnKeys.Fit.unused
    self.mode = mode
    perplexities = [
      "perplexity_before": fit.perplexityBefore, "perplexity_rewritten": fit.perplexityRewritten,
      "perplexity_fitted": fit.perplexityFitted,
    ]
    texts = fit.texts.map { Text(hash: $0.textHash, ids: $0.hash, name: $0.name) }
    let own = texts
    if earlier.isUsed { texts = own + earlier.texts.filter { !own.contains($0) } }
    isOwn = true
    stated = [
      OwnKeys.Fit.setting(mode: mode),
      "calibrate-tokens=\(fit.tokens + fit.heldOutTokens)", "calibrate-ctx=\(fit.context)",
      "calibrate-ids-sha256=\(fit.tokenHash)",
    ]
  }

  /// What a checkpoint states; nothing where it was not fitted.
  init(of checkpoint: Checkpoint) {
    let line: String?
    switch checkpoint.container {
    case .gguf:
      for key in Self.keys {
        perplexities[key] = checkpoint.metadata[OwnKeys.fitPrefix + key]?.double
      }
      let lines = checkpoint.metadata[OwnKeys.fitPrefix + OwnKeys.Fit.texts]?.strings ?? []
      let ids = checkpoint.metadata[OwnKeys.fitPrefix + OwnKeys.Fit.textsIDs]?.strings ?? []
      texts = lines.enumerated().compactMap { index, line -> Text? in
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        // Files of before hold the hashes of ids in this place.
        guard index < ids.count else { return Text(hash: nil, ids: parts[0], name: parts[1]) }
        return Text(
          hash: parts[0] == Self.noBytes ? nil : parts[0], ids: ids[index], name: parts[1])
      }
      func fact(_ key: String) -> MetadataValue? { checkpoint.metadata[OwnKeys.fitPrefix + key] }
      mode = fact(OwnKeys.Fit.mode)?.string
      sites = fact(OwnKeys.Fit.sites)?.string
      isChanged = fact(OwnKeys.Fit.changed)?.bool == true
      weightsHash = fact(OwnKeys.Fit.weights)?.string
      line = checkpoint.metadata[OwnKeys.Provenance.settings.key]?.string
    default:
      let own = checkpoint.configuration?[OwnKeys.object]
      let fit = own?[OwnKeys.Fit.object]
      for key in Self.keys { perplexities[key] = fit?[key]?.double }
      texts = (fit?[OwnKeys.Fit.texts]?.array ?? []).compactMap { text -> Text? in
        guard let name = text["name"]?.string else { return nil }
        let hash = text["sha256"]?.string
        if let ids = text["ids_sha256"]?.string { return Text(hash: hash, ids: ids, name: name) }
        return hash.map { Text(hash: nil, ids: $0, name: name) }
      }
      mode = fit?[OwnKeys.Fit.mode]?.string
      sites = fit?[OwnKeys.Fit.sites]?.string
      isChanged = fit?[OwnKeys.Fit.changed]?.bool == true
      weightsHash = fit?[OwnKeys.Fit.weights]?.string
      line = own?[OwnKeys.Provenance.settings.member]?.string
    }
    stated = (line ?? "").split(separator: " ").map(String.init).filter {
      OwnKeys.Fit.mode(ofSetting: $0) != nil || $0.hasPrefix("calibrate-")
    }
    // Files of before say it there alone.
    mode = mode ?? stated.lazy.compactMap { OwnKeys.Fit.mode(ofSetting: $0) }.first
  }

  /// What is still true of the source's fit in an output that is not fitted itself.
  /// - Parameters:
  ///   - source: the model that states it; its values and outputs are read where it states their digest.
  ///   - sites: those that rotate in the output.
  ///   - turnsOtherwise: the output does not rotate as the source does.
  /// - Returns: it without what was measured, where the weights are others than the fit left or are not
  ///   used as they were fitted; nothing of a fit that was not written, where the output turns otherwise.
  /// - Throws: `TensorError` for weights that cannot be decoded.
  func carried(
    by source: ModelPlan, to sites: RotarySites, turnsOtherwise: Bool
  ) throws -> FitProvenance {
    guard isUsed else { return turnsOtherwise ? FitProvenance() : self }
    var result = self
    if let weightsHash, !isChanged {
      let found = try LongPhase.run("hashing the fitted weights of \(source.checkpoint.path)") {
        try FitDigest.of(source)
      }
      result.isChanged = found != weightsHash
    }
    if turnsOtherwise {
      let fitted = self.sites ?? source.rotary.sites.code
      // Weights that turn as they were fitted again are plainly fitted ones.
      result.sites = fitted == sites.code ? nil : fitted
    }
    if turnsOtherwise || result.isChanged { result.perplexities = [:] }
    return result
  }

  /// The `ropeconv.fit.*` keys of a GGUF file.
  /// - Parameter weights: the digest of the fitted weights as they are written; nil where it is not known.
  /// - Returns: none of no fit.
  func metadata(weights: String?) -> OrderedDictionary<String, MetadataValue> {
    var result: OrderedDictionary<String, MetadataValue> = [:]
    func set(_ key: String, _ value: MetadataValue?) {
      if let value { result[OwnKeys.fitPrefix + key] = value }
    }
    set(OwnKeys.Fit.mode, mode.map { .string($0) })
    set(OwnKeys.Fit.sites, sites.map { .string($0) })
    set(OwnKeys.Fit.changed, isChanged ? .bool(true) : nil)
    set(OwnKeys.Fit.weights, weights.map { .string($0) })
    for (key, value) in perplexities { result[OwnKeys.fitPrefix + key] = .float64(value) }
    if !texts.isEmpty {
      result[OwnKeys.fitPrefix + OwnKeys.Fit.texts] = .array(
        .strings(texts.map { "\($0.hash ?? Self.noBytes) \($0.name)" }))
      result[OwnKeys.fitPrefix + OwnKeys.Fit.textsIDs] = .array(.strings(texts.map(\.ids)))
    }
    return result
  }

  /// The member `fit` of config.json's `ropeconv`.
  /// - Parameter weights: as of `metadata`.
  /// - Returns: nil where there was no fit.
  func json(weights: String?) -> JSONValue? {
    var members = perplexities.mapValues { JSONValue.number($0) }
    members[OwnKeys.Fit.mode] = mode.map { .string($0) }
    members[OwnKeys.Fit.sites] = sites.map { .string($0) }
    members[OwnKeys.Fit.changed] = isChanged ? .bool(true) : nil
    members[OwnKeys.Fit.weights] = weights.map { .string($0) }
    if !texts.isEmpty {
      members[OwnKeys.Fit.texts] = .array(
        texts.map { text in
          [
            "name": .string(text.name), "sha256": text.hash.map { .string($0) } ?? .null,
            "ids_sha256": .string(text.ids),
          ]
        })
    }
    return members.isEmpty ? nil : .object(members)
  }
}
