import Base
import Checkpoints

/// Keys that loaders ask for and that say nothing to us: the same fact under the other container's
/// name.
enum CopiedKeys {
  static func write(_ plan: ModelPlan, to fields: inout GGUFFields) {
    for (key, rule) in plan.architecture.copied {
      if let value = stated(rule, in: plan) { fields.set(key: key, value) }
    }
  }

  /// The value of a rule, as config.json has it and GGUF types it.
  private static func stated(_ rule: CopiedKey, in plan: ModelPlan) -> StatedValue? {
    guard let configuration = plan.checkpoint.configuration else { return nil }
    func found(_ scope: JSONValue?) -> JSONValue? {
      scope?[rule.huggingface].flatMap { $0 == .null ? nil : $0 }
    }
    switch rule.type {
    case .sections:
      let scopes = HuggingFaceRotaryScope.Key.allCases.map { configuration[$0.rawValue] }
      let pairs = scopes.lazy.compactMap(found).first?.array?.compactMap(\.int) ?? []
      // Readers take four, of which a text needs the first three at most.
      return pairs.isEmpty ? nil : .wholes(Array((pairs + [0, 0, 0, 0]).prefix(4)))
    case .count:
      return (found(configuration)?.array?.count).map { .whole($0) }
    case .float32:
      if let number = found(configuration)?.double { return .number(number) }
    case .whole: break
    }
    if let flag = found(configuration)?.bool { return .flag(flag) }
    return (found(configuration)?.int).map { .whole($0) }
  }

  static func write(_ plan: ModelPlan, to fields: inout ConfigurationFields) {
    // A family that is written as another one has keys that the other does not know.
    guard plan.architecture.folderModelType == nil else { return }
    for (key, rule) in plan.architecture.copied {
      if let value = plan.checkpoint.metadata[Architecture.ggufKey(key, prefix: plan.prefix)] {
        fields.values[rule.huggingface] = JSONValue(metadata: value)
      }
    }
  }

  /// Takes the members away that a family written as another one does not have.
  static func remove(_ plan: ModelPlan, from fields: inout ConfigurationFields) {
    for rule in plan.architecture.copied.values {
      fields.values[rule.huggingface] = nil
      for key in HuggingFaceRotaryScope.Key.allCases.map(\.rawValue) {
        guard var members = fields.values[key]?.object else { continue }
        members[rule.huggingface] = nil
        fields.values[key] = .object(members)
      }
    }
  }
}
