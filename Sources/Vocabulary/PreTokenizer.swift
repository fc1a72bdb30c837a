import Base
import Checkpoints

/// Cuts a text into the words within which byte-pair merges happen.
struct PreTokenizer: Sendable {
  /// One pass over all pieces so far.
  struct Step: Sendable {
    let pattern: Pattern
    /// What becomes of the text between matches: a piece of its own, or nothing.
    let keepsGaps: Bool
    /// What becomes of the matches.
    let keepsMatches: Bool
  }

  var steps: [Step]

  /// The pieces of texts, in order.
  func split(
    _ texts: [Range<Int>], of bytes: UnsafeBufferPointer<UInt8>, threads: Int
  ) throws(VocabularyError) -> [Range<Int>] {
    var pieces = texts
    for step in steps {
      var next: [Range<Int>] = []
      next.reserveCapacity(2 * pieces.count)
      let scan = PatternScan(pattern: step.pattern, bytes: bytes, threads: threads)
      try scan.forEach(pieces) { piece, matches in
        var last = piece.lowerBound
        for match in matches {
          if match.lowerBound > last, step.keepsGaps { next.append(last..<match.lowerBound) }
          if !match.isEmpty, step.keepsMatches { next.append(match) }
          last = match.upperBound
        }
        if last < piece.upperBound, step.keepsGaps { next.append(last..<piece.upperBound) }
      }
      pieces = next
    }
    return pieces
  }
}

/// A pre-tokenizer of `formats/tokenizers/pretokenizers.json`: the patterns behind one or more names
/// of `tokenizer.ggml.pre`, applied one after another, and what else the name implies.
struct NamedPreTokenizer: Sendable {
  let names: [String]
  let patterns: [String]
  /// A word that is a token is taken whole, whatever the merges.
  let ignoresMerges: Bool
  let addsBOS: Bool
  let addsEOS: Bool
  /// Spaces become U+2581 first.
  let escapesSpaces: Bool
  /// Tokens are spelled in GPT-2's byte alphabet rather than as plain UTF-8.
  let isByteLevel: Bool

  static func all() throws -> [NamedPreTokenizer] {
    let file = "tokenizers/pretokenizers.json"
    let list = try FormatResources.json(file)["pre_tokenizers"]?.array ?? []
    return try list.map { entry in
      guard let names = entry["names"]?.array?.compactMap(\.string), !names.isEmpty,
        let patterns = entry["patterns"]?.array?.compactMap(\.string)
      else {
        throw FormatError.invalid(
          file: file, place: "pre_tokenizers", problem: "expected names and patterns")
      }
      return NamedPreTokenizer(
        names: names, patterns: patterns, ignoresMerges: entry["ignore_merges"]?.bool ?? false,
        addsBOS: entry["add_bos"]?.bool ?? false, addsEOS: entry["add_eos"]?.bool ?? false,
        escapesSpaces: entry["escape_spaces"]?.bool ?? false,
        isByteLevel: entry["byte_level"]?.bool ?? true)
    }
  }

  /// The pre-tokenizer of a name; a missing name means `default`.
  static func named(_ name: String?, file: String) throws -> NamedPreTokenizer {
    let wanted = name ?? "default"
    guard let known = try all().first(where: { $0.names.contains(wanted) }) else {
      throw VocabularyError.unknownPreTokenizer(file: file, name: wanted)
    }
    return known
  }

  func preTokenizer(file: String) throws -> PreTokenizer {
    PreTokenizer(
      steps: try patterns.map {
        .init(pattern: try Pattern($0, file: file), keepsGaps: true, keepsMatches: true)
      })
  }
}
