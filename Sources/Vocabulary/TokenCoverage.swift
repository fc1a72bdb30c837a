/// What of a text a vocabulary has no token of its own for.
package struct TokenCoverage: Sendable, Equatable {
  /// Tokens of the text.
  package let tokens: Int
  /// Of those, the unknown token and single bytes of characters that the vocabulary lacks.
  package let fallbacks: Int
  /// Bytes that no token stands for: they are left out.
  package let leftOut: Int
}

extension Tokenizer {
  /// The first of some ids whose token the rules of its file find at other places than where it is
  /// spelled; nil where there is none.
  package func firstFoundOtherwise(in ids: [Int32]) -> Int32? {
    let others = Set(special.entries.lazy.filter(\.isFoundOtherwise).map(\.id))
    return others.isEmpty ? nil : ids.first(where: others.contains)
  }

  /// How well the vocabulary covers a text that `encode` gave these ids.
  package func coverage(of text: [UInt8], as ids: [Int32]) -> TokenCoverage {
    let unknown = unknownToken
    let fallbacks = ids.count { id in
      guard table.kinds.indices.contains(Int(id)) else { return false }
      return id == unknown || table.isFallback(Int(id))
    }
    var isLeftOut = [Bool](repeating: false, count: 256)
    for byte in bytesLeftOut { isLeftOut[Int(byte)] = true }
    let leftOut = text.count { isLeftOut[Int($0)] }
    return TokenCoverage(tokens: ids.count, fallbacks: fallbacks, leftOut: leftOut)
  }

  /// Bytes that `encode` leaves out.
  var bytesLeftOut: [UInt8] {
    guard case .bytePairs(let encoder, _) = algorithm else { return [] }
    return encoder.bytesLeftOut
  }

  private var unknownToken: Int32? {
    switch algorithm {
    case .bytePairs: stored.unknown
    case .sentencePiece(let encoder): encoder.unknown
    case .wordPieces(let encoder, _): encoder.unknown
    }
  }

  /// The pre-tokenizer taken for a GGUF file that states none; nil where it states one or needs none.
  package var assumedPreTokenizer: String? {
    guard case .bytePairs = algorithm, preTokenizer == nil, !stored.metadata.isEmpty else {
      return nil
    }
    return NamedPreTokenizer.assumed
  }

  /// How many ids stand for other bytes in another tokenizer; rows without a token of their own do
  /// not count.
  package func differingTokens(from other: Tokenizer) -> Int {
    (0..<min(table.count, other.table.count)).count { id in
      guard table.kinds[id] != .unused, other.table.kinds[id] != .unused else { return false }
      return decode([Int32(id)]) != other.decode([Int32(id)])
    }
  }
}

extension TokenTable {
  /// Whether a token is a single byte that stands for no whole character. White space does not count,
  /// although some vocabularies spell it as a byte.
  fileprivate func isFallback(_ id: Int) -> Bool {
    if kinds[id] == .byte {
      return Self.byte(of: texts.bytes[id]).map { $0 != 0x20 && !(0x09...0x0D).contains($0) }
        ?? false
    }
    let range = bytes.range(of: id)
    return range.count == 1 && bytes.bytes[range.lowerBound] >= 0x80
  }
}
