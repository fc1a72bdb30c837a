import Evaluation

extension EvaluationError {
  /// What the user can do about it, with the options' names.
  var optionHint: String? {
    switch self {
    case .setting(let setting, _): setting.optionHint
    case .noTokenizer: "give the text as token ids: --tokens IDS.json"
    case .textTooShort(_, let tokens, let needed, let use):
      Self.hint(forTokens: tokens, needed: needed, use)
    default: nil
    }
  }

  /// What helps where a text has too few tokens; nothing shortens a chunk to fewer than 4.
  private static func hint(forTokens tokens: Int, needed: Int, _ use: TextUse) -> String {
    let option: String? =
      switch use {
      case .chunks: GivenOptions.all.contains("--lengths") ? "--lengths" : "--ctx"
      case .calibration: "--calibrate-ctx"
      case .haystack: nil
      }
    guard let option, tokens >= 4, needed > 4 else { return "use a longer text" }
    return "use a longer text or a smaller \(option)"
  }
}

extension EvaluationError {
  /// What is wrong with a setting, by the name of its option; nil of other errors.
  var optionSummary: String? {
    guard case .setting(let setting, let problem) = self else { return nil }
    return "\(setting.option) \(problem)"
  }
}

extension EvaluationError.Setting {
  fileprivate var option: String {
    switch self {
    case .chat: "--chat"
    // A sweep's chunks have the lengths of its list.
    case .context: GivenOptions.all.contains("--lengths") ? "--lengths" : "--ctx"
    case .depths: "--depths"
    case .lengths: "--lengths"
    case .maximumTokens: "--max-tokens"
    case .memory: "--memory"
    case .shard: "--shard"
    case .start: "--start"
    case .stride: "--stride"
    case .temperature: "--temperature"
    case .topP: "--top-p"
    case .trials: "--trials"
    case .windows: "--chunks"
    }
  }

  /// What the option's name does not say.
  fileprivate var optionHint: String? {
    switch self {
    case .depths: "--depths takes a list such as 0,50,100"
    case .lengths: "--lengths takes a list of token counts such as 512,1024"
    case .memory: "raise --memory or leave it out"
    case .stride: "--stride gives the tokens from one chunk's start to the next"
    case .temperature: "--temperature 0 takes the most likely token"
    case .topP: "--top-p 1 leaves no token out"
    case .chat, .context, .maximumTokens, .shard, .start, .trials, .windows: nil
    }
  }
}

extension ContextWarning {
  /// What helps, as the end of a line; `option` makes the pass shorter, where the command has no
  /// `--rope-scaling`.
  func remedy(shorter option: String?) -> String {
    if let option { return "; use a smaller \(option)" + (start > 0 ? " or --start" : "") }
    guard canScale else { return "" }
    let number = factor == factor.rounded() ? String(Int(factor)) : String(factor)
    return "; --rope-scaling yarn --rope-factor \(number) extends the context that far"
  }
}
