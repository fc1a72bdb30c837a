/// A piece of the text that a model reads.
package struct PromptPart: Sendable {
  let bytes: [UInt8]
  /// Whether control tokens in it count as such.
  let isMarked: Bool

  /// What somebody wrote: control tokens in it are ordinary characters.
  package static func plain(_ text: some Sequence<UInt8>) -> PromptPart {
    PromptPart(bytes: Array(text), isMarked: false)
  }

  /// What a format writes, or somebody who knows it: control tokens in it count as such.
  package static func marked(_ text: some Sequence<UInt8>) -> PromptPart {
    PromptPart(bytes: Array(text), isMarked: true)
  }
}

/// Every text that a model reads becomes ids here. Its parts are encoded together: alone, each would
/// get the space that some tokenizers put before a text, and letters at its ends would not join
/// their neighbours.
extension Tokenizer {
  /// Token ids of a text that is continued, or scored: with what stands before a text, where it does
  /// not begin with that itself, and without what stands after one, which would be no part of it.
  /// - Parameters:
  ///   - parts: what the text is made of, in order.
  ///   - threads: never changes a token.
  /// - Returns: the ids of the whole text.
  /// - Throws: `VocabularyError` for a text that the tokenizer cannot take.
  package func encode(
    prompt parts: [PromptPart], threads: Int = 1
  ) throws(VocabularyError) -> [Int32] {
    var text: [UInt8] = []
    text.reserveCapacity(parts.reduce(0) { $0 + $1.bytes.count })
    var marked: [Range<Int>] = []
    for part in parts where !part.bytes.isEmpty {
      let start = text.count
      text += part.bytes
      guard part.isMarked else { continue }
      if let last = marked.last, last.upperBound == start {
        marked[marked.count - 1] = last.lowerBound..<text.count
      } else {
        marked.append(start..<text.count)
      }
    }
    let tokens = try encode(text, controlsIn: marked, threads: threads)
    let begins = marked.first?.lowerBound == 0 && tokens.starts(with: leading)
    return begins ? tokens : leading + tokens
  }

  /// Token ids of a prompt and of what follows it, encoded as one text.
  /// - Parameters:
  ///   - parts: what the prompt is made of, in order.
  ///   - continuation: what follows; control tokens in it are ordinary characters.
  /// - Returns: the ids of the whole text in two: those of the continuation begin with the token that
  ///   its first byte is part of, which may begin in the prompt.
  /// - Throws: `VocabularyError` for a text that the tokenizer cannot take.
  package func encode(
    prompt parts: [PromptPart], continuation: [UInt8]
  ) throws(VocabularyError) -> (prompt: [Int32], continuation: [Int32]) {
    let whole = try encode(prompt: parts + [.plain(continuation)])
    var cut = whole.count
    var size = 0
    while cut > 0, size < continuation.count {
      cut -= 1
      size += bytes(of: whole[cut]).count
    }
    if !decode(Array(whole[cut...])).suffix(continuation.count).elementsEqual(continuation) {
      // The tokens do not spell the text: what the prompt alone has too is its own.
      let prompt = try encode(prompt: parts)
      cut = 0
      while cut < min(whole.count, prompt.count), whole[cut] == prompt[cut] { cut += 1 }
    }
    return (Array(whole[..<cut]), Array(whole[cut...]))
  }
}
