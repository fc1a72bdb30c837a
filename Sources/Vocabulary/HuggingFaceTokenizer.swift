import Base
import Checkpoints
import OrderedCollections

/// Reads `tokenizer.json` of a Hugging Face model, with BOS and EOS from `tokenizer_config.json`
/// beside it, and the chat template.
struct HuggingFaceTokenizer {
  let file: String
  private let json: JSONValue
  private let configuration: JSONValue?
  /// What names special tokens before the configuration does; nil where that lists added tokens.
  private let specialTokens: JSONValue?
  private let chatTemplate: ChatTemplate

  /// Nil where the files hold no tokenizer.json.
  init?(_ files: FileSet) throws {
    file = files.path(of: ModelFolder.tokenizer)
    guard files.contains(ModelFolder.tokenizer) else { return nil }
    json = try files.json(ModelFolder.tokenizer)
    configuration =
      files.contains(ModelFolder.tokenizerConfiguration)
      ? try files.json(ModelFolder.tokenizerConfiguration) : nil
    let isLegacy = configuration?["added_tokens_decoder"] == nil
    specialTokens =
      isLegacy && files.contains(ModelFolder.specialTokens)
      ? try files.json(ModelFolder.specialTokens) : nil
    chatTemplate = try ChatTemplate(files)
  }

  private func unsupported(_ place: String, _ what: String) -> VocabularyError {
    .unsupportedPart(file: file, place: place, what: what)
  }

  private func invalid(_ key: String, _ problem: String) -> VocabularyError {
    .invalid(file: file, key: key, problem: problem)
  }

  func tokenizer() throws -> Tokenizer {
    guard let model = json["model"] else { throw invalid("model", "is missing") }
    // Files of older tools name no type for BPE.
    guard model["type"]?.string ?? "BPE" == "BPE" else {
      throw unsupported("model.type", "tokenizer type '\(model["type"]?.string ?? "")'")
    }
    let falls = model["byte_fallback"]?.bool ?? false
    let steps = try HuggingFaceSteps(json, file: file)
    let isByteLevel = steps.isByteLevel
    if falls, isByteLevel {
      throw unsupported("model.byte_fallback", "byte fallback of byte-level BPE")
    }
    for (key, what) in [
      ("dropout", "merging at random"), ("continuing_subword_prefix", "a prefix of word parts"),
      ("end_of_word_suffix", "a suffix of words"),
    ] where ![nil, .null, .string("")].contains(model[key]) {
      throw unsupported("model.\(key)", what)
    }

    let added = try addedTokens(steps.normalizer)
    let table = try tokens(model, added: added, isByteLevel: isByteLevel, falls: falls)
    let merges = try self.merges(model)
    let unknown = model["unk_token"]?.string.flatMap { table.texts.firstIndex(of: $0) }.map(
      Int32.init)
    let encoder = BytePairEncoder(
      table: table, merges: MergeList(merges, isByteLevel: isByteLevel),
      splitsBytes: isByteLevel, ignoresMerges: model["ignore_merges"]?.bool ?? false,
      unknown: unknown,
      fallback: .character(usesBytes: falls, fuses: model["fuse_unk"]?.bool ?? false))
    let ends = try ends(table)
    let names = isByteLevel ? try HuggingFacePreTokenizers.names(of: steps.steps, encoder) : []
    var stored = StoredTokenizer()
    stored.preTokenizers = names
    stored.merges = merges.map { "\($0.0) \($0.1)" }
    stored.unknown = unknown ?? namedToken(SpecialTokenKey.unknown.text, table)
    stored.chatTemplate = chatTemplate.text
    stored.otherTemplates = chatTemplate.others
    stored.padding = namedToken("pad_token", table)
    return try Tokenizer(
      model: (isByteLevel ? TokenizerModel.gpt2 : .llama).rawValue, preTokenizer: names.first,
      bos: ends.before.first ?? namedToken("bos_token", table),
      eos: ends.after.last ?? namedToken("eos_token", table),
      leading: ends.before, trailing: ends.after, file: file, table: table,
      special: SpecialTokens(
        added.map { token in
          .init(
            id: token.id, bytes: Array(token.text.utf8), isControl: token.isSpecial,
            stripsLeft: token.stripsLeft, stripsRight: token.stripsRight,
            isFoundOtherwise: token.isFoundOtherwise)
        }, file: file, key: "added_tokens"),
      algorithm: .bytePairs(encoder, PreTokenizer(steps: steps.steps)),
      normalizer: steps.normalizer, stored: stored)
  }

  // MARK: - Vocabulary

  private struct AddedToken {
    let id: Int32
    let text: String
    let isSpecial: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
    let isFoundOtherwise: Bool
  }

  /// Ids that are taken. Every id up to the highest has a row of the table, so there may not be
  /// many more than tokens; published files leave out a few hundred.
  private var ids: Range<Int> {
    let members = json["model"]?["vocab"]?.members?.count ?? 0
    let added = json["added_tokens"]?.array?.count ?? 0
    return 0..<min(4 * (members + added + (1 << 16)), 1 << 24)
  }

  private func addedTokens(_ normalizer: Normalizer) throws -> [AddedToken] {
    let ids = ids
    return try (json["added_tokens"]?.array ?? []).enumerated().map { index, entry in
      guard let id = entry["id"]?.int, let text = entry["content"]?.string else {
        throw invalid("added_tokens[\(index)]", "has no id or content")
      }
      guard ids.contains(id) else { throw unfitID(id, "added_tokens[\(index)]") }
      return AddedToken(
        id: Int32(id), text: text, isSpecial: entry["special"]?.bool ?? false,
        stripsLeft: entry["lstrip"]?.bool ?? false, stripsRight: entry["rstrip"]?.bool ?? false,
        isFoundOtherwise: Self.isFoundOtherwise(entry, normalizer))
    }
  }

  /// Whether an entry of `added_tokens` is found at other places than where it is spelled: as a whole
  /// word alone, or as the normalizer spells it. Special tokens of published files are not.
  private static func isFoundOtherwise(_ entry: JSONValue, _ normalizer: Normalizer) -> Bool {
    if entry["single_word"]?.bool ?? false { return true }
    let isSpecial = entry["special"]?.bool ?? false
    guard entry["normalized"]?.bool ?? false, !isSpecial else { return false }
    let text = entry["content"]?.string ?? ""
    // The pre-tokenizer's prefix comes after tokens are found, the normalizer's before.
    return normalizer.addsSpacePrefix && !normalizer.prefixesOnlyWithoutSpace
      || normalizer.composes && !text.utf8.allSatisfy { $0 < 0x80 }
  }

  private func unfitID(_ id: Int, _ key: String) -> VocabularyError {
    invalid(key, "token id \(id) is not from 0 to \(ids.upperBound - 1), as so few tokens have")
  }

  private func tokens(
    _ model: JSONValue, added: [AddedToken], isByteLevel: Bool, falls: Bool
  ) throws -> TokenTable {
    guard let vocabulary = model["vocab"]?.members else {
      throw invalid("model.vocab", "is missing or not an object")
    }
    var highest = added.map { Int($0.id) }.max() ?? -1
    let ids = ids
    for member in vocabulary {
      guard let id = member.value.int else {
        throw invalid("model.vocab", "\(quoted(member.key)) has no token id")
      }
      guard ids.contains(id) else { throw unfitID(id, "model.vocab") }
      highest = max(highest, id)
    }
    guard highest >= 0 else { throw invalid("model.vocab", "is empty") }
    var texts = (0...highest).map { "[PAD\($0)]" }
    var kinds = [TokenKind](repeating: .unused, count: highest + 1)
    for member in vocabulary {
      guard let id = member.value.int else { continue }
      texts[id] = member.key
      kinds[id] = falls && TokenTable.byte(of: member.key.utf8) != nil ? .byte : .normal
    }
    let unknown = model["unk_token"]?.string
    for token in added {
      // A byte token that is found in texts too still stands for its byte.
      if kinds[Int(token.id)] == .byte, texts[Int(token.id)] == token.text { continue }
      texts[Int(token.id)] = token.text
      kinds[Int(token.id)] =
        token.text == unknown ? .unknown : token.isSpecial ? .control : .userDefined
    }
    let stored = ByteStrings(texts.map { Array($0.utf8) })
    let bytes = isByteLevel ? ByteAlphabet.decoded(stored, kinds) : stored
    return try TokenTable(
      bytes: bytes, texts: stored, kinds: kinds, scores: [Float](repeating: 0, count: texts.count),
      file: file)
  }

  /// Merges as `"a b"` or `["a", "b"]`.
  private func merges(_ model: JSONValue) throws -> [(String, String)] {
    try (model["merges"]?.array ?? []).enumerated().map { index, entry in
      if let text = entry.string, let pair = MergeText.split(text) { return pair }
      if let pair = entry.array, pair.count == 2, let left = pair[0].string,
        let right = pair[1].string
      {
        return (left, right)
      }
      throw invalid("model.merges[\(index)]", "is not a pair of strings")
    }
  }

  private func namedToken(_ key: String, _ table: TokenTable) -> Int32? {
    let entry = specialTokens?[key] ?? configuration?[key]
    guard let text = entry?.string ?? entry?["content"]?.string else { return nil }
    return table.texts.firstIndex(of: text).map(Int32.init)
  }

  /// Parts that the template of a post-processor has at most; published ones have up to five.
  private static let mostParts = 64

  /// The name of the token that a part of a template stands for; empty where it stands for none.
  private static func specialToken(_ part: JSONValue) -> String {
    part["SpecialToken"]?["id"]?.string ?? ""
  }

  /// The first token of each text that has one, found in one pass.
  private func firstIDs(of texts: [String], _ table: TokenTable) -> [String: Int32] {
    var wanted = Set(texts)
    var found: [String: Int32] = [:]
    for (id, text) in table.texts.enumerated() where wanted.remove(text) != nil {
      found[text] = Int32(id)
    }
    return found
  }

  /// What goes before and after a text: the template of the post-processor, else the flags of
  /// tokenizer_config.json.
  private func ends(_ table: TokenTable) throws -> (before: [Int32], after: [Int32]) {
    var processors = [json["post_processor"] ?? .null]
    if let list = processors[0]["processors"]?.array { processors = list }
    for processor in processors {
      switch processor["type"]?.string {
      case nil, "ByteLevel": continue
      case "TemplateProcessing":
        let parts = processor["single"]?.array ?? []
        guard parts.count <= Self.mostParts else {
          throw invalid(
            "post_processor",
            "has a template of \(parts.count) parts, which is more than \(Self.mostParts)")
        }
        let known = firstIDs(of: parts.map(Self.specialToken), table)
        let text = parts.firstIndex { $0["Sequence"] != nil } ?? parts.count
        func ids(_ parts: ArraySlice<JSONValue>) throws -> [Int32] {
          try parts.map { part in
            let name = Self.specialToken(part)
            guard let id = known[name] else {
              throw invalid("post_processor", "'\(name)' is no token")
            }
            return id
          }
        }
        return (try ids(parts.prefix(text)), try ids(parts.dropFirst(text + 1)))
      default:
        throw unsupported("post_processor", "post-processor '\(processor["type"]?.string ?? "")'")
      }
    }
    func id(_ flag: String, _ key: String) -> [Int32] {
      configuration?[flag]?.bool ?? false ? [namedToken(key, table)].compactMap { $0 } : []
    }
    return (id("add_bos_token", "bos_token"), id("add_eos_token", "eos_token"))
  }
}
