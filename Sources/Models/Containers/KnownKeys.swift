import Checkpoints
import Vocabulary

/// The keys that some reader of ours looks at: others are stored and ignored.
package struct KnownKeys {
  package let architecture: Architecture
  /// Of a folder whose type is known: some members are read of other types alone.
  private let modelType: String?

  package init(architecture: Architecture, modelType: String? = nil) {
    self.architecture = architecture
    self.modelType = modelType
  }

  private func hyperparameters(on side: Architecture.Side) -> Set<String> {
    Set(architecture.hyperparameters.values.flatMap { $0.names[side] ?? [] })
  }

  /// Whether a reader looks at a GGUF key; `prefix` is that of the architecture's keys in this
  /// file, without its dot.
  package func reads(metadata key: String, prefix: String) -> Bool {
    // Any reader may know these.
    if [GeneralKey.prefix, TokenizerKey.prefix].contains(where: key.hasPrefix) { return true }
    if [TokenizerKey.endTokens, TokenizerKey.unnamedTokens].contains(key) { return true }
    let own = hyperparameters(on: .gguf)
      .union(GGUFScaling.Key.allCases.map(\.rawValue)).union(architecture.copied.keys)
      .union(architecture.otherPairLayouts.keys).union([UnreadKeys.causal])
    return own.contains { Architecture.ggufKey($0, prefix: prefix) == key }
  }

  /// Whether a reader looks at a key of config.json; `a.b` is the member b of the object a.
  package func reads(configuration key: String) -> Bool {
    let path = key.split(separator: ".").map(String.init)
    guard let first = path.first else { return false }
    if let modelType, architecture.unread[modelType]?.contains(first) == true { return false }
    let scaling = Set(HuggingFaceScaling.Member.allCases.map(\.rawValue))
    if path.count > 1, HuggingFaceRotaryScope.Key(rawValue: first) != nil {
      let members = scaling.union(RotarySetNames(architecture.block).all)
        .union(architecture.keys(of: .attentionTemperature, on: .huggingface))
      return path.dropFirst().allSatisfy(members.contains)
    }
    let groupings = architecture.block.experts?.routers.values.flatMap {
      Array($0.grouped.keys) + Array($0.ungrouped.keys)
    }
    let tellsType = architecture.readWhere.contains { type, members in
      (modelType == nil || modelType == type) && members[first] != nil
    }
    return first == architecture.block.activationKey || first == ScaledWeights.statement
      || architecture.toldBy.contains(first) || architecture.required[first] != nil
      || tellsType
      || groupings?.contains(first) == true
      || hyperparameters(on: .huggingface).contains(first) || scaling.contains(first)
      || architecture.copied.values.contains { $0.huggingface == first }
      || HuggingFaceConfiguration.Key(rawValue: first) != nil
      || HuggingFaceRotaryScope.Key(rawValue: first) != nil
      || TrainingFlags.Key(rawValue: first) != nil
      || SpecialTokenKey.allCases.contains { $0.configuration == first }
  }
}
