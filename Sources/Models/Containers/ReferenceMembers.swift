import Base
import Checkpoints
import OrderedCollections

/// config.json as the reference implementation of its `model_type` reads it: without the members that
/// it does not look at, with those that it takes for granted.
struct ReferenceMembers {
  /// The checkpoint, stating that.
  let checkpoint: Checkpoint
  /// Whether that is not what its config.json states.
  let isRestated: Bool
  /// Members that say something and are not read, in the order of config.json.
  let unread: [String]

  /// What changes the numbers of the families that know it. A member that states one of these is worth
  /// a warning where the family does not read it.
  private static let telling: [Hyperparameter] = [
    .window, .attentionSoftcap, .logitSoftcap, .queryScalar, .attentionMultiplier,
    .embeddingMultiplier, .residualMultiplier, .logitDivisor, .logitMultiplier,
  ]

  /// - Parameters:
  ///   - checkpoint: a model's files.
  ///   - identity: what they hold. Folders of variants are read by code of ours, as they stand.
  ///   - catalog: all families.
  /// - Throws: `FormatError` for a data file that cannot be read.
  init(
    _ checkpoint: Checkpoint, of identity: CheckpointIdentity, in catalog: ArchitectureCatalog
  ) throws {
    let architecture = identity.architecture
    guard identity.side == .huggingface, !identity.isRotary,
      let stated = checkpoint.configuration?.object
    else {
      // transformers saves a trained variant with every member, those too that its family passes over.
      let stated = checkpoint.configuration?.object
      let members = stated.map(architecture.withoutOtherNames)
      isRestated = members != stated
      self.checkpoint =
        isRestated
        ? checkpoint.restated(configuration: .object(members ?? [:])) : checkpoint
      unread = []
      return
    }
    let type = stated[HuggingFaceConfiguration.Key.modelType.rawValue]?.string ?? ""
    let passed = Set(architecture.unread[type] ?? [])
    let known = architecture.statedMembers
    let telling = try catalog.members(of: Self.telling)
    let switches = try catalog.members(of: [.windowEnabled])
    let isDenied = switches.contains { stated[$0]?.bool == false }
    let windows = try isDenied ? catalog.members(of: [.window]) : []
    var members = stated
    for key in passed { members[key] = nil }
    // Where windowed layers have no base of their own, the older object stands for the newer.
    let older = stated[HuggingFaceRotaryScope.Key.older.rawValue]?.object ?? [:]
    let isOlder = !older.isEmpty && architecture.hyperparameters[.rotaryBaseLocal] == nil
    for (key, value) in architecture.assumed[type] ?? [:] {
      if isOlder, key == HuggingFaceRotaryScope.Key.newer.rawValue { continue }
      // A null stands for a value of its own in most members, but never for an object.
      let isThere = members[key].map { $0 != .null || value.object == nil } ?? false
      if !isThere { members[key] = value }
    }
    unread = Array(stated.keys).filter { key in
      guard let value = stated[key] else { return false }
      return (passed.contains(key) || telling.contains(key) && !known.contains(key))
        && !windows.contains(key) && Self.says(key, value, in: stated)
        && !architecture.repeats(key, value, in: stated, but: passed)
    }
    isRestated = members != stated
    self.checkpoint =
      isRestated ? checkpoint.restated(configuration: .object(members)) : checkpoint
  }

  /// What a user should know of it.
  func note(_ architecture: Architecture) -> String? {
    guard !unread.isEmpty else { return nil }
    let type = checkpoint.configuration?[HuggingFaceConfiguration.Key.modelType.rawValue]?.string
    let names = unread.joined(separator: ", ")
    return "config.json states \(names), which \(type ?? architecture.name) models ignore, as in"
      + " transformers"
  }

  /// Whether a member that is not read would change a model.
  private static func says(
    _ key: String, _ value: JSONValue, in members: OrderedDictionary<String, JSONValue>
  ) -> Bool {
    // None, and a factor of 1.
    if value == .null || value.bool == false || [0, 1].contains(value.double) { return false }
    if let list = value.array {
      return !list.allSatisfy { $0.string == LayerKind.full.rawValue }
    }
    // Newer folders repeat what stands in the object that is read.
    let object = members[HuggingFaceRotaryScope.Key.newer.rawValue]
    if let inside = object?[key] { return inside != value }
    if let object = value.object {
      return object.contains { key, value in
        key == HuggingFaceScaling.Member.type.rawValue
          ? value.string != HuggingFaceScaling.Kind.plain.rawValue
          : key != HuggingFaceScaling.Member.base.rawValue || value.double != 10_000
      }
    }
    return true
  }
}

extension Architecture {
  /// A variant's config.json without members that its plain type passes over, where the member that the
  /// type reads instead is stated too.
  fileprivate func withoutOtherNames(
    _ stated: OrderedDictionary<String, JSONValue>
  ) -> OrderedDictionary<String, JSONValue> {
    let type = stated[HuggingFaceConfiguration.Key.modelType.rawValue]?.string ?? ""
    let plain = unread.keys.first { CheckpointIdentity.variant(of: $0, on: .huggingface) == type }
    let passed = Set(plain.flatMap { unread[$0] } ?? [])
    guard !passed.isEmpty else { return stated }
    var members = stated
    for keys in hyperparameters.values {
      let names = keys.names[.huggingface] ?? []
      guard names.contains(where: { stated[$0] != nil && !passed.contains($0) }) else { continue }
      for name in names where passed.contains(name) { members[name] = nil }
    }
    return members
  }

  /// Whether another member of config.json, of those that are read, states the same of a model
  /// (Granite 4 states the width of its dense networks twice).
  fileprivate func repeats(
    _ key: String, _ value: JSONValue, in members: OrderedDictionary<String, JSONValue>,
    but passed: Set<String>
  ) -> Bool {
    hyperparameters.values.contains { keys in
      let names = keys.names[.huggingface] ?? []
      return names.contains(key)
        && names.contains { $0 != key && !passed.contains($0) && members[$0] == value }
    }
  }

  /// The members of config.json that the family reads.
  fileprivate var statedMembers: Set<String> {
    var known = Set(required.keys)
    for keys in hyperparameters.values { known.formUnion(keys.names[.huggingface] ?? []) }
    return known
  }
}
