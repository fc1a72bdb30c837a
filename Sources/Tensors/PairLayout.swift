/// How the rotated dims of a head form pairs.
public enum PairLayout: String, Sendable, CaseIterable {
  /// Pair p is (2p, 2p + 1): GGUF llama files, GPT-J, the RoFormer paper.
  case interleaved
  /// Pair p is (p, p + pairs): Hugging Face llama, GPT-NeoX.
  case half
}
