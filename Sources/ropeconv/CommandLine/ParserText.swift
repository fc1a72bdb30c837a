/// What the parser says of a wrong command line, as errors are put here: without capital and full
/// stop, and with what was expected.
enum ParserText {
  /// - Parameters:
  ///   - text: the first line of the parser's message.
  ///   - accepts: whether the parser takes this value for this option, named as in the message.
  /// - Returns: the same as an error's summary.
  static func plain(
    _ text: String, accepts: (_ option: String, _ value: String) -> Bool
  ) -> String {
    let invalid = /^The value '(.*)' is invalid for '(--?[a-z-]+)[^']*'(.*)$/
    if let found = text.firstMatch(of: invalid) {
      let option = String(found.2)
      let expected = oneOf(found.3) ?? number { accepts(option, $0) }
      return "\(option) is '\(found.1)', expected \(expected)"
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

  /// The few values that an option takes, in the parser's words; nil where it takes a number.
  private static func oneOf(_ values: Substring) -> String? {
    let names = values.matches(of: /'([^']+)'/).map { String($0.1) }
    guard let last = names.last, names.count > 1 else { return names.last }
    return names.dropLast().joined(separator: ", ") + " or \(last)"
  }

  /// The numbers that an option takes: the parser does not say, but takes them or not.
  private static func number(_ accepts: (_ value: String) -> Bool) -> String {
    if accepts("0.5") { return "a number" }
    return accepts("-1") ? "a whole number" : "a whole number from 0"
  }
}
