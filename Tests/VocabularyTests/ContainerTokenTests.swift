import Base
import Checkpoints
import Foundation
import OrderedCollections
import TestSupport
import Testing
import Vocabulary

/// What becomes of a tokenizer between a Hugging Face folder and a GGUF file.
///
/// Ids of folders are those of the `tokenizers` package (0.23.3) for the same tokenizer.json, those of
/// GGUF files llama-tokenize's for a file with the same keys.
@Suite struct ContainerTokenTests {
  private static let tokens = ["<unk>", "<s>", "▁", "a", "b", "c", "\n", "bc", "ab", "abc", "▁a"]

  private func folder(
    _ steps: String, vocabulary: [String] = tokens, added: String = "",
    merges: String = #""b c", "a b", "ab c", "▁ a""#, unknown: String = #""<unk>""#
  ) throws -> Tokenizer {
    var members = vocabulary.enumerated().map { id, text in
      "\"\(text == "\n" ? "\\n" : text)\": \(id)"
    }
    // Both containers spell other characters by bytes, behind the ids that tests name.
    if vocabulary == Self.tokens {
      members += (0...255).map { String(format: "\"<0x%02X>\": %d", $0, 12 + $0) }
    }
    let json = """
      {"added_tokens": [\(added)], \(steps), "model": {"type": "BPE", "unk_token": \(unknown),
       "fuse_unk": true, "byte_fallback": \(vocabulary == Self.tokens),
       "vocab": {\(members.joined(separator: ", "))}, "merges": [\(merges)]}}
      """
    return try read(["tokenizer.json": json])
  }

  private func read(_ files: [String: String]) throws -> Tokenizer {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for (name, text) in files {
      try text.write(toFile: "\(work)/\(name)", atomically: true, encoding: .utf8)
    }
    return try #require(try Tokenizer.load(fromFolder: work))
  }

  private static func added(_ id: Int, _ text: String, rstrip: Bool = false) -> String {
    #"{"id": \#(id), "content": "\#(text)", "special": true, "rstrip": \#(rstrip)}"#
  }

  private static let specials = "\(added(0, "<unk>")), \(added(1, "<s>"))"

  private func ids(_ tokenizer: Tokenizer, _ text: String) throws -> [Int32] {
    try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: true)
  }

  /// What is read of the keys that are written for a folder's tokenizer.
  private func written(_ tokenizer: Tokenizer, name: String = "model") throws -> Tokenizer {
    var metadata = try tokenizer.ggufMetadata(vocabularySize: tokenizer.vocabularySize)
    metadata["general.name"] = .string(name)
    return try Tokenizer(gguf: metadata, file: "x.gguf")
  }

  private static func metaspace(_ scheme: String) -> String {
    """
    "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "\(scheme)", "split": false}
    """
  }

  @Test func metaspaceBeforeTheFirstTextAlone() throws {
    let source = try folder(Self.metaspace("first"), added: Self.specials)
    let output = try written(source)
    #expect(try ids(source, "a<s>a") == [10, 1, 3] && ids(source, " a") == [10])
    #expect(try ids(output, "a<s>a") == [10, 1, 10] && ids(output, " a") == [2, 10])
    let lost = source.lostInGGUF(readAs: output)
    #expect(lost.count == 1 && lost.first?.contains("prepend_scheme 'first'") == true)
    #expect(source.differentTokens(from: output)?.text == " Hello world")
    // The two containers are compared by what they make of texts.
    #expect(source.difference(from: output)?.text.hasPrefix("' Hello world' is ") == true)
    #expect(output.difference(from: source) != nil)
  }

  @Test func metaspaceBeforeTextsWithoutASpace() throws {
    let source = try folder(Self.metaspace("always"), added: Self.specials)
    let output = try written(source)
    #expect(try ids(source, "a<s>a") == [10, 1, 10] && ids(source, " a") == [10])
    #expect(try ids(output, "a<s>a") == [10, 1, 10] && ids(output, " a") == [2, 10])
    #expect(source.lostInGGUF().first?.contains("begin with none") == true)
    #expect(source.differentTokens(from: output) != nil)
  }

  /// The loader puts no space before a text of a byte-level vocabulary, though a key asks for it.
  @Test func aSpaceBeforeBytes() throws {
    let source = try folder(
      #""pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true}"#,
      vocabulary: ["a", "b", "Ġ", "Ġa"], merges: #""Ġ a""#, unknown: "null")
    let output = try written(source)
    #expect(try ids(source, "a") == [3] && ids(source, " a") == [3])
    #expect(try ids(output, "a") == [0] && ids(output, " a") == [3])
    #expect(output.addsSpacePrefix == false)
    let lost = source.lostInGGUF(readAs: output)
    #expect(lost.count == 1 && lost.first?.contains("add_prefix_space") == true)
    #expect(source.differentTokens(from: output) != nil)
  }

  private static let escape =
    #""normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#

  /// "a" and "bc" are no merge of the list, and make a token all the same by scores.
  @Test func mergesThatScoresAddToTheList() throws {
    let source = try folder(Self.escape, added: Self.specials)
    let output = try written(source)
    #expect(try ids(source, "abc") == [3, 7] && ids(output, "abc") == [9])
    let found = source.differentTokens(from: output)
    #expect(found?.text == "abc" && found?.first == [3, 7] && found?.second == [9])
    #expect(found?.words("A", "B") == "'abc' is 3 7 in A and 9 in B")
    // With that merge too, nothing differs.
    let merges = #""b c", "a b", "ab c", "a bc", "▁ a""#
    let whole = try folder(Self.escape, added: Self.specials, merges: merges)
    #expect(try whole.differentTokens(from: written(whole)) == nil)
    #expect(try whole.difference(from: written(whole)) == nil)
    #expect(whole.lostInGGUF().isEmpty)
  }

  @Test func tokensThatTakeWhiteSpace() throws {
    let added = "\(Self.specials), \(Self.added(11, "<e>", rstrip: true))"
    let merges = #""b c", "a b", "ab c", "a bc", "▁ a""#
    let source = try folder(Self.escape, added: added, merges: merges)
    let output = try written(source)
    #expect(try ids(source, "<e>\n a") == [11, 3] && ids(output, "<e>\n a") == [11, 6, 10])
    let lost = source.lostInGGUF(readAs: output)
    #expect(lost.count == 1 && lost.first?.hasSuffix("such as '<e>'") == true)
    // Of a file with such a name the loader takes the space.
    let phi = try written(source, name: "My Phi-3 Mini")
    #expect(try ids(phi, "<e>\n a") == [11, 3] && ids(phi, "<s> a") == [1, 10])
    #expect(source.lostInGGUF(readAs: phi).isEmpty && source.differentTokens(from: phi) == nil)
  }

  private func sentencePiece(
    _ tokens: [String], _ kinds: [Int32], _ scores: [Float], prefix: Bool, name: String = "x"
  ) throws -> Tokenizer {
    try Tokenizer(
      gguf: [
        "general.name": .string(name), "tokenizer.ggml.model": .string("llama"),
        "tokenizer.ggml.tokens": .array(.strings(tokens)),
        "tokenizer.ggml.scores": .array(.floats(scores)),
        "tokenizer.ggml.token_type": .array(.int32(kinds)),
        "tokenizer.ggml.unknown_token_id": .uint32(0),
        "tokenizer.ggml.add_space_prefix": .bool(prefix),
      ], file: "x.gguf")
  }

  /// The folder of a GGUF file's tokenizer, read again.
  private func exported(_ tokenizer: Tokenizer) throws -> Tokenizer {
    let files = try tokenizer.huggingFaceFiles(context: 64)
    return try read([
      "tokenizer.json": files.tokenizer.serialized(pretty: true),
      "tokenizer_config.json": files.configuration.serialized(pretty: true),
    ])
  }

  @Test func whiteSpaceByTheNameOfAModel() throws {
    let tokens = ["<unk>", "<s>", "</s>", "<|user|>", "▁", "a", "b", "\n"]
    func named(_ name: String) throws -> Tokenizer {
      try sentencePiece(
        tokens, [2, 3, 3, 3, 1, 1, 1, 1], [0, 0, 0, 0, -1, -2, -3, -4], prefix: false, name: name)
    }
    let phi = try named("My Phi-3 Mini")
    for tokenizer in [phi, try exported(phi)] {
      #expect(try ids(tokenizer, "<|user|>\n a") == [3, 5])
      #expect(try ids(tokenizer, "</s> a") == [2, 5] && ids(tokenizer, "<s> a") == [1, 4, 5])
    }
    #expect(try ids(named("other"), "<|user|>\n a") == [3, 7, 4, 5])
  }

  /// Neighbours merge to user-defined and unused tokens too.
  @Test func mergesToTokensOfEveryKind() throws {
    let source = try sentencePiece(
      ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁▁", "▁▁a"], [2, 3, 3, 1, 1, 1, 4, 5],
      [0, 0, 0, -1, -2, -3, -5, -6], prefix: false)
    for tokenizer in [source, try exported(source)] {
      #expect(try ids(tokenizer, "  b") == [6, 5] && ids(tokenizer, "  a") == [7])
      #expect(try ids(tokenizer, "b  b   a") == [5, 6, 5, 6, 3, 4])
    }
    let listed = try #require(source.withListedMerges)
    #expect(source.differentTokens(from: listed) == nil)
  }

  /// Of two merges of one score SentencePiece takes the left one; a list has to put one first.
  @Test func equalScores() throws {
    let tokens = ["<unk>", "<s>", "</s>", "▁", "a", "b", "c", "ab", "bc", "abc", "▁a"]
    let kinds = [2, 3, 3] + [Int32](repeating: 1, count: 8)
    func scored(_ scores: [Float]) throws -> Tokenizer {
      try sentencePiece(tokens, kinds, [0, 0, 0, -1, -2, -3, -4] + scores, prefix: true)
    }
    let source = try scored([0, 0, 0, 0])
    #expect(try ids(source, "abc") == [10, 8] && ids(source, " ab") == [3, 10, 5])
    let found = source.differentTokens(from: try #require(source.withListedMerges))
    #expect(found?.text == " ab" && found?.first == [3, 10, 5] && found?.second == [3, 3, 7])
    let distinct = try scored([0, -0.25, -0.5, -0.75])
    #expect(distinct.differentTokens(from: try #require(distinct.withListedMerges)) == nil)
  }
}
