import Base
import Checkpoints
import Evaluation
import Foundation
import Models
import OrderedCollections
import Vocabulary

/// What a Hugging Face folder needs beside its weights and config.json to run in transformers:
/// modeling code, tokenizer, generation settings, license, model card.
struct FolderCompanions: Sendable {
  /// The code that computes the variant; nil for a plain model, or where there is none.
  let modeling: ModelingCode?
  /// Things a user should know, such as a tokenizer that cannot be written.
  let warnings: [ConversionWarning]
  private let source: ModelPlan
  /// The tokenizer of a GGUF source.
  private let tokenizer: HuggingFaceTokenizerFiles?
  /// tokenizer_config.json of a source where that names code elsewhere, without those names.
  private let withoutCode: JSONValue?

  /// Files of a Hugging Face source that go along unchanged.
  static let copied = ModelFolder.companions

  /// Companions of an output with this rotation, nil where it is a plain file.
  /// - Throws: `FileError.json` for a tokenizer_config.json that is not JSON, among others.
  init(_ source: ModelPlan, declaration: RotaryDeclaration?) throws {
    self.source = source
    var warnings: [ConversionWarning] = []
    let type = source.modelType
    let code = try ModelingCode.forModelType(type)
    modeling = declaration == nil ? nil : code
    // transformers does not know a family whose plain form rotates values either, unless there is
    // code.
    let plain = source.architecture.block.sites
    let sites = declaration?.sites ?? (plain.rotatesMessage ? plain : nil)
    if let sites, code == nil {
      warnings.append(.noModelingCode(modelType: type, sites: sites.name))
    }
    var files: HuggingFaceTokenizerFiles?
    if source.side == .gguf {
      do {
        let tokenizer = try Tokenizer.load(from: source.checkpoint)
        files = try tokenizer?.huggingFaceFiles(context: source.shape.context)
        if files == nil { warnings.append(.noTokenizerFiles) }
        if let tokenizer, let listed = tokenizer.withListedMerges,
          let difference = tokenizer.differentTokens(from: listed)
        {
          warnings.append(.otherTokens(difference))
        }
        if let assumption = tokenizer.flatMap(TokenizerNotes.assumption) {
          warnings.append(.assumedTokenizer(assumption))
        }
      } catch let error as VocabularyError {
        warnings.append(.unwritableTokenizer(reason: error.summary))
      }
    }
    tokenizer = files
    var withoutCode: JSONValue?
    if source.side == .huggingface, let files = source.checkpoint.companions,
      files.contains(ModelFolder.tokenizerConfiguration)
    {
      // Others read more than JSON: what cannot be searched for code is not passed on.
      withoutCode = CodeReferences.removed(
        from: try files.json(ModelFolder.tokenizerConfiguration))
    }
    self.withoutCode = withoutCode
    if withoutCode != nil {
      warnings.append(.codeOutside(file: ModelFolder.tokenizerConfiguration))
    }
    self.warnings = warnings
  }

  /// Names and contents of the files, the model card last.
  func files(card: String) throws -> [(String, FileContents)] {
    var files: [(String, FileContents)] = []
    for name in modeling?.files ?? [] {
      if let path = try modeling?.path(of: name) {
        files.append((name, .copy(try MappedFile.open(path))))
      }
    }
    func add(_ name: String, _ json: JSONValue) {
      files.append((name, .bytes(Array((json.serialized(pretty: true) + "\n").utf8))))
    }
    if source.side == .gguf {
      if let tokenizer {
        add(ModelFolder.tokenizer, tokenizer.tokenizer)
        add(ModelFolder.tokenizerConfiguration, tokenizer.configuration)
      }
      if let generation = generationConfiguration() { add(ModelFolder.generation, generation) }
    } else if let beside = source.checkpoint.companions {
      for name in Self.copied where beside.contains(name) {
        if name == ModelFolder.tokenizerConfiguration, let withoutCode {
          add(name, withoutCode)
        } else {
          files.append((name, .copy(try beside.open(name))))
        }
      }
    }
    files.append((ModelCard.fileName, .bytes(Array(card.utf8))))
    return files
  }

  /// Where a GGUF source says that generation ends, and how tokens are drawn; nil where it says
  /// nothing.
  private func generationConfiguration() -> JSONValue? {
    func id(_ token: SpecialTokenKey) -> Int64? {
      source.checkpoint.metadata[token.gguf]?.int
        .flatMap { $0 >= 0 && $0 < source.shape.vocabulary ? Int64($0) : nil }
    }
    var fields: OrderedDictionary<String, JSONValue> = [:]
    func set(_ token: SpecialTokenKey, _ value: JSONValue) { fields[token.configuration] = value }
    if let bos = id(.bos) { set(.bos, .integer(bos)) }
    // A chat model's turn may end with a token of its own.
    let ends = EndTokens.stated(in: source.checkpoint.metadata, of: source.shape.vocabulary)
      .map { Int64($0) }
    if let first = ends.first {
      set(.eos, ends.count == 1 ? .integer(first) : .array(ends.map { .integer($0) }))
    }
    if let padding = id(.padding) { set(.padding, .integer(padding)) }
    fields.merge(SamplingDefaults.members(of: source.checkpoint.metadata)) { $1 }
    return fields.isEmpty ? nil : .object(fields)
  }
}
