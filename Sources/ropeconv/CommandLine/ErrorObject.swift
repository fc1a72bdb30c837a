import Base

/// A failed command's JSON object on standard output, beside the line on standard error: what calls
/// the program with `--json` reads one stream alone.
enum ErrorObject {
  static func json(
    summary: String, file: String? = nil, place: String? = nil, hint: String? = nil,
    status: ExitStatus
  ) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      "kind": "error", "summary": .string(summary), "file": text(file), "place": text(place),
      "hint": text(hint), "exit_status": JSONValue(Int(status.rawValue)),
    ]
  }

  static func json(_ error: any Diagnostic) -> JSONValue {
    json(
      summary: OptionHints.summary(of: error), file: error.file, place: error.shownPlace,
      hint: OptionHints.hint(for: error),
      status: error.exitStatus)
  }
}
