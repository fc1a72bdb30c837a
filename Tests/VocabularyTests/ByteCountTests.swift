import Checkpoints
import Foundation
import TestSupport
import Testing
import Vocabulary

/// How many bytes of a text each token stands for.
@Suite struct ByteCountTests {
  private func tokenizer(_ name: String) throws -> (path: String, tokenizer: Tokenizer)? {
    guard let path = try References.shared("vocab/ggml-vocab-\(name).gguf") else { return nil }
    return (path, try #require(try Tokenizer.load(from: Checkpoint.open(path))))
  }

  @Test(arguments: ReferenceTests.vocabularies)
  func tokensSpellTheText(name: String) throws {
    guard let (path, tokenizer) = try tokenizer(name) else { return }
    let texts = try String(contentsOfFile: path + ".inp", encoding: .utf8)
      .components(separatedBy: "\n__ggml_vocab_test__\n")
    for text in texts {
      let bytes = Array(text.utf8)
      let ids = try tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
      let counts = try #require(
        tokenizer.byteCounts(of: ids, spelling: bytes), "\(name): \(text.debugDescription)")
      #expect(counts.count == ids.count)
      #expect(counts.reduce(0, +) == bytes.count)
      #expect(tokenizer.byteCounts(of: ids, spelling: bytes + [0x41]) == nil)
    }
  }

  /// Worked by hand: BOS and the space that SentencePiece puts before a text stand for nothing.
  @Test(arguments: [
    ("llama-spm", "Hello world", [0, 5, 6]), ("gpt-2", "Hello world", [5, 6]),
    ("llama-spm", "\u{1F999}", [0, 0, 1, 1, 1, 1]),
  ])
  func countsAreThoseOfThePieces(name: String, text: String, expected: [UInt32]) throws {
    guard let (_, tokenizer) = try tokenizer(name) else { return }
    let bytes = Array(text.utf8)
    let ids = try tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
    #expect(tokenizer.byteCounts(of: ids, spelling: bytes) == expected)
  }

  @Test func anotherTextIsNotSpelled() throws {
    guard let (_, tokenizer) = try tokenizer("gpt-2") else { return }
    let ids = try tokenizer.encode(Array("Hello".utf8), addSpecial: true, parseSpecial: false)
    #expect(tokenizer.byteCounts(of: ids, spelling: Array("hello".utf8)) == nil)
    #expect(tokenizer.byteCounts(of: [], spelling: []) == [])
  }
}
