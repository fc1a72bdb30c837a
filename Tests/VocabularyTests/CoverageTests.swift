import Checkpoints
import Foundation
import OrderedCollections
import TestSupport
import Testing
import Vocabulary

/// What a vocabulary lacks of a text.
@Suite struct CoverageTests {
  private static let byteLevel: OrderedDictionary<String, MetadataValue> = [
    "general.architecture": .string("llama"),
    "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.pre": .string("gpt-2"),
    // Ã is the byte 0xC3, ± the byte 0xB1; ñ, the byte 0xF1, is no character.
    "tokenizer.ggml.tokens": .array(.strings(["<u>", "a", "b", "ab", "Ã", "±", "ñ"])),
    "tokenizer.ggml.token_type": .array(.int32([3, 1, 1, 1, 1, 1, 1])),
    "tokenizer.ggml.merges": .array(.strings(["a b"])),
    "tokenizer.ggml.unknown_token_id": .uint32(0),
  ]

  private static let sentencePiece: OrderedDictionary<String, MetadataValue> = [
    "general.architecture": .string("llama"), "tokenizer.ggml.model": .string("llama"),
    "tokenizer.ggml.tokens": .array(.strings(["<unk>", "<s>", "</s>", "<0x41>", "<0x0A>", "a"])),
    "tokenizer.ggml.scores": .array(.floats([0, 0, 0, 0, 0, -1])),
    "tokenizer.ggml.token_type": .array(.int32([2, 3, 3, 6, 6, 1])),
    "tokenizer.ggml.add_space_prefix": .bool(false),
  ]

  private func load(_ metadata: OrderedDictionary<String, MetadataValue>) throws -> Tokenizer {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try GGUFWriter.write(
      to: "\(work)/x.gguf", metadata: metadata, tensors: [], force: false, inputs: [])
    return try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/x.gguf")))
  }

  /// The ids of a text; how many of them are fall-backs, and how many bytes are left out.
  private func coverage(
    _ tokenizer: Tokenizer, _ text: String
  ) throws -> (ids: [Int32], fallbacks: Int, leftOut: Int) {
    let bytes = Array(text.utf8)
    let ids = try tokenizer.encode(bytes, addSpecial: false, parseSpecial: false)
    let found = tokenizer.coverage(of: bytes, as: ids)
    #expect(found.tokens == ids.count)
    return (ids, found.fallbacks, found.leftOut)
  }

  /// A byte without a token is left out, as the ecosystem's loader does: it is no unknown token.
  @Test func bytesOfCharacters() throws {
    let tokenizer = try load(Self.byteLevel)
    #expect(try coverage(tokenizer, "abñ") == ([3, 4, 5], 2, 0))
    #expect(try coverage(tokenizer, "a\u{4}b\u{6}") == ([1, 2], 0, 2))
  }

  @Test func unknownTokensAndByteTokens() throws {
    let tokenizer = try load(Self.sentencePiece)
    // A line feed is a token of its own, though it is spelled as a byte.
    #expect(try coverage(tokenizer, "aA\nB") == ([5, 3, 4, 0], 2, 0))
  }

  @Test func aPreTokenizerThatIsNotStated() throws {
    #expect(try load(Self.byteLevel).assumedPreTokenizer == nil)
    #expect(try load(Self.sentencePiece).assumedPreTokenizer == nil)
    var metadata = Self.byteLevel
    metadata["tokenizer.ggml.pre"] = nil
    #expect(try load(metadata).assumedPreTokenizer == "default")
  }

  @Test func tokensOfOtherBytes() throws {
    let tokenizer = try load(Self.byteLevel)
    #expect(tokenizer.differingTokens(from: tokenizer) == 0)
    var metadata = Self.byteLevel
    metadata["tokenizer.ggml.tokens"] = .array(.strings(["<u>", "b", "a", "ab", "Ã", "±", "ñ"]))
    #expect(tokenizer.differingTokens(from: try load(metadata)) == 2)
  }

  /// "aba" has other tokens by other merges of one vocabulary.
  @Test func tokenizersOfOneVocabulary() throws {
    func changed(_ changes: OrderedDictionary<String, MetadataValue>) throws -> Tokenizer {
      var metadata = Self.byteLevel
      metadata["tokenizer.ggml.tokens"] = .array(
        .strings(["<u>", "a", "b", "ab", "ba", "±", "ñ"]))
      metadata["tokenizer.ggml.merges"] = .array(.strings(["a b", "b a"]))
      for (key, value) in changes { metadata[key] = value }
      return try load(metadata)
    }
    let tokenizer = try changed([:])
    #expect(tokenizer.difference(from: tokenizer) == nil)
    let (ab, ba) = (
      TokenizerDifference.MergedPair(left: "a", right: "b"),
      TokenizerDifference.MergedPair(left: "b", right: "a")
    )
    let swapped = try changed(["tokenizer.ggml.merges": .array(.strings(["b a", "a b"]))])
    #expect(tokenizer.differingTokens(from: swapped) == 0)
    #expect(try coverage(tokenizer, "aba").ids == [3, 1])
    #expect(try coverage(swapped, "aba").ids == [1, 4])
    #expect(
      tokenizer.difference(from: swapped) == .merge(place: 0, first: ab, second: ba))
    let fewer = try changed(["tokenizer.ggml.merges": .array(.strings(["a b"]))])
    #expect(tokenizer.difference(from: fewer) == .merge(place: 1, first: ba, second: nil))
    // Said twice, it is one merge.
    let twice = try changed(["tokenizer.ggml.merges": .array(.strings(["a b", "a b", "b a"]))])
    #expect(tokenizer.difference(from: twice) == nil)
    let otherWords = try changed(["tokenizer.ggml.pre": .string("llama-bpe")])
    #expect(
      tokenizer.difference(from: otherWords)
        == .preTokenizer(first: "gpt-2", second: "llama-bpe"))
    // The loader puts no space before a text of this kind, whatever the key says.
    let prefixed = try changed(["tokenizer.ggml.add_space_prefix": .bool(true)])
    #expect(tokenizer.difference(from: prefixed) == nil)
    let added = try changed([
      "tokenizer.ggml.token_type": .array(.int32([3, 1, 1, 1, 1, 1, 4]))
    ])
    #expect(tokenizer.difference(from: added) == .addedToken(text: "ñ", id: 6))
    let chatting = try changed(["tokenizer.chat_template": .string("{{ messages }}")])
    #expect(tokenizer.difference(from: chatting) == nil)
  }

  @Test func ordersOfScores() throws {
    func scored(_ scores: [Float]) throws -> Tokenizer {
      var metadata = Self.sentencePiece
      metadata["tokenizer.ggml.tokens"] = .array(
        .strings(["<unk>", "<s>", "</s>", "<0x41>", "<0x0A>", "a", "ab", "ba", "b"]))
      metadata["tokenizer.ggml.token_type"] = .array(.int32([2, 3, 3, 6, 6, 1, 1, 1, 1]))
      metadata["tokenizer.ggml.scores"] = .array(.floats([0, 0, 0, 0, 0] + scores))
      return try load(metadata)
    }
    let tokenizer = try scored([-9, -1, -2, -9])
    // Other numbers in the same order, and tokens that nothing merges to.
    #expect(try tokenizer.difference(from: scored([-8, -3, -4, -7])) == nil)
    #expect(
      try tokenizer.difference(from: scored([-9, -2, -1, -9]))
        == .order(sooner: "ab", later: "ba"))
  }

  /// Ids of llama.cpp's llama-tokenize: SmolLM2 has no token for U+0004 and U+0006.
  @Test func controlCharactersWithSmolLM2() throws {
    guard let model = try References.smolLM2() else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(model)))
    #expect(
      try coverage(tokenizer, "a\u{4}b\u{6}c\u{1}d") == ([81, 82, 83, 191, 84], 0, 2))
    // transformers is told the same.
    let files = try tokenizer.huggingFaceFiles(context: 64)
    #expect(files.tokenizer["model"]?["unk_token"] == .null)
    #expect(files.configuration["unk_token"]?.string == "<|endoftext|>")
  }
}
