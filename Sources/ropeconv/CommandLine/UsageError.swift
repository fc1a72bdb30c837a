import Base

/// A command line that is well formed and asks for something that cannot be.
struct UsageError: Diagnostic, Equatable {
  let summary: String

  init(_ summary: String) { self.summary = summary }

  var exitStatus: ExitStatus { .usage }
}
