import Base
import Checkpoints

/// Keys that loaders ask for and that say nothing to us: the same fact under the other container's
/// name.
enum CopiedKeys {
  static func write(_ plan: ModelPlan, to fields: inout GGUFFields) {
    for (key, rule) in plan.architecture.copied {
      guard let value = plan.checkpoint.configuration?[rule.huggingface], value != .null else {
        continue
      }
      if rule.type == .float32, let number = value.double {
        fields.set(key: key, .number(number))
      } else if let flag = value.bool {
        fields.set(key: key, .flag(flag))
      } else if let number = value.int {
        fields.set(key: key, .whole(number))
      }
    }
  }

  static func write(_ plan: ModelPlan, to fields: inout ConfigurationFields) throws {
    let prefix = try CheckpointIdentity(plan.checkpoint).prefix
    for (key, rule) in plan.architecture.copied {
      if let value = plan.checkpoint.metadata[Architecture.ggufKey(key, prefix: prefix)] {
        fields.values[rule.huggingface] = JSONValue(metadata: value)
      }
    }
  }
}
