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
    if let stated = checkpoint.configuration?[OwnKeys.object]?["fit"] {
      self.stated = stated
      return
    }
    let prefix = OwnKeys.fitPrefix
    var fields: OrderedDictionary<String, JSONValue> = [:]
    for (key, value) in checkpoint.metadata where key.hasPrefix(prefix) {
      fields[String(key.dropFirst(prefix.count))] = JSONValue(metadata: value)
    }
    stated = fields.isEmpty ? .null : .object(fields)
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
