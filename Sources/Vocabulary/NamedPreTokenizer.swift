import Base

/// A pre-tokenizer of `formats/tokenizers/pretokenizers.json`: the patterns that one or more names stand for
/// of `tokenizer.ggml.pre`, applied one after another, and what else the name implies.
package struct NamedPreTokenizer: Sendable {
  package let names: [String]
  let patterns: [String]
  /// A word that is a token is taken whole, whatever the merges.
  let ignoresMerges: Bool
  /// A run of line feeds that is a token is taken whole.
  let takesLineFeedsWhole: Bool
  let addsBOS: Bool
  let addsEOS: Bool
  /// Spaces become U+2581 first.
  let escapesSpaces: Bool
  /// Tokens are spelled in GPT-2's byte alphabet rather than as plain UTF-8.
  let isByteLevel: Bool

  package enum Key: String, CaseIterable {
    case names, patterns
    case ignoresMerges = "ignore_merges"
    case takesLineFeedsWhole = "whole_line_feeds"
    case addsBOS = "add_bos"
    case addsEOS = "add_eos"
    case escapesSpaces = "escape_spaces"
    case isByteLevel = "byte_level"
  }

  private static let file = "tokenizers/pretokenizers.json"

  static func all() throws -> [NamedPreTokenizer] { try read(FormatResources.json(file)) }

  /// Reads what the data file holds.
  package static func read(_ json: JSONValue) throws(FormatError) -> [NamedPreTokenizer] {
    try PreTokenizerList.entries(of: json, file: file, Key.self) { entry throws(FormatError) in
      NamedPreTokenizer(
        names: try entry.strings(.names), patterns: try entry.strings(.patterns),
        ignoresMerges: try entry.flag(.ignoresMerges),
        takesLineFeedsWhole: try entry.flag(.takesLineFeedsWhole),
        addsBOS: try entry.flag(.addsBOS), addsEOS: try entry.flag(.addsEOS),
        escapesSpaces: try entry.flag(.escapesSpaces),
        isByteLevel: try entry.flag(.isByteLevel, default: true))
    }
  }

  /// The name taken where a file states none, as the ecosystem's loader does.
  static let assumed = "default"

  /// The pre-tokenizer of a name.
  static func named(_ name: String?, file: String) throws -> NamedPreTokenizer {
    let wanted = name ?? assumed
    guard let known = try all().first(where: { $0.names.contains(wanted) }) else {
      throw VocabularyError.unknownPreTokenizer(file: file, name: wanted)
    }
    return known
  }

  func preTokenizer(file: String) throws -> PreTokenizer {
    PreTokenizer(steps: try patterns.map { .init(pattern: try Pattern($0, file: file)) })
  }
}

/// A data file that lists pre-tokenizers.
enum PreTokenizerList {
  enum Key: String, CaseIterable { case preTokenizers = "pre_tokenizers" }

  /// Reads every entry of the list.
  static func entries<EntryKey: CaseIterable & RawRepresentable<String>, Entry>(
    of json: JSONValue, file: String, _ keys: EntryKey.Type,
    _ read: (StrictObject<EntryKey>) throws(FormatError) -> Entry
  ) throws(FormatError) -> [Entry] {
    let top = try StrictObject<Key>(json, file: file, place: "")
    guard let list = try top.required(.preTokenizers).array else {
      throw top.failure(.preTokenizers, "expected a list")
    }
    var entries: [Entry] = []
    for (index, value) in list.enumerated() {
      let place = "\(top.place(of: .preTokenizers))[\(index)]"
      entries.append(try read(StrictObject<EntryKey>(value, file: file, place: place)))
    }
    return entries
  }
}
