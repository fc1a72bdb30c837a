import Checkpoints
import Foundation
import OrderedCollections
import TestSupport
import Testing
import Vocabulary

/// Prompts in parts are encoded as one text. All ids are worked by hand from the vocabularies below.
@Suite struct PromptTests {
  private func load(_ metadata: OrderedDictionary<String, MetadataValue>) throws -> Tokenizer {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try GGUFWriter.write(
      to: "\(work)/x.gguf", metadata: metadata, tensors: [], force: false, inputs: [], progress: nil
    )
    return try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/x.gguf")))
  }

  /// SentencePiece: a space before every text.
  private func pieces(addsEOS: Bool = false) throws -> Tokenizer {
    try load([
      "general.architecture": .string("llama"), "tokenizer.ggml.model": .string("llama"),
      "tokenizer.ggml.tokens": .array(
        .strings(["<unk>", "<s>", "</s>", "\u{2581}", "a", "b", "ab", "\u{2581}ab"])),
      "tokenizer.ggml.scores": .array(.floats([0, 0, 0, -9, -8, -7, -2, -1])),
      "tokenizer.ggml.token_type": .array(.int32([2, 3, 3, 1, 1, 1, 1, 1])),
      "tokenizer.ggml.add_eos_token": .bool(addsEOS),
    ])
  }

  private func bytes() throws -> Tokenizer {
    try load([
      "general.architecture": .string("llama"), "tokenizer.ggml.model": .string("gpt2"),
      "tokenizer.ggml.pre": .string("gpt-2"),
      "tokenizer.ggml.tokens": .array(.strings(["a", "b", "ab", "\u{120}", "<|x|>", "<u>"])),
      "tokenizer.ggml.token_type": .array(.int32([1, 1, 1, 1, 3, 4])),
      "tokenizer.ggml.merges": .array(.strings(["a b"])),
      "tokenizer.ggml.bos_token_id": .uint32(4), "tokenizer.ggml.eos_token_id": .uint32(4),
    ])
  }

  @Test func partsGetNoSpaceOfTheirOwn() throws {
    let tokenizer = try pieces()
    let parts: [PromptPart] = [.plain("ab".utf8), .plain(" ab".utf8)]
    #expect(try tokenizer.encode(prompt: parts) == [1, 7, 7])
    let alone = try tokenizer.encode(Array(" ab".utf8), addSpecial: false, parseSpecial: false)
    #expect(alone == [3, 7])
    let (prompt, answer) = try tokenizer.encode(prompt: parts, continuation: Array(" ab".utf8))
    #expect(prompt == [1, 7, 7] && answer == [7])
  }

  @Test func aTokenAcrossTheCutIsTheContinuations() throws {
    let tokenizer = try bytes()
    let (prompt, answer) = try tokenizer.encode(
      prompt: [.plain("ba".utf8)], continuation: Array("ba".utf8))
    #expect(prompt == [1] && answer == [2, 0])
    let none = try tokenizer.encode(prompt: [.plain("ab".utf8)], continuation: [])
    #expect(none.prompt == [2] && none.continuation.isEmpty)
  }

  @Test func whatEndsTextsIsLeftOutAndWhatBeginsThemIsThereOnce() throws {
    let tokenizer = try pieces(addsEOS: true)
    #expect(
      try tokenizer.encode(Array("ab".utf8), addSpecial: true, parseSpecial: false) == [1, 7, 2])
    #expect(try tokenizer.encode(prompt: [.plain("ab".utf8)]) == [1, 7])
    #expect(try tokenizer.encode(prompt: [.marked("<s>ab".utf8)]) == [1, 7])
    let text = Array("ab".utf8)
    #expect(tokenizer.byteCounts(of: [1, 7], spelling: text) == [0, 2])
    #expect(tokenizer.byteCounts(of: [1, 7, 2], spelling: text) == [0, 2, 0])
  }

  /// The vocabulary has no letters of "<|x|>": as ordinary characters they are left out.
  @Test func controlTokensCountInMarkedPartsAlone() throws {
    let tokenizer = try bytes()
    let words = "<|x|>a<u>"
    #expect(try tokenizer.encode(prompt: [.plain(words.utf8)]) == [0, 5])
    #expect(try tokenizer.encode(prompt: [.marked(words.utf8)]) == [4, 0, 5])
    #expect(
      try tokenizer.encode(
        prompt: [.marked("<|x|>a".utf8), .plain("b\(words)".utf8), .marked("<|x|>".utf8)])
        == [4, 2, 0, 5, 4])
    // A token of two parts is no token.
    #expect(
      try tokenizer.encode(prompt: [.marked("b<|".utf8), .plain("x|>b".utf8)]) == [1, 1])
  }
}
