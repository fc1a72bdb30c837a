import Base
import Checkpoints
import Conversion
import Evaluation
import Models
import Reports
import Tensors

// Libraries say what is wrong in their own words; which option it is about, and which one helps, is
// said here.

enum OptionHints {
  /// What is wrong, as it is shown; a setting is called by its option's name.
  static func summary(of error: any Diagnostic) -> String {
    (error as? EvaluationError)?.optionSummary.map { shortened($0, to: 2000) } ?? error.shownSummary
  }

  /// What the user can do about an error, with the options' names.
  /// - Parameters:
  ///   - error: what a call or a plan's step is refused for, or failed with.
  ///   - arguments: its command line, without the program's name; nil: this process's.
  /// - Returns: one sentence; nil where there is nothing to say.
  static func hint(for error: any Diagnostic, in arguments: [String]? = nil) -> String? {
    switch error {
    case is UsageError, is UnusedOption:
      error.hint ?? helpHint(for: arguments ?? Array(CommandLine.arguments.dropFirst()))
    case let error as EvaluationError: error.optionHint ?? error.hint
    case let error as FileError: hint(for: error.fault) ?? error.hint
    case ConversionError.setting(let fault): fault.optionHint
    case ConversionError.tooLarge(_, _, let type, _):
      "\(type == .bf16 ? "--type f32" : "--type bf16 or --type f32") holds larger numbers"
    case ModelError.wrongRotation:
      "--assume-correct-rotation reads it as if it rotated correctly"
    case ReportError.notAResult:
      "write one with --json, as in: ropeconv eval perplexity ... --json > a.json"
    default: error.hint
    }
  }

  private static func helpHint(for arguments: [String]) -> String {
    let path = CommandTree(root: Ropeconv.self).resolve(arguments).path
    return CommandTree.help(of: CommandTree.words(path))
  }

  private static func hint(for fault: any Fault) -> String? {
    switch fault {
    case InputFault.text: "the model comes first, a text after --text"
    case OutputFault.exists: "replace it with --force"
    case ImportanceFault.notGGUF:
      "the older form is rewritten by: llama-imatrix --in-file OLD -o NEW.gguf"
    case ImportanceFault.notImportance:
      "make one with: ropeconv analyze MODEL --text FILE --imatrix OUT.gguf"
    default: nil
    }
  }
}

extension SettingFault {
  fileprivate var optionHint: String? {
    switch self {
    case .unknownAbsorption, .noAbsorption: "--absorb takes a list such as A2,A5"
    case .absorptionTwice: "name it once with --absorb"
    case .nothingToStill: "leave B1 out of --absorb, or raise --still-epsilon"
    case .unknownContainer: "give another name with --output"
    case .unknownType: "give one of them with --type"
    case .pureType: "leave out --pure, or name a quantized type with --type"
    case .importanceUnused: "leave out --imatrix, or name a quantized type with --type"
    case .shards: "leave out --shard-size, or name another --output"
    case .quantizedOutsideGGUF: "name a .gguf file with --output, or another type with --type"
    case .valuesStay:
      "--to keep leaves the value rotation as it is: name the sites, such as --to rove, or leave out"
        + " --value-pairs and --value-base"
    case .noValueRotation:
      "leave out --value-pairs and --value-base, or name other sites with --to"
    case .notKeyAndValue: "--set takes key=value"
    case .reservedKey, .keyGivenTwice, .keyTooDeep, .valueTooDeep: "change --set or --remove"
    case .keyType, .unreadableTokenizer, .unreadableModel: "change what --set and --remove ask for"
    case .valuesBehindEdit:
      "edit first, with --to qk where values turn already, then convert what was written"
    case .ofLayerKinds(_, let member): "--set \(member)=VALUE"
    case .spellingsDisagree: "set one of them: the other goes along"
    case .missingKey: "leave it out of --remove"
    case .calibrationContext: "--calibrate-ctx gives the tokens of a window"
    case .calibrationTokens:
      "raise --calibrate-tokens, or make windows shorter with --calibrate-ctx"
    case .equalCalibrationTexts: "--calibrate takes each text once"
    case .maxIncrease: "--max-increase gives the limit in percent"
    case .noValuesBeginToTurn:
      "--max-increase needs --to with v or o, and a model whose values do not rotate yet"
    case .notFittable, .fitOfAbsorbed: "leave out --calibrate"
    case .nothingToFit: "leave out --calibrate, or name other sites with --to"
    }
  }
}

extension ConversionWarning {
  /// What helps, with the options' names.
  var remedy: String? {
    switch self {
    case .sites(let change, let purpose):
      "--to keep leaves the sites as they are"
        + (purpose == .conversion && change.beginsMessage
          ? "; --calibrate FILE fits the weights to the value rotation" : "")
    case .noTokenizer: "token ids are given with --tokens"
    case .unknownKey: "--set gave it"
    case .widened: "--type names a smaller one"
    case .ignored, .tokenizerFact, .otherTokens, .otherTokensScored, .chatTemplates,
      .assumedTokenizer, .otherTypes, .codeOutside, .noModelingCode, .noTokenizerFiles,
      .unwritableTokenizer, .withoutImportance, .changedAfterFit, .fixedValues, .unseenKey,
      .otherYarn:
      nil
    }
  }
}
