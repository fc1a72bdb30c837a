import Base
import Checkpoints
import Tensors

/// A fault in what is to be evaluated, rather than in the model.
public enum EvaluationError: Diagnostic {
  /// No token, or fewer than are needed.
  case textTooShort(file: String, tokens: Int, needed: Int, for: TextUse)
  /// The checkpoint has no tokenizer and the text is not given as token ids.
  case noTokenizer(file: String)
  /// A list of token ids is not a JSON list of whole numbers.
  case tokenList(file: String, problem: String)
  /// A setting that makes no sense by itself.
  case setting(Setting, problem: String)
  /// Settings that contradict each other, or that the model or the text does not suit.
  case usage(String)
  /// A text cannot be read.
  case unreadable(file: String, problem: String)
  /// What was given as a text is something else.
  case notText(file: String, problem: String)
  /// A result's JSON is not what it should be.
  case record(file: String, problem: String)
  /// A needle's template is not what it should be.
  case template(file: String, problem: String)
  /// A state file cannot be used.
  case state(file: String, problem: String)
  /// Units that are done could not be added to a state file.
  case stateNotWritten(file: String, reason: String)
  /// A line of a state file that no evaluation wrote.
  case stateLine(file: String, line: Int, problem: String)
  /// A file of numbers, one a target, is not what it should be.
  case numbers(file: String, problem: String)
  /// Two models do not share a vocabulary.
  case vocabulariesDiffer(one: Int, other: Int)
  /// A file of questions and answers does not have the form of its data set.
  case questions(file: String, problem: String)
  /// A line of a file of requests is not what it should be.
  case request(file: String, line: Int, problem: String)

  /// What a text is read for.
  public enum TextUse: Sendable {
    /// Scored in chunks.
    case chunks
    /// Weights are fitted on it.
    case calibration
    /// Needles are hidden in it.
    case haystack
  }

  /// What a setting is called; a front end adds its own name for it.
  public enum Setting: String, Sendable, CaseIterable {
    case chat = "the chat format"
    case context = "the context"
    case depths = "the list of depths"
    case lengths = "the list of lengths"
    case maximumTokens = "the number of tokens to generate"
    case memory = "the memory"
    case shard = "the shard"
    case start = "the first position"
    case stride = "the stride"
    case temperature = "the temperature"
    case topP = "the share of the likeliest tokens"
    case trials = "the number of trials"
    case windows = "the number of chunks"
  }

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .setting(let setting, let problem): "\(setting.rawValue) \(problem)"
    case .textTooShort(_, 0, _, _): "the text is empty"
    case .textTooShort(_, let tokens, let needed, let use):
      "\(counted(tokens, "token")), expected at least \(needed)\(use.words)"
    case .noTokenizer: "the checkpoint holds no tokenizer"
    case .tokenList(_, let problem): problem
    case .usage(let problem): problem
    case .record(_, let problem), .template(_, let problem), .numbers(_, let problem): problem
    case .state(_, let problem): "the state file cannot be used: \(problem)"
    case .stateNotWritten(_, let reason): "the state file cannot be written: \(reason)"
    case .stateLine(_, let line, let problem):
      "line \(line) of the state file: \(problem)"
    case .unreadable(_, let problem), .notText(_, let problem), .questions(_, let problem): problem
    case .request(_, let line, let problem): "line \(line): \(problem)"
    case .vocabulariesDiffer(let one, let other):
      "the models have vocabularies of \(one) and \(other) tokens"
    }
  }

  /// The file that is at fault, where there is one.
  public var file: String? {
    switch self {
    case .textTooShort(let file, _, _, _), .tokenList(let file, _), .unreadable(let file, _),
      .notText(let file, _), .record(let file, _), .template(let file, _), .questions(let file, _),
      .request(let file, _, _), .numbers(let file, _):
      InputFile.name(of: file)
    case .noTokenizer(let file), .state(let file, _), .stateNotWritten(let file, _),
      .stateLine(let file, _, _):
      file
    case .setting, .usage, .vocabulariesDiffer: nil
    }
  }

  /// What helps, where that is known.
  public var hint: String? {
    switch self {
    case .noTokenizer: "give the text as token ids"
    case .textTooShort: "use a longer text"
    default: nil
    }
  }

  /// The status that the program exits with.
  public var exitStatus: ExitStatus {
    switch self {
    case .setting, .usage: .usage
    case .unreadable: .noInput
    case .state: .cannotCreate
    case .stateNotWritten: .inputOutput
    default: .malformedData
    }
  }
}

extension EvaluationError.TextUse {
  /// What the least number of tokens is for, as the end of a line.
  fileprivate var words: String {
    switch self {
    case .chunks: " for one chunk"
    case .calibration: " for one calibration window"
    case .haystack: " to hide a needle between"
    }
  }
}
