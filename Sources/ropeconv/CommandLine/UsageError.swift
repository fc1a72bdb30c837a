import Base

/// A command line that is well formed and asks for something that cannot be.
struct UsageError: Diagnostic, Equatable {
  let summary: String
  /// What helps; nil: the help of the command, which `OptionHints` names.
  let hint: String?

  init(_ summary: String, hint: String? = nil) {
    self.summary = summary
    self.hint = hint
  }

  var exitStatus: ExitStatus { .usage }
}
