import Base
import Checkpoints
import OrderedCollections

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
    func foundOrAssumed(_ scope: JSONValue) -> JSONValue? { found(scope) ?? rule.fallback }
    switch rule.type {
    case .sections:
      let scopes = HuggingFaceRotaryScope.Key.allCases.map { configuration[$0.rawValue] }
      let stated = scopes.lazy.compactMap(found).first ?? rule.fallback
      let pairs = stated?.array?.compactMap(\.int) ?? []
      // Readers take four, of which a text needs the first three at most.
      return pairs.isEmpty ? nil : .wholes(Array((pairs + [0, 0, 0, 0]).prefix(4)))
    case .count:
      return (foundOrAssumed(configuration)?.array?.count).map { .whole($0) }
    case .float32:
      if let number = foundOrAssumed(configuration)?.double { return .number(number) }
    case .whole: break
    }
    if let flag = foundOrAssumed(configuration)?.bool { return .flag(flag) }
    return (foundOrAssumed(configuration)?.int).map { .whole($0) }
  }

  static func write(_ plan: ModelPlan, to fields: inout ConfigurationFields) {
    // A family that is written as another one has keys that the other does not know.
    guard plan.architecture.folderModelType == nil else { return }
    for (key, rule) in plan.architecture.copied where rule.type != .sections {
      if let value = plan.checkpoint.metadata[Architecture.ggufKey(key, prefix: plan.prefix)] {
        fields.values[rule.huggingface] = JSONValue(metadata: value)
      }
    }
  }

  /// What a GGUF source states for the object of config.json that says how layers rotate: sections,
  /// of which config.json has as many as there are kinds of positions.
  static func rotaryMembers(_ plan: ModelPlan) -> OrderedDictionary<String, JSONValue> {
    guard plan.architecture.folderModelType == nil else { return [:] }
    var members: OrderedDictionary<String, JSONValue> = [:]
    for (key, rule) in plan.architecture.copied where rule.type == .sections {
      let stated = plan.checkpoint.metadata[Architecture.ggufKey(key, prefix: plan.prefix)]?.ints
      guard var sections = stated else { continue }
      if sections.count == 4, sections.last == 0 { sections.removeLast() }
      members[rule.huggingface] = .array(sections.map { JSONValue($0) })
    }
    return members
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
