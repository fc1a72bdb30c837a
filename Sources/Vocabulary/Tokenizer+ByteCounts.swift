extension Tokenizer {
  /// How many bytes of a text each of its tokens stands for.
  ///
  /// The tokens before and after every text stand for none, and neither does the space that some
  /// tokenizers put before a text.
  /// - Parameters:
  ///   - ids: what `encode` gave for the whole text, with the tokens before it, and with or without
  ///     those after it.
  ///   - text: the text.
  /// - Returns: a number for each token; nil where the tokens do not spell the text byte for byte,
  ///   because the tokenizer changes letters, or leaves out what it has no token for.
  package func byteCounts(of ids: [Int32], spelling text: [UInt8]) -> [UInt32]? {
    let end = ids.count - trailing.count
    if !trailing.isEmpty, end >= leading.count, ids[end...].elementsEqual(trailing),
      let counts = byteCounts(of: ids, endingAt: end, spelling: text)
    {
      return counts
    }
    return byteCounts(of: ids, endingAt: ids.count, spelling: text)
  }

  /// The same where the text's own tokens end at a place.
  private func byteCounts(
    of ids: [Int32], endingAt end: Int, spelling text: [UInt8]
  ) -> [UInt32]? {
    guard end >= leading.count, ids[..<leading.count].elementsEqual(leading) else { return nil }
    let own = leading.count..<end
    var counts = [UInt32](repeating: 0, count: ids.count)
    var surplus = ids[own].reduce(-text.count) { $0 + bytes(of: $1).count }
    var next = 0
    for index in own {
      var piece = bytes(of: ids[index])
      if surplus == 1, piece.first == 0x20 {
        piece = piece.dropFirst()
        surplus = 0
      }
      guard surplus == 0, piece.count <= text.count - next,
        text[next..<(next + piece.count)].elementsEqual(piece)
      else { return nil }
      counts[index] = UInt32(piece.count)
      next += piece.count
    }
    return next == text.count ? counts : nil
  }
}
