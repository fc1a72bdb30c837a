extension JSONValue {
  /// The value as JSON text, always the same for the same value: keys in their order, UTF-8
  /// unescaped, doubles as the shortest text that reads back to them.
  ///
  /// A number that is not finite has no JSON and becomes `null`.
  ///
  /// - Parameter pretty: one member or element a line, indented by two spaces, as Python's
  ///   `json.dump(indent=2)` writes it; otherwise no white space at all.
  /// - Returns: the text.
  public func serialized(pretty: Bool) -> String {
    var text = ""
    append(to: &text, indentation: pretty ? 0 : nil)
    return text
  }

  private func append(to text: inout String, indentation: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .unsigned(let value): text += String(value)
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.append(value, to: &text)
    case .array(let values):
      Self.append(count: values.count, brackets: ("[", "]"), to: &text, indentation) {
        values[$1].append(to: &$0, indentation: $2)
      }
    case .object(let object):
      Self.append(count: object.count, brackets: ("{", "}"), to: &text, indentation) {
        let (key, value) = object.elements[$1]
        Self.append(key, value, to: &$0, $2)
      }
    case .members(let members):
      Self.append(count: members.count, brackets: ("{", "}"), to: &text, indentation) {
        Self.append(members[$1].key, members[$1].value, to: &$0, $2)
      }
    }
  }

  /// The brackets of an array or object and, between them, `count` items that `item` appends.
  private static func append(
    count: Int, brackets: (String, String), to text: inout String, _ indentation: Int?,
    _ item: (inout String, Int, Int?) -> Void
  ) {
    text += brackets.0
    let inner = indentation.map { $0 + 2 }
    for index in 0..<count {
      if index > 0 { text += "," }
      appendLine(inner, to: &text)
      item(&text, index, inner)
    }
    if count > 0 { appendLine(indentation, to: &text) }
    text += brackets.1
  }

  private static func append(
    _ key: String, _ value: JSONValue, to text: inout String, _ indentation: Int?
  ) {
    append(key, to: &text)
    text += indentation == nil ? ":" : ": "
    value.append(to: &text, indentation: indentation)
  }

  private static func appendLine(_ indentation: Int?, to text: inout String) {
    guard let indentation else { return }
    text += "\n" + String(repeating: " ", count: indentation)
  }

  private static func append(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case "\u{0}"..<"\u{20}", "\u{7F}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
