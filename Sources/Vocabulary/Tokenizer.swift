import Checkpoints
import OrderedCollections

/// The kinds of vocabularies, as `tokenizer.ggml.model` names them.
enum TokenizerModel: String, CaseIterable {
  /// Byte-level BPE, whose pre-tokenizer has a name of its own.
  case gpt2
  /// SentencePiece's BPE: merges in the order of scores.
  case llama
  /// BPE on characters, with merges, whose spaces are U+2581.
  case gemma4
  /// WordPiece.
  case bert
}

/// Turns text into the token ids a model was trained with, and back.
///
/// Texts are bytes: nothing is normalized that the tokenizer does not normalize, and bytes that are
/// not valid UTF-8 are encoded byte by byte.
package struct Tokenizer: Sendable {
  /// The kind of vocabulary, as GGUF names it (`TokenizerModel`).
  package let model: String
  /// The name of the pre-tokenizer, where the file gives one.
  package let preTokenizer: String?
  /// What begins and what ends a text, as llama.cpp has them: of a GGUF file its loader's defaults
  /// too (`namedBOS` and `namedEOS` leave them out).
  package let bos: Int32?
  package let eos: Int32?
  /// A text begins with the BOS token, the only one of `leading` in nearly every model.
  package var addsBOS: Bool { !leading.isEmpty }
  package var addsEOS: Bool { !trailing.isEmpty }
  /// Tokens before and after every text.
  let leading: [Int32]
  let trailing: [Int32]

  /// The file that describes it.
  package let file: String
  let table: TokenTable
  let special: SpecialTokens
  let algorithm: Algorithm
  let normalizer: Normalizer
  let stored: StoredTokenizer

  /// Indirect: a copy of a tokenizer copies one reference.
  indirect enum Algorithm: Sendable {
    case bytePairs(BytePairEncoder, PreTokenizer)
    case sentencePiece(SentencePieceEncoder)
    case wordPieces(WordPieceEncoder, PreTokenizer)
  }

  /// The number of tokens.
  package var vocabularySize: Int { table.count }

  /// The tokenizer of a checkpoint; nil where it carries none.
  /// - Throws: `VocabularyError` for one that is malformed or of a kind not supported.
  package static func load(from checkpoint: Checkpoint) throws -> Tokenizer? {
    if checkpoint.metadata[TokenizerKey.model] != nil {
      return try Tokenizer(gguf: checkpoint.metadata, file: checkpoint.path)
    }
    return try checkpoint.companions.flatMap { try HuggingFaceTokenizer($0)?.tokenizer() }
  }

  /// The tokenizer of a Hugging Face folder; nil where it holds no tokenizer.json.
  package static func load(fromFolder folder: String) throws -> Tokenizer? {
    try HuggingFaceTokenizer(FileSet(folder: folder))?.tokenizer()
  }

  /// A word at the beginning of a text is encoded as if a space stood before it.
  package var addsSpacePrefix: Bool { normalizer.addsSpacePrefix }

  /// The bytes of tokens, control tokens by their text where they are included; ids outside the
  /// vocabulary give nothing.
  package func decode(_ tokens: [Int32], includesControl: Bool = true) -> [UInt8] {
    tokens.flatMap { includesControl || !isControl($0) ? bytes(of: $0) : [] }
  }

  /// Whether a token is no part of a text that is shown.
  package func isControl(_ token: Int32) -> Bool {
    token >= 0 && Int(token) < table.count && table.kinds[Int(token)] == .control
  }

  /// The bytes of one token.
  func bytes(of token: Int32) -> ArraySlice<UInt8> {
    guard token >= 0, Int(token) < table.count else { return [] }
    let id = Int(token)
    if table.kinds[id] == .byte, let byte = TokenTable.byte(of: table.texts.bytes[id]) {
      return [byte]
    }
    return normalizer.escapesSpaces ? Normalizer.unescape(table.bytes[id])[...] : table.bytes[id]
  }
}
