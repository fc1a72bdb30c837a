import Base
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Errors of texts name the file that describes the tokenizer.
@Suite struct ErrorFileTests {
  /// What is wrong with a text for a tokenizer.json whose vocabulary is `a`, `b` and a space.
  private func failure(
    of text: String, preTokenizer: JSONValue = .null
  ) throws -> (error: VocabularyError?, file: String) {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let json: JSONValue = [
      "pre_tokenizer": preTokenizer,
      "model": ["type": "BPE", "vocab": ["a": 0, "b": 1, " ": 2]],
    ]
    let file = "\(work)/tokenizer.json"
    try json.serialized(pretty: true).write(toFile: file, atomically: true, encoding: .utf8)
    let tokenizer = try #require(try Tokenizer.load(fromFolder: work))
    let error = #expect(throws: VocabularyError.self) {
      try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: false)
    }
    return (error, file)
  }

  @Test func bytesWithoutToken() throws {
    let (error, file) = try failure(of: "abz")
    #expect(error?.file == file)
    #expect(error?.summary == "the vocabulary has no token for byte 122")
  }

  @Test func patternsThatGiveUp() throws {
    let (error, file) = try failure(
      of: String(repeating: "a", count: 200) + "b ",
      preTokenizer: [
        "type": "Split", "pattern": ["Regex": "(a+)+$"], "behavior": "Isolated", "invert": false,
      ])
    #expect(error?.file == file)
    #expect(error?.summary.hasPrefix("pattern '(a+)+$' gives up on the text") == true)
  }
}
