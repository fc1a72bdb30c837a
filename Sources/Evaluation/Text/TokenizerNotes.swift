import Foundation
import Synchronization
import Vocabulary

/// What makes the tokens of a text worth less than they seem; they are scored all the same.
package enum TokenizerNotes {
  private static let observer = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// Calls `told` with a sentence wherever a text is tokenized and there is something to say, which
  /// may be the same for several texts.
  package static func observe(_ told: @escaping @Sendable (String) -> Void) {
    observer.withLock { $0 = told }
  }

  /// Tells what there is to say of a text.
  /// - Parameters:
  ///   - text: its bytes.
  ///   - name: what messages call it; `-` is standard input.
  ///   - ids: its tokens.
  ///   - tokenizer: which gave them.
  package static func tell(
    of text: some Sequence<UInt8>, named name: String, as ids: [Int32], by tokenizer: Tokenizer
  ) {
    guard let told = observer.withLock({ $0 }) else { return }
    let bytes = Array(text)
    let name = InputFile.name(of: name)
    if bytes.starts(with: byteOrderMark) {
      told(
        "\(name): begins with a UTF-8 byte order mark, which is taken for text; without its first"
          + " three bytes the text is what it seems")
    }
    if let end = tokenizer.eos, tokenizer.addsEOS, ids.last != end {
      let text = String(decoding: tokenizer.decode([end]), as: UTF8.self)
      told(
        "\(tokenizer.file): puts '\(text)' after every text: here it is no part of a text, neither"
          + " scored nor at the end of a prompt")
    }
    if let token = tokenizer.firstFoundOtherwise(in: ids) {
      let text = String(decoding: tokenizer.decode([token]), as: UTF8.self)
      told(
        "\(name): has '\(text)', which \(tokenizer.file) finds as a whole word alone or as its normalizer"
          + " spells it (single_word, normalized); here it is found wherever it is spelled")
    }
    let coverage = tokenizer.coverage(of: bytes, as: ids)
    for sentence in sentences(coverage, name, tokenizer) { told(sentence) }
  }

  /// Tells a sentence.
  static func tell(_ sentence: String) {
    if let told = observer.withLock({ $0 }) { told(sentence) }
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// What is taken for granted of a tokenizer whose file does not say it all; nil where nothing is.
  package static func assumption(of tokenizer: Tokenizer) -> String? {
    tokenizer.assumedPreTokenizer.map {
      "\(tokenizer.file): states no pre-tokenizer (tokenizer.ggml.pre): '\($0)' is taken,"
        + " which may cut words elsewhere than the model was trained with"
    }
  }

  private static func sentences(
    _ coverage: TokenCoverage, _ name: String, _ tokenizer: Tokenizer
  ) -> [String] {
    var sentences: [String] = []
    if let assumption = assumption(of: tokenizer) { sentences.append(assumption) }
    if 2 * coverage.fallbacks > coverage.tokens {
      let share = 100 * Double(coverage.fallbacks) / Double(coverage.tokens)
      sentences.append(
        "\(name): \(String(format: "%.1f", share)) % of its tokens are unknown or single bytes: the"
          + " vocabulary of \(tokenizer.file) is of other texts")
    }
    if coverage.leftOut > 0 {
      sentences.append(
        "\(name): \(coverage.leftOut) bytes have no token in \(tokenizer.file) and are left out")
    }
    return sentences
  }
}
