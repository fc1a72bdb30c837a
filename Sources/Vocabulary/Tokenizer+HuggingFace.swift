import Base
import OrderedCollections

/// A tokenizer as files of a Hugging Face folder.
package struct HuggingFaceTokenizerFiles: Sendable {
  /// tokenizer.json, which the `tokenizers` library computes.
  package let tokenizer: JSONValue
  /// tokenizer_config.json: the names of special tokens and the chat template.
  package let configuration: JSONValue
}

extension Tokenizer {
  /// The files by which transformers gives the same ids, special tokens in a text included, for a
  /// tokenizer that a GGUF file holds.
  /// - Parameter context: the model's context, stated as the longest text.
  /// - Returns: the files.
  /// - Throws: `VocabularyError.unsupportedPart` for what tokenizer.json cannot say.
  package func huggingFaceFiles(context: Int) throws -> HuggingFaceTokenizerFiles {
    let vocabulary = HuggingFaceVocabulary(table)
    var fields: OrderedDictionary<String, JSONValue> = [
      "version": "1.0", "truncation": .null, "padding": .null,
      "added_tokens": .array(vocabulary.addedTokens(of: table, found: special)),
    ]
    switch algorithm {
    case .bytePairs:
      let named = try NamedPreTokenizer.named(preTokenizer, file: file)
      guard named.isByteLevel != normalizer.escapesSpaces, !normalizer.addsSpacePrefix else {
        throw VocabularyError.unsupportedPart(
          file: file, place: "key tokenizer.ggml.pre",
          what: "tokenizer.json of the pre-tokenizer '\(preTokenizer ?? "default")'")
      }
      if named.isByteLevel {
        addByteLevel(to: &fields)
      } else {
        addEscapes(to: &fields)
      }
      fields["pre_tokenizer"] = try HuggingFacePreTokenizers.json(of: named)
      fields["model"] = model(
        vocabulary, merges: try storedMerges(vocabulary),
        unknown: named.isByteLevel ? nil : stored.unknown,
        fallsBack: !named.isByteLevel, ignoresMerges: named.ignoresMerges)
    case .sentencePiece(let encoder):
      addEscapes(to: &fields)
      fields["pre_tokenizer"] = .null
      fields["model"] = model(
        vocabulary, merges: ScoredMerges(table).merges.map { "\($0.left) \($0.right)" },
        unknown: encoder.unknown, fallsBack: true, ignoresMerges: false)
    case .wordPieces:
      throw VocabularyError.unsupportedPart(
        file: file, place: "key tokenizer.ggml.model", what: "tokenizer.json of WordPiece")
    }
    return HuggingFaceTokenizerFiles(
      tokenizer: .object(fields), configuration: configuration(context: context))
  }

  /// The tokenizer that `huggingFaceFiles` describes, where its rules are others: a list of merges in
  /// place of SentencePiece's scores; nil elsewhere.
  package var withListedMerges: Tokenizer? {
    guard case .sentencePiece(let encoder) = algorithm else { return nil }
    let merges = ScoredMerges(table).merges.map { ($0.left, $0.right) }
    return Tokenizer(
      model: model, preTokenizer: preTokenizer, bos: bos, eos: eos, leading: leading,
      trailing: trailing, file: file, table: table, special: special,
      algorithm: .bytePairs(
        BytePairEncoder(
          table: table, merges: MergeList(merges, isByteLevel: false), splitsBytes: false,
          ignoresMerges: false, unknown: encoder.unknown), PreTokenizer(steps: [])),
      normalizer: normalizer, stored: stored)
  }

  /// Bytes in GPT-2's alphabet.
  private func addByteLevel(to fields: inout OrderedDictionary<String, JSONValue>) {
    fields["normalizer"] = .null
    fields["post_processor"] = postProcessor(
      before: [
        ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true]
      ])
    fields["decoder"] = [
      "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    ]
  }

  /// Characters, with U+2581 for a space.
  private func addEscapes(to fields: inout OrderedDictionary<String, JSONValue>) {
    let escape: JSONValue = [
      "type": "Replace", "pattern": ["String": " "], "content": "\u{2581}",
    ]
    fields["normalizer"] =
      normalizer.addsSpacePrefix
      ? [
        "type": "Sequence",
        "normalizers": [["type": "Prepend", "prepend": "\u{2581}"], escape],
      ] : escape
    fields["post_processor"] = postProcessor(before: [])
    var decoders: [JSONValue] = [
      ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "],
      ["type": "ByteFallback"], ["type": "Fuse"],
    ]
    if normalizer.addsSpacePrefix {
      decoders.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
    }
    fields["decoder"] = ["type": "Sequence", "decoders": .array(decoders)]
  }

  private func model(
    _ vocabulary: HuggingFaceVocabulary, merges: [String], unknown: Int32?, fallsBack: Bool,
    ignoresMerges: Bool
  ) -> JSONValue {
    [
      "type": "BPE", "dropout": .null,
      "unk_token": unknown.map { .string(table.texts[Int($0)]) } ?? .null,
      "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
      "fuse_unk": .bool(fallsBack), "byte_fallback": .bool(fallsBack),
      "ignore_merges": .bool(ignoresMerges),
      "vocab": .members(
        vocabulary.ids.map {
          JSONMember(key: table.texts[Int($0)], value: .integer(Int64($0)))
        }),
      "merges": .array(merges.map { .string($0) }),
    ]
  }

  /// The merges as stored; the `tokenizers` library refuses a merge that names no token.
  private func storedMerges(_ vocabulary: HuggingFaceVocabulary) throws -> [String] {
    var merges = stored.merges
    if case .array(let list)? = stored.metadata[TokenizerKey.merges] {
      merges = list.strings() ?? []
    }
    for merge in merges {
      guard let (left, right) = MergeText.split(merge), vocabulary.contains(left),
        vocabulary.contains(right), vocabulary.contains(left + right)
      else {
        throw VocabularyError.unsupportedPart(
          file: file, place: "key tokenizer.ggml.merges",
          what: "tokenizer.json with the merge '\(merge)', which makes or needs no token,")
      }
    }
    return merges
  }

  /// BOS and EOS around a text, as the tokenizer declares them.
  private func postProcessor(before: [JSONValue]) -> JSONValue {
    let first = addsBOS ? bos : nil
    let last = addsEOS ? eos : nil
    guard first != nil || last != nil else { return before.first ?? .null }
    func special(_ id: Int32?, _ sequence: Int64) -> [JSONValue] {
      guard let id else { return [] }
      return [
        ["SpecialToken": ["id": .string(table.texts[Int(id)]), "type_id": .integer(sequence)]]
      ]
    }
    func sequence(_ name: String, _ index: Int64) -> [JSONValue] {
      special(first, index)
        + [["Sequence": ["id": .string(name), "type_id": .integer(index)]]]
        + special(last, index)
    }
    var tokens: OrderedDictionary<String, JSONValue> = [:]
    for id in [first, last].compactMap({ $0 }) {
      let text = JSONValue.string(table.texts[Int(id)])
      tokens[table.texts[Int(id)]] = [
        "id": text, "ids": [.integer(Int64(id))], "tokens": [text],
      ]
    }
    let template: JSONValue = [
      "type": "TemplateProcessing", "single": .array(sequence("A", 0)),
      "pair": .array(sequence("A", 0) + sequence("B", 1)), "special_tokens": .object(tokens),
    ]
    return before.isEmpty
      ? template : ["type": "Sequence", "processors": .array(before + [template])]
  }

  private func configuration(context: Int) -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "tokenizer_class": "PreTrainedTokenizerFast",
      "model_max_length": .integer(Int64(context)),
      "clean_up_tokenization_spaces": false,
      "add_bos_token": .bool(addsBOS), "add_eos_token": .bool(addsEOS),
    ]
    for (token, id) in specialIDs {
      // An id that only the loader's defaults name is not a fact of the model.
      guard let id, isNamed(token) else { continue }
      fields[token.text] = .string(table.texts[Int(id)])
    }
    let template = stored.chatTemplate ?? stored.metadata[TokenizerKey.chatTemplate]?.string
    if let template { fields["chat_template"] = .string(template) }
    return .object(fields)
  }
}

/// The tokens of a table that have a place in tokenizer.json.
private struct HuggingFaceVocabulary {
  /// Ids in ascending order: of equal texts the last, and no filler of an unused row.
  let ids: [Int32]
  private let idOfText: [[UInt8]: Int32]

  init(_ table: TokenTable) {
    var idOfText: [[UInt8]: Int32] = [:]
    idOfText.reserveCapacity(table.count)
    for id in table.texts.indices {
      if table.kinds[id] == .unused, table.texts[id] == "[PAD\(id)]" { continue }
      idOfText[Array(table.texts[id].utf8)] = Int32(id)
    }
    ids = idOfText.values.sorted()
    self.idOfText = idOfText
  }

  func contains(_ text: String) -> Bool { idOfText[Array(text.utf8)] != nil }

  /// Tokens that are found before anything else, with the white space that they take.
  func addedTokens(of table: TokenTable, found: SpecialTokens) -> [JSONValue] {
    let left = Set(found.entries.filter(\.stripsLeft).map(\.id))
    let right = Set(found.entries.filter(\.stripsRight).map(\.id))
    return ids.compactMap { id in
      let kind = table.kinds[Int(id)]
      guard kind == .control || kind == .userDefined || kind == .unknown else { return nil }
      return [
        "id": .integer(Int64(id)), "content": .string(table.texts[Int(id)]),
        "single_word": false, "lstrip": .bool(left.contains(id)),
        "rstrip": .bool(right.contains(id)), "normalized": false,
        "special": .bool(kind != .userDefined),
      ]
    }
  }
}
