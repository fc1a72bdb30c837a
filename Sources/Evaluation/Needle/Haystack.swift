import Foundation
import Vocabulary

/// A text to hide needles in.
package struct Haystack: Sendable {
  /// The path it was read from.
  package let name: String
  package let bytes: [UInt8]

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  /// Reads a file, or all `.txt` files of a folder in the order of their names, an empty line
  /// between them.
  /// - Throws: `EvaluationError.unreadable` where there is nothing to read.
  package init(path: String) throws {
    name = path
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else {
      bytes = try TokenizedText.readText(path)
      return
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
      .filter { $0.hasSuffix(".txt") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard !names.isEmpty else {
      throw EvaluationError.unreadable(file: path, problem: "the folder holds no .txt file")
    }
    bytes = Array(
      try names.map { try TokenizedText.readText("\(path)/\($0)") }.joined(
        separator: Array("\n\n".utf8)))
  }
}

/// A haystack's tokens and where its sentences end.
struct TokenizedHaystack: Sendable {
  let tokens: [Int32]
  /// Whether a sentence ends with the token.
  let endsSentence: [Bool]

  init(_ haystack: Haystack, _ tokenizer: Tokenizer) throws {
    tokens = try tokenizer.encode(haystack.bytes, addSpecial: false, parseSpecial: false)
    TokenizerNotes.tell(of: haystack.bytes, named: haystack.name, as: tokens, by: tokenizer)
    let ends = Set<UInt8>(".!?\n".utf8)
    endsSentence = tokens.map { token in
      tokenizer.decode([token]).last.map(ends.contains) ?? false
    }
    guard tokens.count >= 2 else {
      throw EvaluationError.textTooShort(file: haystack.name, tokens: tokens.count, needed: 2)
    }
  }

  /// So many tokens from a place on, over and over where the text is too short.
  func passage(from start: Int, count: Int) -> (tokens: [Int32], ends: [Bool]) {
    var (passage, ends): ([Int32], [Bool]) = ([], [])
    passage.reserveCapacity(count)
    for index in 0..<max(count, 0) {
      passage.append(tokens[(start + index) % tokens.count])
      ends.append(endsSentence[(start + index) % tokens.count])
    }
    return (passage, ends)
  }

  /// The first token of a sentence at or after a place; the text's first where there is none.
  func sentence(from place: Int) -> Int {
    guard place > 0 else { return 0 }
    let next = endsSentence[(place - 1)...].firstIndex(of: true).map { $0 + 1 } ?? 0
    return next < tokens.count ? next : 0
  }
}
