import Base
import Models
import Rotary
import Vocabulary

/// What a user should know of a conversion that is done all the same.
package enum ConversionWarning: Sendable, Equatable {
  /// The source states something that its family does not do, or holds parts that are not read.
  case ignored(String)
  /// Sites turn that the weights were not made for, and no fit takes care of all of it.
  case sites(SiteChange, SiteChange.Purpose)
  /// Values turn alike at every length, where queries and keys follow it; of so many tokens, where the
  /// conversion computed their frequencies.
  case fixedValues(tokens: Int?)
  /// A plain GGUF file states something by a key that other readers pass over.
  case unseenKey(UnseenKey)
  /// A plain GGUF file states a scaling by YaRN that llama.cpp computes otherwise; a sentence.
  case otherYarn(String)
  /// The source was fitted, and its weights are not those that the fit left.
  case changedAfterFit
  /// A folder without tokenizer becomes a GGUF file.
  case noTokenizer
  /// A fact of a folder's tokenizer that a GGUF file cannot state.
  case tokenizerFact(String)
  /// A text that gets other tokens from the output.
  case otherTokens(DifferentTokens)
  /// The text whose perplexity is measured would get other tokens from the output.
  case otherTokensScored(DifferentTokens)
  /// A folder lists chat templates, of which a GGUF file gets the one named `default` alone.
  case chatTemplates([String])
  /// A folder's tokenizer takes something for granted that its GGUF source does not state.
  case assumedTokenizer(String)
  /// Weights stored in few bits, with scales, become plain numbers that nobody asked for.
  case widened(tensors: Int, from: Int, to: Int)
  /// Rows of so many tensors do not fit the type asked for.
  case otherTypes(tensors: Int)
  /// An importance matrix says nothing of so many tensors that are quantized.
  case withoutImportance(tensors: Int)
  /// A key was set that nothing here reads.
  case unknownKey(String)
  /// transformers has no code for the variant.
  case noModelingCode(modelType: String, sites: String)
  /// A file of the source names code outside of its folder.
  case codeOutside(file: String)
  /// A folder gets no tokenizer: its GGUF source has none.
  case noTokenizerFiles
  /// A folder gets no tokenizer: that of its GGUF source cannot be put as transformers has it.
  case unwritableTokenizer(reason: String)

  /// One line.
  package var text: String {
    switch self {
    case .ignored(let statement), .otherYarn(let statement): statement
    case .sites(let change, let purpose): change.effects(for: purpose) ?? ""
    case .fixedValues(let tokens):
      "value scaling fixed" + (tokens.map { " at \($0) tokens" } ?? "")
        + ": values turn alike at every length, where queries and keys follow it"
    case .unseenKey(let unseen):
      "'\(unseen.key)' is a key of ropeconv's own in a plain file: other readers \(unseen.effect)"
    case .changedAfterFit:
      "the weights were changed after their fit: what was measured of it is left out"
    case .noTokenizer:
      "the folder holds no tokenizer: only token ids can be scored with the output, and other"
        + " readers may refuse it"
    case .tokenizerFact(let fact):
      "GGUF has no key for the tokenizer's \(fact): some texts get other tokens from the output"
    case .otherTokens(let tokens):
      "some texts get other tokens from the output: \(tokens.words("the source", "the output"))"
    case .otherTokensScored(let tokens):
      "the text that is scored would get other tokens from the output ("
        + tokens.words("the source", "the output") + "):"
        + " the perplexity after is of the source's tokens too, not of the output's own"
    case .chatTemplates(let names):
      "of the chat templates in tokenizer_config.json the output gets the one named 'default', if"
        + " there is one: \(names.map { quoted($0) }.joined(separator: ", ")) left out"
    case .assumedTokenizer(let sentence): sentence
    case .widened(let tensors, let bytes, let written):
      "weights in 8 bits or fewer are written as plain numbers, of \(counted(tensors, "tensor")):"
        + " \(bytes) bytes with their scales become \(written)"
    case .otherTypes(let tensors):
      "the rows of \(counted(tensors, "tensor")) are not whole blocks of the type asked for: they get"
        + " another, as llama-quantize gives them"
    case .withoutImportance(let tensors):
      "the importance matrix says nothing of \(counted(tensors, "quantized tensor")), stored as"
        + " without it"
    case .unknownKey(let key):
      "the key '\(key)' is known to no reader here: it is stored, and ropeconv ignores it"
    case .noModelingCode(let type, let sites):
      "transformers cannot run this folder: ropeconv has no modeling code for '\(type)' with sites"
        + " '\(sites)'"
    case .codeOutside(let file):
      "\(file) names Python code outside of its folder (auto_map, custom_pipelines): the output"
        + " does not"
    case .noTokenizerFiles: "the file holds no tokenizer: none is written"
    case .unwritableTokenizer(let reason): "no tokenizer.json is written: \(reason)"
    }
  }
}
