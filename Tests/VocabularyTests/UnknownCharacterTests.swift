import Base
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Characters that the vocabulary of a tokenizer.json lacks, against ids of the `tokenizers` package
/// 0.23.3 for the same files.
@Suite struct UnknownCharacterTests {
  private func tokenizer(
    _ model: [JSONMember], vocabulary: [String: Int32], added: [String] = []
  ) throws -> Tokenizer {
    let tokens = added.map { text -> JSONValue in
      [
        "id": .integer(Int64(vocabulary[text] ?? 0)), "content": .string(text), "special": true,
        "lstrip": false, "rstrip": false, "single_word": false, "normalized": false,
      ]
    }
    let none: [JSONValue] = []
    let members: [JSONMember] = [
      JSONMember(key: "type", value: "BPE"), JSONMember(key: "unk_token", value: "<unk>"),
      JSONMember(
        key: "vocab",
        value: .members(
          vocabulary.sorted { $0.value < $1.value }.map {
            JSONMember(key: $0.key, value: .integer(Int64($0.value)))
          })),
      JSONMember(key: "merges", value: .array(none)),
    ]
    let json: JSONValue = [
      "added_tokens": .array(tokens),
      "normalizer": ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"],
      "model": .members(members + model),
    ]
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try json.serialized(pretty: true).write(
      toFile: "\(work)/tokenizer.json", atomically: true, encoding: .utf8)
    return try #require(try Tokenizer.load(fromFolder: work))
  }

  private static let vocabulary: [String: Int32] = [
    "<unk>": 0, "a": 1, "b": 2, "\u{2581}": 3, "<0xC3>": 4, "<0xA9>": 5,
  ]
  private static let texts = [
    "a\u{FC}\u{E9}b", "a\u{FC}\u{E9}\u{FC}b", "\u{FC}\u{FC} b", " \u{FC} \u{FC}",
  ]

  /// Two bytes have a token; the unknown token comes behind byte tokens that follow it.
  @Test(
    arguments: [
      (false, false, [[1, 0, 0, 2], [1, 0, 0, 0, 2], [0, 0, 3, 2], [3, 0, 3, 0]]),
      (false, true, [[1, 0, 2], [1, 0, 2], [0, 3, 2], [3, 0, 3, 0]]),
      (true, false, [[1, 4, 5, 0, 2], [1, 4, 5, 0, 0, 2], [0, 0, 3, 2], [3, 0, 3, 0]]),
      (true, true, [[1, 4, 5, 0, 2], [1, 4, 5, 0, 2], [0, 3, 2], [3, 0, 3, 0]]),
    ] as [(Bool, Bool, [[Int32]])])
  func idsOfTokenizers(falls: Bool, fuses: Bool, expected: [[Int32]]) throws {
    let tokenizer = try tokenizer(
      [
        JSONMember(key: "byte_fallback", value: .bool(falls)),
        JSONMember(key: "fuse_unk", value: .bool(fuses)),
      ], vocabulary: Self.vocabulary)
    for (text, ids) in zip(Self.texts, expected) {
      #expect(
        try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: false) == ids,
        "\(text)")
    }
  }

  /// Byte tokens that are listed as added ones stand for bytes all the same.
  @Test func addedByteTokens() throws {
    let tokenizer = try tokenizer(
      [JSONMember(key: "byte_fallback", value: true)], vocabulary: Self.vocabulary,
      added: ["<0xC3>", "<0xA9>"])
    func ids(_ text: String) throws -> [Int32] {
      try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: true)
    }
    #expect(try ids("a\u{E9}b") == [1, 4, 5, 2])
    #expect(try ids("a<0xC3>b") == [1, 4, 2])
    let kinds = try tokenizer.ggufMetadata(vocabularySize: 6)["tokenizer.ggml.token_type"]
    #expect(kinds?.array?.ints()?.suffix(2) == [6, 6])
  }

  /// Older folders name special tokens in a file of their own.
  @Test func specialTokensMap() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let json: JSONValue = ["model": ["type": "BPE", "vocab": ["a": 0, "<s>": 1, "</s>": 2]]]
    let map: JSONValue = ["bos_token": "<s>", "eos_token": ["content": "</s>"]]
    for (file, value) in [("tokenizer.json", json), ("special_tokens_map.json", map)] {
      try value.serialized(pretty: true).write(
        toFile: "\(work)/\(file)", atomically: true, encoding: .utf8)
    }
    let tokenizer = try #require(try Tokenizer.load(fromFolder: work))
    #expect(tokenizer.bos == 1 && tokenizer.eos == 2)
  }
}
