import Base
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Special tokens against the plainest way to find them: try each at every place.
@Suite struct SpecialTokenTests {
  private struct Added {
    let id: Int32
    let text: String
    let isSpecial: Bool
    let stripsLeft: Bool
    let stripsRight: Bool

    var bytes: String.UTF8View { text.utf8 }
  }

  private static let letters = ["a", "b", " ", "\n", "\u{E9}"]

  /// A tokenizer that spells what is no added token by characters.
  private func tokenizer(_ added: [Added]) throws -> Tokenizer {
    let tokens = added.map { token -> JSONValue in
      [
        "id": .integer(Int64(token.id)), "content": .string(token.text),
        "special": .bool(token.isSpecial), "lstrip": .bool(token.stripsLeft),
        "rstrip": .bool(token.stripsRight), "single_word": false, "normalized": false,
      ]
    }
    let vocabulary = Self.letters.enumerated().map { id, letter in
      JSONMember(key: letter, value: .integer(Int64(id)))
    }
    let none: [JSONValue] = []
    let json: JSONValue = [
      "added_tokens": .array(tokens),
      "model": ["type": "BPE", "vocab": .members(vocabulary), "merges": .array(none)],
    ]
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try json.serialized(pretty: true).write(
      toFile: "\(work)/tokenizer.json", atomically: true, encoding: .utf8)
    return try #require(try Tokenizer.load(fromFolder: work))
  }

  /// Leftmost first, then the longest, then the first of equal ones.
  private func plain(_ text: [UInt8], _ added: [Added], includesSpecial: Bool) -> [Int32] {
    var ids: [[UInt8]: Int32] = [:]
    for (id, letter) in Self.letters.enumerated() { ids[Array(letter.utf8)] = Int32(id) }
    // As everywhere in a vocabulary, the last of equal texts stands for it.
    for token in added { ids[Array(token.bytes)] = token.id }
    var result: [Int32] = []
    func spell(_ range: Range<Int>) {
      for scalar in String(decoding: text[range], as: UTF8.self).unicodeScalars {
        result.append(ids[Array(String(scalar).utf8)] ?? -1)
      }
    }
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A }
    var start = 0
    var index = 0
    while index < text.count {
      var best: Added?
      for token in added where includesSpecial || !token.isSpecial {
        let isLonger = token.bytes.count > (best?.bytes.count ?? 0)
        if isLonger, text[index...].starts(with: token.bytes) { best = token }
      }
      guard let best else {
        index += 1
        continue
      }
      var end = index
      if best.stripsLeft { while end > start, isSpace(text[end - 1]) { end -= 1 } }
      spell(start..<end)
      result.append(best.id)
      index += best.bytes.count
      if best.stripsRight { while index < text.count, isSpace(text[index]) { index += 1 } }
      start = index
    }
    spell(start..<text.count)
    return result
  }

  @Test func addedTokensOnRandomTexts() throws {
    var state: UInt64 = 17
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    func letters(_ count: Int) -> String {
      (0..<count).map { _ in Self.letters[random(Self.letters.count)] }.joined()
    }
    for round in 0..<40 {
      // Few letters, so that tokens begin, end and hold each other, and some are equal.
      let added = (0..<random(25)).map { number in
        Added(
          id: Int32(Self.letters.count + number), text: letters(1 + random(6)),
          isSpecial: random(2) == 0, stripsLeft: random(3) == 0, stripsRight: random(3) == 0)
      }
      let tokenizer = try tokenizer(added)
      for _ in 0..<50 {
        let text = Array(letters(random(60)).utf8)
        for includesSpecial in [false, true] {
          let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: includesSpecial)
          #expect(
            ids == plain(text, added, includesSpecial: includesSpecial), "round \(round): \(text)")
        }
      }
    }
  }

  /// Tokens that a text nearly spells at each place.
  @Test func longTokensThatAlmostBegin() throws {
    let added = (1..<200).map { length in
      Added(
        id: Int32(Self.letters.count + length), text: String(repeating: "a", count: length) + "b",
        isSpecial: false, stripsLeft: length % 2 == 0, stripsRight: length % 3 == 0)
    }
    let tokenizer = try tokenizer(added)
    for text in ["aaaa", "aab b aaab \n ab", "b"] {
      let whole = String(repeating: "a", count: 150) + text + String(repeating: "a", count: 250)
      for text in [whole, whole + "b"] {
        let bytes = Array(text.utf8)
        let ids = try tokenizer.encode(bytes, addSpecial: false, parseSpecial: false)
        #expect(ids == plain(bytes, added, includesSpecial: false), "\(text)")
      }
    }
  }

  /// A token that takes in white space, U+00A0 and U+3000 too, as the `tokenizers` package does.
  @Test func unicodeWhiteSpace() throws {
    let token = Added(id: 5, text: "<x>", isSpecial: true, stripsLeft: true, stripsRight: true)
    let tokenizer = try tokenizer([token])
    let text = Array("a\u{A0} <x>\u{3000}\u{85}b".utf8)
    #expect(try tokenizer.encode(text, addSpecial: false, parseSpecial: true) == [0, 5, 1])
  }

  /// Tokens that the rules of their file find at other places are known.
  @Test(arguments: ["single_word", "normalized"])
  func rulesThatAreNotComputed(rule: String) throws {
    let prepend: JSONValue = ["type": "Prepend", "prepend": "\u{2581}"]
    for isSpecial in [false, true] {
      let token: JSONValue = [
        "id": 1, "content": "b", "special": .bool(isSpecial),
        "single_word": .bool(rule == "single_word"), "normalized": .bool(rule == "normalized"),
      ]
      let json: JSONValue = [
        "added_tokens": .array([token]), "normalizer": prepend,
        "model": ["type": "BPE", "vocab": ["a": 0, "b": 1]],
      ]
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      try json.serialized(pretty: true).write(
        toFile: "\(work)/tokenizer.json", atomically: true, encoding: .utf8)
      let tokenizer = try #require(try Tokenizer.load(fromFolder: work))
      // Published files have special tokens that are normalized.
      let isTold = !(isSpecial && rule == "normalized")
      #expect(tokenizer.firstFoundOtherwise(in: [0, 1]) == (isTold ? 1 : nil))
      #expect(tokenizer.firstFoundOtherwise(in: [0, 0]) == nil)
    }
  }
}
