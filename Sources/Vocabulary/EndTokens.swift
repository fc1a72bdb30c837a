import Base
import Checkpoints
import OrderedCollections

/// The tokens that end what a model writes, as its files name them.
package enum EndTokens {
  /// The keys whose tokens end a text in every reader of GGUF files.
  fileprivate static let plain: [SpecialTokenKey] = [.eos, .endOfTurn, .endOfMessage]

  /// What a GGUF file names: EOS, the ends of a turn and of a message, and those of our own key.
  /// - Parameters:
  ///   - metadata: the file's.
  ///   - count: tokens of the vocabulary; ids of others are left out.
  /// - Returns: ids in that order.
  package static func stated(
    in metadata: OrderedDictionary<String, MetadataValue>, of count: Int
  ) -> OrderedSet<Int32> {
    let ids =
      plain.compactMap { metadata[$0.gguf]?.int }
      + (metadata[TokenizerKey.endTokens]?.array?.ints() ?? [])
    return OrderedSet(ids.filter { (0..<count).contains($0) }.map { Int32($0) })
  }

  /// What a checkpoint names: a GGUF file by its keys, a folder by `eos_token_id`, a number or a list,
  /// of generation_config.json, or of config.json where the first names none.
  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - count: tokens of the vocabulary; ids of others, which no model writes, are left out.
  /// - Returns: ids in the order of the files.
  /// - Throws: `VocabularyError.invalid` for what is neither a number nor a list of numbers,
  ///   `FileError` for a generation_config.json that is not JSON.
  static func stated(by checkpoint: Checkpoint, of count: Int) throws -> OrderedSet<Int32> {
    guard let configuration = checkpoint.configuration else {
      return stated(in: checkpoint.metadata, of: count)
    }
    let member = SpecialTokenKey.eos.configuration
    var (value, file) = (configuration[member], checkpoint.path)
    if let files = checkpoint.companions, files.contains(ModelFolder.generation) {
      let own = try files.json(ModelFolder.generation)[member] ?? .null
      if own != .null { (value, file) = (own, files.path(of: ModelFolder.generation)) }
    }
    guard let value, value != .null else { return [] }
    let list = value.array ?? [value]
    let ids = list.compactMap(\.int)
    guard ids.count == list.count else {
      throw VocabularyError.invalid(
        file: file, key: member, problem: "is neither a token id nor a list of token ids")
    }
    return OrderedSet(ids.filter { (0..<count).contains($0) }.map { Int32($0) })
  }
}

extension Tokenizer {
  /// The tokens that end what the model of a checkpoint writes: EOS where the tokenizer names it, then
  /// those that its files name besides.
  /// - Throws: what is wrong with the files that name them.
  package func ends(of checkpoint: Checkpoint) throws -> OrderedSet<Int32> {
    OrderedSet([namedEOS].compactMap { $0 }).union(
      try EndTokens.stated(by: checkpoint, of: table.count))
  }

  /// The keys of a GGUF file that name the tokens that end a text besides EOS: those that every reader
  /// counts first, for what is left one of our own.
  /// - Throws: what is wrong with the files that name them.
  package func endMetadata(
    of checkpoint: Checkpoint
  ) throws -> OrderedDictionary<String, MetadataValue> {
    let others = try ends(of: checkpoint).filter { $0 != eos }
    let keys = EndTokens.plain.filter { eos == nil || $0 != .eos }
    var metadata: OrderedDictionary<String, MetadataValue> = [:]
    for (key, id) in zip(keys, others) { metadata[key.gguf] = .uint32(UInt32(id)) }
    let left = others.dropFirst(keys.count)
    if !left.isEmpty { metadata[TokenizerKey.endTokens] = .array(.int32(Array(left))) }
    return metadata
  }
}
