import Base

/// Why two tokenizers may make other tokens of a text, although their ids stand for the same texts.
package enum TokenizerDifference: Sendable, Equatable {
  /// The first merge that is another one, counted from 0; nil for a list that has ended.
  case merge(place: Int, first: MergedPair?, second: MergedPair?)
  /// Two tokens of which the first tokenizer makes the one sooner, the second the other.
  case order(sooner: String, later: String)
  /// The names of the pre-tokenizers; nil for one that has none.
  case preTokenizer(first: String?, second: String?)
  /// What happens to a text before it is encoded.
  case normalizer
  /// The first token that is found in a text by other rules, or as a token of its own in one alone.
  case addedToken(text: String, id: Int32)
  /// A text that gets other tokens, where GGUF and tokenizer.json state the rules in different ways.
  case tokens(DifferentTokens)

  /// What a merge joins.
  package struct MergedPair: Sendable, Equatable {
    package let left: String
    package let right: String

    package init(left: String, right: String) {
      self.left = left
      self.right = right
    }
  }

  /// In words that go on with "different tokenizers: ".
  package var text: String {
    switch self {
    case .merge(let place, let first, let second):
      "merge \(place) joins \(Self.shown(first)) in the first and \(Self.shown(second)) in the"
        + " second"
    case .order(let sooner, let later):
      "\(quoted(sooner)) is made before \(quoted(later)) in the first and after it in the second"
    case .preTokenizer(let first, let second):
      "the pre-tokenizer is \(Self.shown(first)) in the first and \(Self.shown(second)) in the"
        + " second"
    case .normalizer: "texts are changed in other ways before they are encoded"
    case .addedToken(let text, let id):
      "token \(id), \(quoted(text)), is found in texts by other rules"
    case .tokens(let tokens): tokens.words()
    }
  }

  private static func shown(_ pair: MergedPair?) -> String {
    pair.map { "\(quoted($0.left)) and \(quoted($0.right))" } ?? "nothing"
  }

  private static func shown(_ name: String?) -> String {
    name.map { quoted($0) } ?? "one without a name"
  }
}

extension Tokenizer {
  /// What may make other tokens of a text than another tokenizer whose ids stand for the same
  /// texts: the first of merges, pre-tokenizer, normalizer and added tokens that differs. Chat
  /// templates and what stands around a text do not count.
  ///
  /// What GGUF and tokenizer.json state in different ways is compared within one of them, and else by
  /// the tokens of a number of texts.
  package func difference(from other: Tokenizer) -> TokenizerDifference? {
    if let difference = mergeDifference(from: other) ?? preTokenizerDifference(from: other) {
      return difference
    }
    guard isGGUF == other.isGGUF else {
      return differentTokens(from: other).map { .tokens($0) }
    }
    guard normalizer == other.normalizer else { return .normalizer }
    let common = min(table.count, other.table.count)
    guard let entry = special.firstDifference(from: other.special, below: common) else {
      return nil
    }
    return .addedToken(text: String(decoding: entry.bytes, as: UTF8.self), id: entry.id)
  }

  private var isGGUF: Bool { !stored.metadata.isEmpty }

  private func mergeDifference(from other: Tokenizer) -> TokenizerDifference? {
    switch (algorithm, other.algorithm) {
    case (.bytePairs(let own, _), .bytePairs(let others, _)):
      own.mergeDifference(from: others)
    case (.sentencePiece, .sentencePiece): table.orderDifference(from: other.table)
    default: nil
    }
  }

  private func preTokenizerDifference(from other: Tokenizer) -> TokenizerDifference? {
    guard case .bytePairs(_, let own) = algorithm,
      case .bytePairs(_, let others) = other.algorithm,
      !own.isSame(as: others)
    else { return nil }
    // One pre-tokenizer may be written as several patterns, so those with a name are compared by it.
    let (names, otherNames) = (preTokenizerNames, other.preTokenizerNames)
    let differs =
      names.isEmpty || otherNames.isEmpty
      ? isGGUF == other.isGGUF : names.isDisjoint(with: otherNames)
    return differs
      ? .preTokenizer(
        first: preTokenizer ?? assumedPreTokenizer,
        second: other.preTokenizer ?? other.assumedPreTokenizer) : nil
  }

  /// Every name of GGUF for the pre-tokenizer.
  private var preTokenizerNames: Set<String> {
    guard isGGUF else { return Set(stored.preTokenizers) }
    let named = try? NamedPreTokenizer.named(preTokenizer, file: file)
    return Set(named?.names ?? [])
  }
}

extension PreTokenizer {
  /// Whether the steps of another one are the same.
  fileprivate func isSame(as other: PreTokenizer) -> Bool {
    steps.count == other.steps.count
      && zip(steps, other.steps).allSatisfy { one, other in
        one.pattern.source == other.pattern.source && one.behavior == other.behavior
          && one.inverts == other.inverts && one.readsAlphabet == other.readsAlphabet
      }
  }
}

extension TokenTable {
  /// Two tokens whose scores stand the other way round in another table.
  fileprivate func orderDifference(from other: TokenTable) -> TokenizerDifference? {
    // Converters give the lowest score to tokens that nothing merges to: their order says nothing.
    let lowest = scores.min() ?? 0
    let otherLowest = other.scores.min() ?? 0
    let ids = (0..<min(count, other.count)).filter { id in
      kinds[id] == .normal && other.kinds[id] == .normal
        && scores[id] > lowest && other.scores[id] > otherLowest
    }.sorted { one, two in
      scores[one] != scores[two] ? scores[one] > scores[two] : one < two
    }
    for (one, two) in zip(ids, ids.dropFirst())
    where scores[one] > scores[two] && other.scores[one] < other.scores[two] {
      return .order(sooner: texts[one], later: texts[two])
    }
    return nil
  }
}
