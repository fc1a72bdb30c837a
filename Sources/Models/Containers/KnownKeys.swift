/// The keys that some reader of ours looks at: others are stored and ignored.
package struct KnownKeys {
  package let architecture: Architecture

  package init(architecture: Architecture) { self.architecture = architecture }

  /// Families of GGUF keys that any reader may know.
  private static let families = ["general.", "tokenizer."]

  /// Keys of frequency scaling, without the architecture's prefix.
  private static let scaling: Set = [
    "rope.scaling.type", "rope.scaling.factor", "rope.scale_linear",
    "rope.scaling.original_context_length", "rope.scaling.attn_factor",
    "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_log_multiplier",
  ]

  /// - Parameter prefix: of the architecture's keys in this file, without its dot.
  package func reads(metadata key: String, prefix: String) -> Bool {
    if Self.families.contains(where: key.hasPrefix) { return true }
    guard key.hasPrefix(prefix + ".") else { return false }
    let own = String(key.dropFirst(prefix.count + 1))
    return Self.scaling.contains(own) || architecture.copied[own] != nil
      || architecture.hyperparameters.values.contains { $0.gguf.contains(own) }
  }

  /// Members of config.json beside those of the architecture's own tables.
  private static let members: Set = [
    "model_type", "architectures", "auto_map", "_name_or_path", "torch_dtype", "dtype",
    "transformers_version", "vocab_size", "head_dim", "rope_theta", "rope_scaling",
    "rope_parameters", "partial_rotary_factor", "original_max_position_embeddings",
    "tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id", "rope", "vo_rope",
    "rove", "rope_interleaved", "rope_base",
  ]
  /// Members of `rope_scaling` and `rope_parameters`.
  private static let scalingMembers: Set = [
    "rope_type", "type", "factor", "rope_theta", "original_max_position_embeddings", "beta_fast",
    "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "truncate", "low_freq_factor",
    "high_freq_factor", "short_factor", "long_factor", "partial_rotary_factor",
    "full_attention", "sliding_attention",
  ]

  /// - Parameter key: `a.b` is the member b of the object a.
  package func reads(configuration key: String) -> Bool {
    let path = key.split(separator: ".").map(String.init)
    guard let first = path.first else { return false }
    if path.count > 1, ["rope_scaling", "rope_parameters"].contains(first) {
      return path.dropFirst().allSatisfy(Self.scalingMembers.contains)
    }
    return Self.members.contains(first) || first == architecture.block.activationKey
      || architecture.required[first] != nil
      || architecture.hyperparameters.values.contains { $0.huggingface.contains(first) }
      || architecture.copied.values.contains { $0["huggingface"]?.string == first }
  }
}
