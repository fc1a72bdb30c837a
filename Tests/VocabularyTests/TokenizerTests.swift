import Base
import Checkpoints
import Foundation
import OrderedCollections
import TestSupport
import Testing
import Vocabulary

@Suite struct TokenizerTests {
  private typealias Metadata = OrderedDictionary<String, MetadataValue>

  private func load(_ changes: [String: MetadataValue?], base: String = "gpt2") throws -> Tokenizer
  {
    var metadata: Metadata =
      base == "gpt2"
      ? [
        "general.architecture": .string("llama"),
        "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.pre": .string("gpt-2"),
        "tokenizer.ggml.tokens": .array(
          .strings(["a", "b", "c", "ab", "abc", "Ġ", "<|x|>", "<u>"])),
        "tokenizer.ggml.token_type": .array(.int32([1, 1, 1, 1, 1, 1, 3, 4])),
        "tokenizer.ggml.merges": .array(.strings(["a b", "ab c"])),
        "tokenizer.ggml.bos_token_id": .uint32(6), "tokenizer.ggml.eos_token_id": .uint32(6),
      ]
      : [
        "general.architecture": .string("llama"),
        "tokenizer.ggml.model": .string("llama"),
        "tokenizer.ggml.tokens": .array(
          .strings(["<unk>", "<s>", "</s>", "<0x41>", "▁", "a", "b", "ab", "▁ab"])),
        "tokenizer.ggml.scores": .array(.floats([0, 0, 0, 0, -9, -8, -7, -2, -1])),
        "tokenizer.ggml.token_type": .array(.int32([2, 3, 3, 6, 1, 1, 1, 1, 1])),
      ]
    for (key, value) in changes { metadata[key] = value }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try GGUFWriter.write(
      to: "\(work)/x.gguf", metadata: metadata, tensors: [], force: false, inputs: [], progress: nil
    )
    return try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/x.gguf")))
  }

  private func ids(
    _ tokenizer: Tokenizer, _ text: String, special: Bool = false, add: Bool = false
  ) throws -> [Int32] {
    try tokenizer.encode(Array(text.utf8), addSpecial: add, parseSpecial: special)
  }

  @Test func mergesInOrderOfRank() throws {
    let tokenizer = try load([:])
    #expect(try ids(tokenizer, "abcab") == [4, 3])
    #expect(try ids(tokenizer, "ba") == [1, 0])
  }

  @Test func specialTokensOnlyWhereAsked() throws {
    let tokenizer = try load([:])
    #expect(try ids(tokenizer, "a<|x|>b", special: true) == [0, 6, 1])
    #expect(try ids(tokenizer, "a<|x|>b").contains(6) == false)
    // User-defined tokens always match.
    #expect(try ids(tokenizer, "a<u>b") == [0, 7, 1])
  }

  @Test func addsBOSAndEOSAsDeclared() throws {
    let tokenizer = try load([
      "tokenizer.ggml.add_bos_token": .bool(true), "tokenizer.ggml.add_eos_token": .bool(true),
    ])
    #expect(try ids(tokenizer, "a", add: true) == [6, 0, 6])
    #expect(try ids(tokenizer, "a") == [0])
  }

  @Test func sentencePieceMergesByScoreAndFallsBackToBytes() throws {
    let tokenizer = try load([:], base: "llama")
    #expect(try ids(tokenizer, "ab") == [8])
    #expect(try ids(tokenizer, "A") == [4, 3])
    #expect(try ids(tokenizer, "") == [])
    #expect(try ids(tokenizer, "ab", add: true) == [1, 8])
    let bare = try load(["tokenizer.ggml.add_space_prefix": .bool(false)], base: "llama")
    #expect(try ids(bare, "ab") == [7])
    #expect(String(decoding: tokenizer.decode([8, 3]), as: UTF8.self) == " abA")
  }

  @Test func wordPieceTakesTheLongestTokens() throws {
    let tokenizer = try load([
      "tokenizer.ggml.model": .string("bert"),
      "tokenizer.ggml.tokens": .array(
        .strings(["[UNK]", "[CLS]", "[SEP]", "▁ab", "▁abc", "d", "cd", "▁,", "▁語"])),
      "tokenizer.ggml.token_type": .array(.int32([2, 3, 3, 1, 1, 1, 1, 1, 1])),
      "tokenizer.ggml.unknown_token_id": .uint32(0), "tokenizer.ggml.bos_token_id": .uint32(1),
      "tokenizer.ggml.eos_token_id": nil, "tokenizer.ggml.seperator_token_id": .uint32(2),
      "tokenizer.ggml.merges": nil,
    ])
    // The longest beginning, then what is left of the word; case and accents do not count.
    #expect(try ids(tokenizer, "abcd ABD ábc") == [4, 5, 3, 5, 4])
    #expect(try ids(tokenizer, "ab,abc語ab\u{200B}") == [3, 7, 4, 8, 3])
    #expect(try ids(tokenizer, "abx ab") == [0, 3])
    #expect(try ids(tokenizer, "ab", add: true) == [1, 3, 2])
  }

  @Test func lineFeedsThatAreATokenAreTakenWhole() throws {
    let tokenizer = try load([
      "tokenizer.ggml.model": .string("gemma4"), "tokenizer.ggml.pre": nil,
      "tokenizer.ggml.tokens": .array(
        .strings(["a", "\u{2581}", "\n", "\n\n\n", "\u{2581}a", "<0x0A>", "<0x62>"])),
      "tokenizer.ggml.token_type": .array(.int32([1, 1, 1, 1, 1, 6, 6])),
      "tokenizer.ggml.merges": .array(.strings(["\u{2581} a"])),
      "tokenizer.ggml.bos_token_id": nil, "tokenizer.ggml.eos_token_id": nil,
    ])
    #expect(try ids(tokenizer, "a\n\n\na a\n\nb") == [0, 3, 0, 4, 2, 2, 6])
  }

  @Test func malformedTokenizersAreRefused() {
    for (key, value, base) in [
      ("tokenizer.ggml.model", MetadataValue.string("t5"), "gpt2"),
      // WordPiece spells what it does not know by one token, whose id is missing.
      ("tokenizer.ggml.model", .string("bert"), "gpt2"),
      ("tokenizer.ggml.pre", .string("no-such-pre"), "gpt2"),
      ("tokenizer.ggml.token_type", .array(.int32([1, 1])), "gpt2"),
      ("tokenizer.ggml.token_type", .string("x"), "gpt2"),
      ("tokenizer.ggml.scores", .array(.floats([1])), "llama"),
      ("tokenizer.ggml.bos_token_id", .uint32(8), "gpt2"),
      ("tokenizer.ggml.eos_token_id", .string("x"), "gpt2"),
      ("tokenizer.ggml.merges", .array(.strings(["ab"])), "gpt2"),
      ("tokenizer.ggml.tokens", .array(.strings([String]())), "gpt2"),
      (
        "tokenizer.ggml.tokens",
        .array(.strings(["<unk>", "<s>", "</s>", "<0x-1>", "▁", "a", "b", "ab", "▁ab"])), "llama"
      ),
    ] {
      #expect(throws: VocabularyError.self, "\(key)") { try load([key: value], base: base) }
    }
  }

  @Test func everyPreTokenizerCompiles() throws {
    let list = try JSONValue.read(
      contentsOf: References.file("formats/tokenizers/pretokenizers.json"))
    let names = try #require(list["pre_tokenizers"]?.array).flatMap {
      $0["names"]?.array?.compactMap(\.string) ?? []
    }
    #expect(names.count > 80 && Set(names).count == names.count)
    for name in names {
      let tokenizer = try load(["tokenizer.ggml.pre": .string(name)])
      #expect(try ids(tokenizer, "abc") == [4], "\(name)")
    }
  }

  @Test func anyBytesSurviveARoundTrip() throws {
    let tokenizer = try #require(
      try Tokenizer.load(fromFolder: References.file("Tests/VocabularyTests/Golden/gpt2")))
    var state: UInt64 = 7
    for length in [0, 1, 2, 5, 50, 500] {
      let bytes = (0..<length).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      let ids = try tokenizer.encode(bytes, addSpecial: false, parseSpecial: false)
      #expect(tokenizer.decode(ids) == bytes)
    }
  }
}
