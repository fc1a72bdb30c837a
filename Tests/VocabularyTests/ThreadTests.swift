import Base
import Checkpoints
import Crypto
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Tokens do not depend on how many threads look for them, nor on where a text is cut for that.
@Suite struct ThreadTests {
  private static func digest(_ ids: [Int32]) -> String {
    var hash = SHA256()
    ids.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  /// Texts longer than several windows, without a boundary for long or with boundaries everywhere.
  private static let texts: [(name: String, bytes: [UInt8])] = {
    var generator = Generator(state: 11)
    func random(_ parts: [String], _ count: Int) -> [UInt8] {
      var bytes: [UInt8] = []
      while bytes.count < count {
        bytes += parts[Int(generator.next() % UInt64(parts.count))].utf8
      }
      return bytes
    }
    func run(_ part: String) -> [UInt8] {
      Array("start ".utf8) + Array(String(repeating: part, count: 150_000 / part.utf8.count).utf8)
        + Array("x end".utf8)
    }
    var invalid = random(["word ", "\n", "日本", "é", "12345"], 160_000)
    for _ in 0..<20_000 {
      invalid[Int(generator.next() % UInt64(invalid.count))] = UInt8(
        truncatingIfNeeded: generator.next())
    }
    return [
      ("spaces", run(" ")), ("newlines", run("\n")), ("digits", run("7")), ("letters", run("ab")),
      ("punctuation", run("!?")), ("kanji", run("語")),
      ("continuation bytes", [UInt8](repeating: 0x96, count: 150_000)),
      ("nothing", run("\0")),
      (
        "mixed",
        random(
          [
            "a", "B", "  ", " ", "\n", "\r\n", "\t", "'s", "'LL", "123", "4", ".", "é", "語", "🙂",
            "\u{2581}",
          ],
          200_000)
      ),
      (
        "words",
        random(
          ["it's ", "Hello ", "world\n", "1,234 ", "<|endoftext|>", "<s>", "don't\n\n"], 200_000)
      ),
      ("invalid", invalid),
    ]
  }()

  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
  }

  private static func patterns() throws -> [String] {
    let list = try JSONValue.read(
      contentsOf: References.file("formats/tokenizers/pretokenizers.json"))
    let all = try #require(list["pre_tokenizers"]?.array).flatMap {
      $0["patterns"]?.array?.compactMap(\.string) ?? []
    }
    return Set(all).sorted()
  }

  /// The windows' matches, joined, are those of one search through the whole text.
  @Test func windowsGiveTheMatchesOfOneSearch() throws {
    let patterns = try Self.patterns() + ["\\G.", "\\p{N}{1,3}", "(?<=a)b", "x"]
    try #require(patterns.count > 30)
    for source in patterns {
      let pattern = try Pattern(source, file: "test")
      for (name, text) in Self.texts {
        try text.withUnsafeBufferPointer { bytes in
          var expected: [Range<Int>] = []
          var failure: VocabularyError?
          do throws(VocabularyError) {
            try pattern.matches(in: bytes, from: 0, below: bytes.count, to: &expected)
          } catch { failure = error }
          // A search that gives up has no matches to compare.
          if failure != nil { return }
          for threads in [1, 3] {
            var found: [Range<Int>] = []
            try PatternScan(pattern: pattern, bytes: bytes, threads: threads)
              .forEach([0..<bytes.count]) { found += $1 }
            #expect(Self.same(found, expected), "\(source) in \(name), \(threads) threads")
          }
        }
      }
    }
  }

  private static func same(_ one: [Range<Int>], _ other: [Range<Int>]) -> Bool { one == other }

  private static func tokenizers() throws -> [(String, Tokenizer)] {
    var all: [(String, Tokenizer)] = []
    for name in ReferenceTests.vocabularies {
      guard let path = try References.shared("vocab/ggml-vocab-\(name).gguf") else { continue }
      all.append((name, try #require(try Tokenizer.load(from: Checkpoint.open(path)))))
    }
    for name in ReferenceTests.folders {
      let folder = References.file("Tests/VocabularyTests/Golden/\(name)")
      all.append((name, try #require(try Tokenizer.load(fromFolder: folder))))
    }
    return all
  }

  @Test func threadsDoNotChangeTokens() throws {
    for (vocabulary, tokenizer) in try Self.tokenizers() {
      for (name, text) in Self.texts {
        let expected = Result {
          Self.digest(try tokenizer.encode(text, addSpecial: true, parseSpecial: true))
        }
        for threads in [3, 7] {
          let found = Result {
            Self.digest(
              try tokenizer.encode(text, addSpecial: true, parseSpecial: true, threads: threads))
          }
          #expect(
            "\(found)" == "\(expected)", "\(vocabulary), \(name), \(threads) threads")
        }
      }
    }
  }

  /// Digests of the ids that llama-tokenize gives for wiki.test.tokens with --no-bos and
  /// --no-parse-special.
  static let wikitext: [(String, count: Int, sha256: String)] = [
    ("deepseek-llm", 315_657, "69bef726e75f4c5cb3f57fb5a51ed9d82beb2057a09c768dc22aeb86efb8798a"),
    ("falcon", 352_757, "e5f15f2dd65e1a876bdc958d655b325b751777ef3355f101bb7b7aec26bf5a44"),
    ("gpt-2", 295_877, "b707897cad36e76a01d81962b984f94ba225c85ada8d207f1f0ff3faedb56381"),
    ("llama-bpe", 299_667, "deeebcf61b2ade85712db4c7cedaf3e176381a759721060bb0aad01a669221dd"),
    ("llama-spm", 339_369, "e8324d4a2003907772c07b59372c72bab5f075c5d093b198bbf348fb50ffd6b9"),
    ("qwen2", 309_009, "a5792cfc10d724d77ca375f6484ed9fd12be3b59349715bfe1f7904fbed73f81"),
  ]

  @Test func wikitextWithEveryVocabulary() throws {
    guard let text = try References.shared("corpora/wiki.test.tokens") else { return }
    let bytes = Array(try #require(FileManager.default.contents(atPath: text)))
    for (name, count, sha256) in Self.wikitext {
      guard let path = try References.shared("vocab/ggml-vocab-\(name).gguf") else { return }
      let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(path)))
      for threads in [1, 2, 3, 7] {
        let ids = try tokenizer.encode(
          bytes, addSpecial: false, parseSpecial: false, threads: threads)
        #expect(ids.count == count && Self.digest(ids) == sha256, "\(name), \(threads) threads")
      }
    }
  }

  /// Special tokens stand where they stood, wherever threads take over from each other.
  @Test func specialTokensBetweenWords() throws {
    guard let path = try References.shared("vocab/ggml-vocab-gpt-2.gguf") else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(path)))
    let end = Array("<|endoftext|>".utf8)
    let id = try #require(try tokenizer.encode(end, addSpecial: false, parseSpecial: true).first)
    var generator = Generator(state: 5)
    var text: [UInt8] = []
    var expected: [Int32] = []
    for _ in 0..<20_000 {
      let words = ["", "a b", "Hello world\n", " 12345", "\n\n"]
      let word = Array(words[Int(generator.next() % 5)].utf8)
      text += word + end
      expected += try tokenizer.encode(word, addSpecial: false, parseSpecial: false) + [id]
    }
    for threads in [1, 2, 3, 7] {
      let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: true, threads: threads)
      #expect(Self.digest(ids) == Self.digest(expected), "\(threads) threads")
    }
  }
}
