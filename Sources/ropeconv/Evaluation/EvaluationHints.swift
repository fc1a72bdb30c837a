import Evaluation

extension EvaluationError {
  /// What the user can do about it, with the options' names.
  var optionHint: String? {
    switch self {
    case .setting(let setting, _): setting.optionHint
    case .noTokenizer: "give the text as token ids: --tokens IDS.json"
    case .textTooShort: "use a longer text or a smaller --ctx"
    default: nil
    }
  }
}

extension EvaluationError.Setting {
  fileprivate var optionHint: String {
    switch self {
    case .chat: "--chat names the chat format"
    case .context: "--ctx gives the tokens of a chunk"
    case .depths: "--depths takes a list such as 0,50,100"
    case .lengths: "--lengths takes a list of token counts such as 512,1024"
    case .maximumTokens: "--max-tokens gives the most tokens to generate"
    case .memory: "raise --memory or leave it away"
    case .shard: "--shard takes I/N such as 1/4"
    case .start: "--start gives the position of a chunk's first token"
    case .stride: "--stride gives the tokens from one chunk's start to the next"
    case .temperature: "--temperature 0 takes the most likely token"
    case .topP: "--top-p 1 leaves no token out"
    case .trials: "--trials gives the trials of every cell"
    case .windows: "--chunks gives the number of chunks"
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
    return "; --rope-scaling yarn --rope-factor \(number) reaches it"
  }
}
