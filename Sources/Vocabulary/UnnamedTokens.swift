import Base
import Checkpoints
import OrderedCollections

/// Tokens that a tokenizer does not name, although a file has an id for them or its readers assume
/// one: Qwen's tokenizer has no BOS, its config.json has; llama.cpp takes token 11 for the BOS and EOS
/// of GPT-2's kind that a file leaves out.
extension Tokenizer {
  /// BOS as the tokenizer names it, which transformers calls `bos_token_id` of it.
  package var namedBOS: Int32? { isNamed(.bos) ? bos : nil }

  /// EOS as the tokenizer names it.
  package var namedEOS: Int32? { isNamed(.eos) ? eos : nil }

  /// Whether an id that there is for a token is the tokenizer's own.
  func isNamed(_ token: SpecialTokenKey) -> Bool { !stored.unnamed.contains(token) }

  /// What a GGUF file says in our own key; the key is checked elsewhere.
  static func unnamed(
    in metadata: OrderedDictionary<String, MetadataValue>
  ) -> Set<SpecialTokenKey> {
    let names = metadata[TokenizerKey.unnamedTokens]?.strings ?? []
    return Set(names.compactMap { SpecialTokenKey(rawValue: $0) })
  }

  /// The keys of a GGUF file for what the tokenizer of a folder leaves out: the ids of config.json, as
  /// the ecosystem's converter writes them, and the names of those tokens. EOS is left to
  /// `endMetadata`.
  /// - Parameter checkpoint: the folder; ids outside the vocabulary are left out.
  /// - Returns: nothing for a tokenizer that names all that config.json has an id for, BOS and EOS.
  package func unnamedMetadata(
    of checkpoint: Checkpoint
  ) -> OrderedDictionary<String, MetadataValue> {
    var metadata: OrderedDictionary<String, MetadataValue> = [:]
    var names: [String] = []
    for (token, own) in specialIDs where own == nil {
      if token != .eos, let id = checkpoint.configuration?[token.configuration]?.int,
        table.texts.indices.contains(id)
      {
        metadata[token.gguf] = .uint32(UInt32(id))
      } else if token != .bos, token != .eos {
        continue
      }
      // Where a file has no key for BOS or EOS, its readers assume an id.
      names.append(token.rawValue)
    }
    if !names.isEmpty { metadata[TokenizerKey.unnamedTokens] = .array(.strings(names)) }
    return metadata
  }
}
