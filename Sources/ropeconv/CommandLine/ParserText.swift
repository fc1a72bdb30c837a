/// What the parser says of a wrong command line, as errors are put here: without capital and full
/// stop, and with what was expected.
enum ParserText {
  /// Options whose numbers may be fractions; all other numbers are whole.
  private static let fractions: Set<String> = [
    "--value-base", "--rope-factor", "--still-epsilon", "--max-increase", "--max-ppl", "--max-bits",
    "--max-kl", "--min-accuracy", "--min-score", "--temperature", "--top-p", "--tolerance",
  ]

  /// Options whose numbers may not be below zero for the parser.
  private static let unsigned: Set<String> = ["--seed"]

  /// - Parameter text: the first line of the parser's message.
  /// - Returns: the same as an error's summary.
  static func plain(_ text: String) -> String {
    let invalid = /^The value '(.*)' is invalid for '(--?[a-z-]+)[^']*'(.*)$/
    if let found = text.firstMatch(of: invalid) {
      return "\(found.2) is '\(found.1)', expected \(expected(found.2, found.3))"
    }
    var text = text
    for (words, plain) in [
      ("Missing expected argument '-", "missing option '-"),
      ("Missing expected argument", "missing argument"), ("Missing value", "missing value"),
      ("Unexpected argument", "unexpected argument"), ("Unknown option", "unknown option"),
    ] where text.hasPrefix(words) {
      text = plain + text.dropFirst(words.count)
    }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// What an option takes; `values` are the parser's words for one of a few.
  private static func expected(_ option: Substring, _ values: Substring) -> String {
    let names = values.matches(of: /'([^']+)'/).map { String($0.1) }
    guard let last = names.last else {
      if fractions.contains(String(option)) { return "a number" }
      return unsigned.contains(String(option)) ? "a whole number from 0" : "a whole number"
    }
    return names.count == 1 ? last : names.dropLast().joined(separator: ", ") + " or \(last)"
  }
}
