import Base
import Checkpoints
import Foundation
import OrderedCollections
import TestSupport
import Testing
import Vocabulary

/// Tokenizers made to take long, and those that only look so.
@Suite struct HostileTokenizerTests {
  /// The tokenizer of a tokenizer.json whose vocabulary is these tokens, with a user-defined `<u>`
  /// of the last id.
  private func tokenizer(
    _ tokens: [String], preTokenizer: JSONValue = .null, normalizer: JSONValue = .null
  ) throws -> Tokenizer {
    var vocabulary: OrderedDictionary<String, JSONValue> = [:]
    for (id, token) in tokens.enumerated() { vocabulary[token] = .integer(Int64(id)) }
    return try load([
      "added_tokens": [["id": .integer(Int64(tokens.count)), "content": "<u>"]],
      "normalizer": normalizer, "pre_tokenizer": preTokenizer,
      "model": ["type": "BPE", "vocab": .object(vocabulary)],
    ])
  }

  private func load(_ json: JSONValue) throws -> Tokenizer {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try json.serialized(pretty: true).write(
      toFile: "\(work)/tokenizer.json", atomically: true, encoding: .utf8)
    return try #require(try Tokenizer.load(fromFolder: work))
  }

  private func ids(_ tokenizer: Tokenizer, _ text: String) throws -> [Int32] {
    try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: false)
  }

  private func split(_ pattern: JSONValue, _ behavior: String = "Isolated") -> JSONValue {
    ["type": "Split", "pattern": pattern, "behavior": .string(behavior), "invert": false]
  }

  /// The ids are those of `tokenizers` 0.23 for the same file.
  @Test func literalsStandForThemselves() throws {
    let tokenizer = try tokenizer(
      ["a", "x", "y", "\\", "E", "|", "Q"],
      preTokenizer: split(["String": "x\\E|a|\\Qy"], "Removed"))
    #expect(try ids(tokenizer, "axay") == [0, 1, 0, 2])
    #expect(try ids(tokenizer, "ax\\E|a|\\Qyy") == [0, 2])
    #expect(try ids(tokenizer, "x\\Ea") == [1, 3, 4, 0])
  }

  /// 2^18 ways at each of 10,000 places; `<u>` and ten letters stand before the first.
  @Test(.timeLimit(.minutes(1))) func waysOfAPatternAreCounted() throws {
    let tokenizer = try tokenizer(
      ["a", "b"], preTokenizer: split(["Regex": "(?:a|a){18}[bc]"]))
    let text = "<u>" + String(repeating: "b", count: 10) + String(repeating: "a", count: 10_000)
    let error = #expect(throws: VocabularyError.self) { try ids(tokenizer, text) }
    #expect(
      error?.summary.hasPrefix("pattern '(?:a|a){18}[bc]' gives up on the text at byte 13: ")
        == true)
    #expect(try ids(tokenizer, "<u>aab") == [2, 0, 0, 1])
  }

  /// PCRE2 counts a few ways at each place of this text, and reads it to the end from each.
  @Test func timeOfAPatternIsLimited() throws {
    let pattern = try Pattern("(?=(a+))\\1[bc]", file: "test")
    [UInt8](repeating: UInt8(ascii: "a"), count: 400_000).withUnsafeBufferPointer { bytes in
      for threads in [1, 3] {
        let scan = PatternScan(
          pattern: pattern, bytes: bytes, threads: threads,
          budget: PatternBudget(nanoseconds: 30_000_000))
        let error = #expect(throws: VocabularyError.self) {
          try scan.forEach([0..<bytes.count]) { _, _ in }
        }
        #expect(error?.summary.hasSuffix(": it takes too long") == true)
      }
    }
  }

  /// Some published patterns take 1 s for 150,000 bytes of white space, and with the square of their
  /// number: 7.2 s for 400,000. However many such texts there are, none is refused; nor is one of a million.
  @Test func slowTextsAddUpToNoRefusal() {
    let texts = PatternBudget(byteCount: 0)
    for number in 1...1000 {
      texts.allow(byteCount: 400_000)
      guard texts.spend(7_200_000_000) else {
        Issue.record("text \(number) is refused")
        return
      }
    }
    #expect(PatternBudget(byteCount: 1_000_000).spend(45_000_000_000))
    // What takes much longer than that is.
    #expect(!PatternBudget(byteCount: 400_000).spend(60_000_000_000))
  }

  /// Texts of some seconds, each within what one text may take, and beyond what its bytes allow.
  @Test(.timeLimit(.minutes(1))) func timeOfManyTextsIsLimited() throws {
    let slow = "(?=(a+)b?)" + String(repeating: "(?=\\1)", count: 18) + "\\1[bc]"
    let tokenizer = try tokenizer(["a", "b"], preTokenizer: split(["Regex": .string(slow)]))
    let text = String(repeating: "a", count: 25_000)
    var error: VocabularyError?
    for _ in 0..<30 where error == nil {
      do { _ = try ids(tokenizer, text) } catch let failure as VocabularyError { error = failure }
    }
    #expect(error?.summary.hasSuffix(": it takes too long") == true)
  }

  @Test func patternsOfPCRE2sOwnAreRefused() throws {
    for source in ["\\C", "(*NO_JIT)a", "(*LIMIT_MATCH=4000000000)a"] {
      #expect(throws: VocabularyError.self, "\(source)") { try Pattern(source, file: "test") }
    }
    let step = split(["Regex": "a"])
    for (count, isTaken) in [(32, true), (33, false)] {
      let steps: JSONValue = [
        "type": "Sequence", "pretokenizers": .array(Array(repeating: step, count: count)),
      ]
      let found = Result { try tokenizer(["a"], preTokenizer: steps) }
      #expect(((try? found.get()) != nil) == isTaken, "\(count) steps")
    }
  }

  /// The ids are those of `tokenizers` 0.23 for the same file.
  @Test func marksInCanonicalOrder() throws {
    let tokenizer = try tokenizer(
      [
        "\u{0F71}", "\u{0F72}", "\u{0301}", "\u{0308}", "\u{0316}", "a", "\u{E1}", "\u{E4}",
        "\u{0F80}",
      ],
      normalizer: ["type": "NFC"])
    #expect(try ids(tokenizer, "\u{0F81}\u{0F73}") == [0, 0, 8, 1])
    #expect(try ids(tokenizer, "a\u{0344}\u{0316}") == [7, 4, 2])
    #expect(try ids(tokenizer, "\u{0316}\u{0344}\u{0301}") == [4, 3, 2, 2])
    #expect(
      try ids(tokenizer, "a\u{0301}\u{0316}\u{0301}\u{0316}\u{0301}\u{0316}") == [6, 4, 4, 4, 2, 2])
  }

  /// Of 200,000 pairs of marks the lower ones go first, and the letter takes the first upper one.
  @Test(.timeLimit(.minutes(1))) func manyMarks() throws {
    let tokenizer = try tokenizer(
      ["a", "\u{E1}", "\u{0301}", "\u{0316}"], normalizer: ["type": "NFC"])
    let count = 200_000
    let found = try ids(tokenizer, "a" + String(repeating: "\u{0301}\u{0316}", count: count))
    let expected =
      [1] + [Int32](repeating: 3, count: count) + [Int32](repeating: 2, count: count - 1)
    let isEqual = found == expected
    #expect(isEqual)
  }

  private func wordPieces(_ tokens: [String]) throws -> Tokenizer {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let metadata: OrderedDictionary<String, MetadataValue> = [
      "general.architecture": .string("llama"), "tokenizer.ggml.model": .string("bert"),
      "tokenizer.ggml.tokens": .array(.strings(["[UNK]"] + tokens)),
      "tokenizer.ggml.unknown_token_id": .uint32(0),
    ]
    _ = try GGUFWriter.write(
      to: "\(work)/x.gguf", metadata: metadata, tensors: [], force: false, inputs: [], progress: nil
    )
    return try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/x.gguf")))
  }

  /// One token of 4,000 bytes that no text holds, and words of up to 100,000.
  @Test(.timeLimit(.minutes(1))) func longWordPieces() throws {
    let long = String(repeating: "x", count: 4000)
    let tokenizer = try wordPieces(["\u{2581}a", "a", long, "a" + long])
    for count in [10_000, 100_000] {
      let found = try ids(tokenizer, String(repeating: "a", count: count))
      let isEqual = found == [1] + [Int32](repeating: 2, count: count - 1)
      #expect(isEqual, "\(count) letters")
    }
    let longer = String(repeating: "x", count: 5000)
    #expect(try ids(wordPieces(["\u{2581}", longer]), longer) == [1, 2])
  }

  /// A long token that goes wrong at its last byte, at every place of a word.
  @Test func wordPiecesThatNearlyFit() throws {
    let long = String(repeating: "a", count: 4000) + "b"
    let tokenizer = try wordPieces(["\u{2581}a", "a", "b", long])
    let count = 400_000
    var found: [Int32] = []
    let time = try ContinuousClock().measure {
      found = try ids(tokenizer, String(repeating: "a", count: count))
    }
    let isEqual = found == [1] + [Int32](repeating: 2, count: count - 1)
    #expect(isEqual)
    // Reading 4,000 bytes at each place took over nine seconds.
    #expect(time < .seconds(4))
    #expect(try ids(tokenizer, "aa" + long) == [1, 2, 4])
    #expect(try ids(tokenizer, long + "c") == [0])
  }

  /// The longest token at each place, found by trying every one.
  @Test func wordPiecesAreTheLongest() throws {
    var state: UInt64 = 3
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    func letters(_ count: Int) -> String {
      (0..<count).map { _ in random(2) == 0 ? "a" : "b" }.joined()
    }
    for round in 0..<50 {
      let tokens = (0..<(1 + random(30))).map { _ in
        (random(3) == 0 ? "\u{2581}" : "") + letters(1 + random(5))
      }
      let tokenizer = try wordPieces(tokens)
      for _ in 0..<50 {
        let word = letters(1 + random(20))
        var rest = Substring("\u{2581}" + word)
        var expected: [Int32] = []
        while !rest.isEmpty {
          let fitting = tokens.indices.filter { rest.hasPrefix(tokens[$0]) }
          // Of equal tokens the last.
          guard let best = fitting.max(by: { (tokens[$0].count, $0) < (tokens[$1].count, $1) })
          else {
            expected = [0]
            break
          }
          expected.append(Int32(best + 1))
          rest = rest.dropFirst(tokens[best].count)
        }
        #expect(try ids(tokenizer, word) == expected, "round \(round): \(word) of \(tokens)")
      }
    }
  }

  /// Each part is looked for in the vocabulary.
  @Test func longTemplatesAreRefused() throws {
    func template(parts: Int) throws -> Tokenizer {
      let before = Array(repeating: ["SpecialToken": ["id": "<s>"]] as JSONValue, count: parts - 2)
      let rest: [JSONValue] = [["Sequence": ["id": "A"]], ["SpecialToken": ["id": "b"]]]
      return try load([
        "added_tokens": [["id": 2, "content": "<s>", "special": true]],
        "post_processor": ["type": "TemplateProcessing", "single": .array(before + rest)],
        "model": ["type": "BPE", "vocab": ["a": 0, "b": 1]],
      ])
    }
    let found = try template(parts: 64).encode(
      Array("a".utf8), addSpecial: true, parseSpecial: false)
    #expect(found == [Int32](repeating: 2, count: 62) + [0, 1])
    let error = #expect(throws: VocabularyError.self) { try template(parts: 65) }
    #expect(error?.summary.contains("65 parts") == true, "\(error?.summary ?? "")")
  }

  /// Every id up to the highest has a row; ids with room between them are taken.
  @Test func idsFarBeyondTheTokensAreRefused() throws {
    func json(_ id: Int64, added: Int64) -> JSONValue {
      [
        "added_tokens": [["id": .integer(added), "content": "<u>", "special": true]],
        "model": ["type": "BPE", "vocab": ["a": 0, "zz": .integer(id)]],
      ]
    }
    #expect(try load(json(2, added: 100_000)).vocabularySize == 100_001)
    for (id, added) in [(16_777_215, 3), (2, 16_777_215), (-1, 3), (2, -1)] as [(Int64, Int64)] {
      #expect(throws: VocabularyError.self, "\(id), \(added)") { try load(json(id, added: added)) }
    }
  }
}
