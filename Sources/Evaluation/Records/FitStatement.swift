import Base
import Checkpoints
import Models
import OrderedCollections
import Synchronization

/// What a conversion with a fit wrote beside the weights, held against the weights once it is asked for.
final class FitStatement: Sendable {
  /// Null where the file states no fit.
  private let stated: JSONValue
  private let compared = Mutex<JSONValue?>(nil)

  init(_ checkpoint: Checkpoint) {
    let own = checkpoint.configuration?[OwnKeys.object]
    if let stated = own?[OwnKeys.Fit.object] {
      if let fields = stated.object {
        let settings = own?[OwnKeys.Provenance.settings.member]?.string
        self.stated = JSONValue.object(FitStatement.named(fields, settings: settings))
      } else {
        self.stated = stated
      }
      return
    }
    let prefix = OwnKeys.fitPrefix
    var fields: OrderedDictionary<String, JSONValue> = [:]
    for (key, value) in checkpoint.metadata where key.hasPrefix(prefix) {
      fields[String(key.dropFirst(prefix.count))] = JSONValue(metadata: value)
    }
    let settings = checkpoint.metadata[OwnKeys.Provenance.settings.key]?.string
    stated = fields.isEmpty ? .null : .object(FitStatement.named(fields, settings: settings))
  }

  /// What is stated of a fit, with the mode of one that was not used where a file of before says that in
  /// its settings alone.
  private static func named(
    _ fields: OrderedDictionary<String, JSONValue>, settings: String?
  ) -> OrderedDictionary<String, JSONValue> {
    let mode = (settings ?? "").split(separator: " ").lazy
      .compactMap { OwnKeys.Fit.mode(ofSetting: $0) }.first
    guard mode == OwnKeys.Fit.unused, fields[OwnKeys.Fit.mode] == nil else { return fields }
    var fields = fields
    fields[OwnKeys.Fit.mode] = .string(OwnKeys.Fit.unused)
    return fields
  }

  /// What the file states, believed where it states no digest of the weights.
  /// - Parameter plan: the model, whose values and outputs are read where it states that digest.
  /// - Returns: null of no fit; where the weights are no longer those of the fit, without what was measured
  ///   of it and with `changed`.
  /// - Throws: `TensorError` for weights that cannot be decoded.
  func value(of plan: ModelPlan) throws -> JSONValue {
    if let known = compared.withLock({ $0 }) { return known }
    let found = try compare(plan)
    compared.withLock { $0 = found }
    return found
  }

  private func compare(_ plan: ModelPlan) throws -> JSONValue {
    guard let fields = stated.object, let digest = fields[OwnKeys.Fit.weights]?.string else {
      return stated
    }
    let found = try LongPhase.run("hashing the fitted weights of \(plan.checkpoint.path)") {
      try FitDigest.of(plan)
    }
    guard found != digest else { return stated }
    var left = fields.filter { !$0.key.hasPrefix(OwnKeys.Fit.perplexityPrefix) }
    left[OwnKeys.Fit.changed] = .bool(true)
    return .object(left)
  }
}
