import Checkpoints
import OrderedCollections

/// Turns text into the token ids a model was trained with, and back.
///
/// Texts are bytes: nothing is normalized that the tokenizer does not normalize, and bytes that are
/// not valid UTF-8 are encoded byte by byte.
public struct Tokenizer: Sendable {
  /// `gpt2` (byte-level BPE) or `llama` (SentencePiece BPE), as GGUF names them.
  public let model: String
  /// The name of the pre-tokenizer, where the file gives one.
  public let preTokenizer: String?
  public let bos: Int32?
  public let eos: Int32?
  public let addsBOS: Bool
  public let addsEOS: Bool

  let file: String
  let table: TokenTable
  let special: SpecialTokens
  let algorithm: Algorithm
  let normalizer: Normalizer
  let stored: StoredTokenizer

  enum Algorithm: Sendable {
    case bytePairs(BytePairEncoder, PreTokenizer)
    case sentencePiece(SentencePieceEncoder)
  }

  /// The number of tokens.
  public var vocabularySize: Int { table.count }

  /// The tokenizer of a checkpoint; nil where it carries none.
  /// - Throws: `VocabularyError` for one that is malformed or of a kind not supported.
  public static func load(from checkpoint: Checkpoint) throws -> Tokenizer? {
    if checkpoint.metadata["tokenizer.ggml.model"] != nil {
      return try Tokenizer(gguf: checkpoint.metadata, file: checkpoint.path)
    }
    return try checkpoint.companions.flatMap { try HuggingFaceTokenizer($0)?.tokenizer() }
  }

  /// The tokenizer of a Hugging Face folder; nil where it holds no tokenizer.json.
  public static func load(fromFolder folder: String) throws -> Tokenizer? {
    try HuggingFaceTokenizer(FileSet(folder: folder))?.tokenizer()
  }

  /// Token ids of a text.
  /// - Parameters:
  ///   - addSpecial: add BOS and EOS as the tokenizer declares.
  ///   - parseSpecial: control tokens in the text count as such; user-defined ones always do.
  public func encode(
    _ text: [UInt8], addSpecial: Bool, parseSpecial: Bool
  ) throws -> [Int32] {
    var output: [Int32] = []
    if addSpecial, addsBOS, let bos { output.append(bos) }
    var followsSpecial = true
    var words: [ArraySlice<UInt8>: [Int32]] = [:]
    for fragment in special.partition(text, includesControl: parseSpecial) {
      switch fragment {
      case .token(let id):
        output.append(id)
        followsSpecial = true
      case .text(let range):
        let normalized = normalizer.apply(
          text[range], followsSpecial: followsSpecial, isFirst: range.lowerBound == 0)
        followsSpecial = false
        try encodeText(normalized, words: &words, to: &output)
      }
    }
    if addSpecial, addsEOS, let eos { output.append(eos) }
    return output
  }

  private func encodeText(
    _ text: [UInt8], words: inout [ArraySlice<UInt8>: [Int32]], to output: inout [Int32]
  ) throws {
    switch algorithm {
    case .sentencePiece(let encoder):
      try encoder.encode(text, to: &output)
    case .bytePairs(let encoder, let preTokenizer):
      let pieces = try text.withUnsafeBufferPointer {
        try preTokenizer.split($0, 0..<text.count)
      }
      for piece in pieces {
        let word = text[piece]
        if let known = words[word] {
          output.append(contentsOf: known)
          continue
        }
        let start = output.count
        try encoder.encode(word, to: &output)
        words[word] = Array(output[start...])
      }
    }
  }

  /// The bytes of tokens, control tokens by their text; ids outside the vocabulary give nothing.
  public func decode(_ tokens: [Int32]) -> [UInt8] {
    var bytes: [UInt8] = []
    for token in tokens where token >= 0 && Int(token) < table.count {
      let id = Int(token)
      if table.kinds[id] == .byte, let byte = TokenTable.byte(of: table.texts[id]) {
        bytes.append(byte)
      } else {
        bytes += normalizer.escapesSpaces ? Normalizer.unescape(table.bytes[id]) : table.bytes[id]
      }
    }
    return bytes
  }
}

/// What happens to a text before it is encoded.
struct Normalizer: Sendable {
  /// Which texts get a space in front.
  enum Prefix: Sendable {
    case noText
    /// The text's beginning alone.
    case firstText
    /// Every text between special tokens.
    case everyText
  }

  var prefix = Prefix.noText
  /// A space goes before only where none is there (Metaspace).
  var prefixesOnlyWithoutSpace = false
  /// Spaces become U+2581.
  var escapesSpaces = false
  /// Some text gets a space in front.
  var addsSpacePrefix: Bool {
    get { prefix != .noText }
    set { prefix = newValue ? .everyText : .noText }
  }
  /// Unicode normalization form C.
  var composes = false

  private static let escaped: [UInt8] = [0xE2, 0x96, 0x81]

  func apply(
    _ text: ArraySlice<UInt8>, followsSpecial: Bool, isFirst: Bool
  ) -> [UInt8] {
    var source = Array(text)
    if composes, let string = String(validating: source, as: UTF8.self) {
      source = Array(string.composed.utf8)
    }
    guard prefix != .noText || escapesSpaces else { return source }
    let startsWithSpace = source.first == 0x20 || source.starts(with: Self.escaped)
    let prefixes = prefix == .everyText ? followsSpecial : prefix == .firstText && isFirst
    if prefixes, !(prefixesOnlyWithoutSpace && startsWithSpace) {
      source.insert(0x20, at: 0)
    }
    guard escapesSpaces else { return source }
    var result: [UInt8] = []
    result.reserveCapacity(source.count + source.count / 2)
    for byte in source {
      if byte == 0x20 { result += Self.escaped } else { result.append(byte) }
    }
    return result
  }

  static func unescape(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == escaped[0], bytes[index...].starts(with: escaped) {
        result.append(0x20)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }
}
