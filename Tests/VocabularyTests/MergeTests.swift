import Checkpoints
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Merges against the plainest way to do them: look at all pairs, merge the best, begin again.
@Suite struct MergeTests {
  /// SentencePiece's rule on a text whose spaces are escaped, in a vocabulary with all byte tokens.
  private struct PlainSentencePiece {
    var ids: [[UInt8]: Int32] = [:]
    var scores: [Float] = []
    var bytes: [Int32] = []

    func encode(_ text: [UInt8]) -> [Int32] {
      var symbols: [[UInt8]] = []
      var index = 0
      while index < text.count {
        let length =
          switch text[index] {
          case 0xC0...0xDF: 2
          case 0xE0...0xEF: 3
          case 0xF0...0xF7: 4
          default: 1
          }
        let end = min(index + length, text.count)
        symbols.append(Array(text[index..<end]))
        index = end
      }
      while true {
        var best: (score: Float, index: Int)?
        for index in symbols.indices.dropLast() {
          guard let id = ids[symbols[index] + symbols[index + 1]] else { continue }
          if best.map({ scores[Int(id)] > $0.score }) ?? true { best = (scores[Int(id)], index) }
        }
        guard let best else { break }
        symbols[best.index] += symbols.remove(at: best.index + 1)
      }
      return symbols.flatMap { symbol in
        ids[symbol].map { [$0] } ?? symbol.map { bytes[Int($0)] }
      }
    }
  }

  @Test func sentencePieceOnRandomTexts() throws {
    var state: UInt64 = 3
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let letters = ["a", "b", "\u{2581}", "é", "…", "\n"]
    for round in 0..<20 {
      var texts = ["<unk>", "<s>", "</s>"]
      var plain = PlainSentencePiece()
      for byte in 0..<256 { texts.append(String(format: "<0x%02X>", byte)) }
      plain.bytes = (0..<256).map { Int32($0 + 3) }
      texts += letters.prefix(3 + round % 4)
      // Tokens with a space inside or at the end, some of which no merge can reach.
      for _ in 0..<40 {
        let token = (0..<(2 + random(4))).map { _ in letters[random(letters.count)] }.joined()
        if !texts.contains(token) { texts.append(token) }
      }
      // Few distinct scores: equal ones merge from the left.
      plain.scores = texts.map { _ in Float(random(7)) - 3 }
      for (id, text) in texts.enumerated() { plain.ids[Array(text.utf8)] = Int32(id) }
      let kinds = texts.indices.map { Int32($0 == 0 ? 2 : $0 < 3 ? 3 : $0 < 259 ? 6 : 1) }
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      _ = try GGUFWriter.write(
        to: "\(work)/x.gguf",
        metadata: [
          "general.architecture": .string("llama"), "tokenizer.ggml.model": .string("llama"),
          "tokenizer.ggml.tokens": .array(.strings(texts)),
          "tokenizer.ggml.scores": .array(.floats(plain.scores)),
          "tokenizer.ggml.token_type": .array(.int32(kinds)),
          "tokenizer.ggml.add_space_prefix": .bool(false),
        ], tensors: [], force: false, inputs: [])
      let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/x.gguf")))
      for _ in 0..<300 {
        var text: [UInt8] = []
        for _ in 0..<random(40) {
          if random(12) == 0 {
            text.append([0xE2, 0x96, 0xC3, 0x81, 0xFF, 0xA9][random(6)])
          } else {
            text += letters[random(letters.count)].utf8
          }
        }
        let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        #expect(ids == plain.encode(text), "round \(round): \(text)")
      }
    }
  }
}
