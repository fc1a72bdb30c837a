import Base

extension Tokenizer {
  /// Token ids of a text.
  /// - Parameters:
  ///   - text: its bytes.
  ///   - addSpecial: add BOS and EOS as the tokenizer declares.
  ///   - parseSpecial: control tokens in the text count as such; user-defined ones always do.
  ///   - threads: never changes a token.
  /// - Returns: the ids in the order of the text.
  /// - Throws: `VocabularyError` for a text that the tokenizer cannot take.
  package func encode(
    _ text: [UInt8], addSpecial: Bool, parseSpecial: Bool, threads: Int = 1
  ) throws(VocabularyError) -> [Int32] {
    let tokens = try encode(
      text, controlsIn: parseSpecial ? [0..<text.count] : [], threads: threads)
    return addSpecial ? leading + tokens + trailing : tokens
  }

  /// Token ids of a text, without what stands before and after one.
  /// - Parameters:
  ///   - text: its bytes.
  ///   - ranges: the bytes in which control tokens count as such, ascending.
  ///   - threads: never changes a token.
  /// - Returns: the ids in the order of the text.
  /// - Throws: `VocabularyError` for a text that the tokenizer cannot take.
  func encode(
    _ text: [UInt8], controlsIn ranges: [Range<Int>], threads: Int
  ) throws(VocabularyError) -> [Int32] {
    let prepared = PreparedText(text, special.partition(text, controlsIn: ranges)) {
      text, followsSpecial, isFirst in
      if case .wordPieces = algorithm { return WordPieceEncoder.words(text) }
      return normalizer.apply(text, followsSpecial: followsSpecial, isFirst: isFirst)
    }
    var tokens: [Int32] = []
    switch algorithm {
    case .bytePairs(let encoder, let preTokenizer):
      try prepared.encode(by: encoder, preTokenizer, threads: threads, to: &tokens)
    case .sentencePiece(let encoder):
      try prepared.encode(by: encoder, PreTokenizer(steps: []), threads: threads, to: &tokens)
    case .wordPieces(let encoder, let preTokenizer):
      try prepared.encode(by: encoder, preTokenizer, threads: threads, to: &tokens)
    }
    return tokens
  }
}

/// A text between its special tokens, normalized.
private struct PreparedText {
  /// Bytes of words that a thread encodes at a time.
  private static let unitSize = 1 << 14

  private var bytes: [UInt8] = []
  /// The texts between special tokens.
  private var fragments: [Range<Int>] = []
  /// Where each stands in the text as it was given.
  private var origins: [Range<Int>] = []
  /// Special tokens, and the place in `bytes` before which each stands.
  private var specials: [(place: Int, id: Int32)] = []

  init(
    _ text: [UInt8], _ parts: [SpecialTokens.Fragment],
    normalize: (_ text: ArraySlice<UInt8>, _ followsSpecial: Bool, _ isFirst: Bool) -> [UInt8]
  ) {
    var followsSpecial = true
    for part in parts {
      switch part {
      case .token(let id):
        specials.append((bytes.count, id))
        followsSpecial = true
      case .text(let range):
        let start = bytes.count
        bytes += normalize(text[range], followsSpecial, range.lowerBound == 0)
        fragments.append(start..<bytes.count)
        origins.append(range)
        followsSpecial = false
      }
    }
  }

  /// Appends the tokens: words first, then the tokens of each.
  func encode<Encoder: WordEncoder>(
    by encoder: Encoder, _ preTokenizer: PreTokenizer, threads: Int, to output: inout [Int32]
  ) throws(VocabularyError) {
    var last = -1
    try bytes.span.withUnsafeBufferPointer { (bytes) throws(VocabularyError) in
      var words: [Range<Int>]
      do throws(VocabularyError) {
        words = try preTokenizer.split(fragments, of: bytes, threads: threads)
      } catch {
        throw error.moved { origin(of: $0) }
      }
      if let cuts = encoder.cuts {
        var parts: [Range<Int>] = []
        parts.reserveCapacity(bytes.count / 4)
        for word in words { cuts.split(bytes, word, to: &parts) }
        words = parts
      }
      last = words.last?.lowerBound ?? -1
      let units = Self.units(words)
      let results = encode(words, units, of: bytes, by: encoder, threads: threads)
      output.reserveCapacity(
        output.count + specials.count
          + results.reduce(1) { $0 + ((try? $1.get().count) ?? 0) })
      for result in results { output += try result.get() }
    }
    for special in specials where special.place > last { output.append(special.id) }
  }

  /// The place in the text as it was given of a place in `bytes`; about it, where what stands before
  /// it between special tokens was normalized.
  private func origin(of place: Int) -> Int {
    guard let index = fragments.lastIndex(where: { $0.lowerBound <= place }) else { return place }
    let origin = origins[index]
    return min(origin.lowerBound + place - fragments[index].lowerBound, origin.upperBound)
  }

  /// Runs of words.
  private static func units(_ words: [Range<Int>]) -> [Range<Int>] {
    var units: [Range<Int>] = []
    var first = 0
    for (index, word) in words.enumerated()
    where word.upperBound - words[first].lowerBound >= unitSize {
      units.append(first..<(index + 1))
      first = index + 1
    }
    if first < words.count { units.append(first..<words.count) }
    return units
  }

  /// The tokens of each unit, special tokens before its words included.
  private func encode<Encoder: WordEncoder>(
    _ words: [Range<Int>], _ units: [Range<Int>], of bytes: UnsafeBufferPointer<UInt8>,
    by encoder: Encoder, threads: Int
  ) -> [Result<[Int32], VocabularyError>] {
    let workers = max(1, min(threads, units.count))
    var results = [Result<[Int32], VocabularyError>](repeating: .success([]), count: units.count)
    var caches = [WordCache](repeating: WordCache(), count: workers)
    var mergers = [PairMerger](repeating: PairMerger(), count: workers)
    results.withUnsafeMutableBufferPointer { results in
      caches.withUnsafeMutableBufferPointer { caches in
        mergers.withUnsafeMutableBufferPointer { mergers in
          nonisolated(unsafe) let (results, caches, mergers) = (results, caches, mergers)
          nonisolated(unsafe) let bytes = bytes
          Parallel.forEach(count: units.count, threads: workers) { index, worker in
            results[index] = Result { () throws(VocabularyError) in
              try encode(
                words, units[index], of: bytes, by: encoder, &caches[worker], &mergers[worker])
            }
          }
        }
      }
    }
    return results
  }

  private func encode<Encoder: WordEncoder>(
    _ words: [Range<Int>], _ unit: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>,
    by encoder: Encoder, _ cache: inout WordCache, _ merger: inout PairMerger
  ) throws(VocabularyError) -> [Int32] {
    var tokens: [Int32] = []
    tokens.reserveCapacity(2 * unit.count)
    var special =
      unit.lowerBound == 0 ? 0 : firstSpecial(after: words[unit.lowerBound - 1].lowerBound)
    for word in words[unit] {
      while special < specials.count, specials[special].place <= word.lowerBound {
        tokens.append(specials[special].id)
        special += 1
      }
      try cache.encode(word, of: bytes, to: &tokens) {
        (word, tokens) throws(VocabularyError) in
        try merger.encode(word, by: encoder, to: &tokens)
      }
    }
    return tokens
  }

  /// The index of the first special token that stands after a place.
  private func firstSpecial(after place: Int) -> Int {
    var (low, high) = (0, specials.count)
    while low < high {
      let middle = (low + high) / 2
      if specials[middle].place <= place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
