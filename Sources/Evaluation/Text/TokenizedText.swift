import Base
import Checkpoints
import Foundation
import Vocabulary

/// A text to score: bytes to tokenize once as a whole, or token ids to use as they are.
public enum TextSource: Sendable, Equatable {
  /// A file's bytes as they stand; `-` is standard input.
  case text(path: String)
  /// A JSON list of token ids.
  case tokens(path: String)
  /// Bytes in memory, with a name for messages.
  case bytes([UInt8], name: String)
  /// Ids in memory, with a name for messages.
  case ids([Int32], name: String)

  /// The path, or the name given for messages.
  public var name: String {
    switch self {
    case .text(let path), .tokens(let path): path
    case .bytes(_, let name), .ids(_, let name): name
    }
  }

  /// The same text in memory: a pipe gives its bytes once, however many models score them.
  public func loaded() throws -> TextSource {
    switch self {
    case .text(let path): .bytes(try TokenizedText.readText(path), name: path)
    case .tokens(let path): .ids(try TokenizedText.list(path), name: path)
    case .bytes, .ids: self
    }
  }
}

/// Token ids of a text and how windows of them begin.
public struct TokenizedText: Sendable {
  /// What messages and results call the text.
  public let name: String
  /// The ids of the whole text.
  public let tokens: [Int32]
  /// Replaces the first token of every window, where the tokenizer adds one to a text.
  public let windowStart: Int32?
  /// SHA-256 of the bytes that were tokenized, for people; nil for token ids.
  public let sourceHash: String?
  /// How many bytes were tokenized; nil for token ids.
  public let byteCount: Int?
  /// The bytes that each token stands for; nil for token ids, and where tokens do not spell the text.
  private let tokenBytes: [UInt32]?

  /// A text given as token ids.
  public init(name: String, tokens: [Int32], windowStart: Int32? = nil) {
    sourceHash = nil
    byteCount = nil
    tokenBytes = nil
    self.name = name
    self.tokens = tokens
    self.windowStart = windowStart
  }

  /// Reads and tokenizes a text; the number of threads never changes a token.
  public init(_ source: TextSource, for model: Model, threads: Int = 1) throws {
    name = source.name
    switch source {
    case .text, .bytes:
      let bytes: [UInt8]
      if case .bytes(let given, _) = source {
        bytes = given
      } else {
        bytes = try Self.readText(source.name)
      }
      sourceHash = SourceHash.sha256(bytes: bytes)
      byteCount = bytes.count
      let tokenizer = try model.tokenizer()
      (tokens, tokenBytes) = try LongPhase.run("tokenizing \(source.name)") {
        let ids = try tokenizer.encode(prompt: [.plain(bytes)], threads: threads)
        return (ids, tokenizer.byteCounts(of: ids, spelling: bytes))
      }
      TokenizerNotes.tell(of: bytes, named: name, as: tokens, by: tokenizer)
      windowStart = tokenizer.addsBOS ? tokenizer.bos : nil
    case .tokens(let path):
      tokens = try Self.list(path)
      windowStart = nil
      sourceHash = nil
      byteCount = nil
      tokenBytes = nil
    case .ids(let ids, _):
      tokens = ids
      windowStart = nil
      sourceHash = nil
      byteCount = nil
      tokenBytes = nil
    }
  }

  /// Names of the text in a result.
  var labels: [String: JSONValue] {
    ["text": .string(name), "text_sha256": sourceHash.map { .string($0) } ?? .null]
  }

  /// The bytes of a file, of a pipe such as `<(zcat text.gz)`, or of standard input for `-`.
  /// - Throws: `EvaluationError.unreadable`, also for a pipe of more than 1 GiB; `FileError.input` for
  ///   a file of more than 4 GiB, and where memory runs out.
  public static func read(_ path: String) throws -> [UInt8] {
    try InputFile(path, .text).bytes()
  }

  /// A JSON list of token ids.
  fileprivate static func list(_ path: String) throws -> [Int32] {
    let file = try InputFile(path, .tokenIDs)
    let found = try file.withBytes { (bytes) throws(FileError) in
      try JSONValue.integers(bytes, file: file.path)
    }
    switch found {
    case .success(let ids): return ids
    case .failure(.notAList):
      throw EvaluationError.tokenList(file: path, problem: "expected a JSON list of token ids")
    case .failure(.element(let index)):
      throw EvaluationError.tokenList(file: path, problem: "element \(index) is not a token id")
    }
  }

  /// The bytes that a window's targets stand for; nil where that is not known.
  func bytes(of window: Window) -> Int? {
    let first = window.tokens.lowerBound + window.targets.lowerBound
    return tokenBytes?[first..<(first + window.targets.count)].reduce(0) { $0 + Int($1) }
  }

  /// The token ids of windows, their first ones replaced where the tokenizer adds one to a text.
  package func sequences(_ windows: [Window]) -> [[Int32]] {
    windows.map { window in
      var ids = Array(tokens[window.tokens])
      if let windowStart { ids[0] = windowStart }
      return ids
    }
  }
}
