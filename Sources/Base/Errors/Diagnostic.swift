/// An error that a user of the command line reads: one sentence, the file and the place it speaks
/// of, and the exit code of `docs/cli.md`.
///
/// Every module throws its own enumeration of such errors; the command line prints
/// `ropeconv: error: FILE: SUMMARY (PLACE)` and, where there is one, `hint: HINT`.
public protocol Diagnostic: Error, Sendable {
  /// What is wrong, what was found and what was expected, in one line without a full stop.
  var summary: String { get }
  /// The file the error speaks of; nil for usage errors.
  var file: String? { get }
  /// Where in the file: a byte offset, a tensor or a key.
  var place: String? { get }
  /// What the user can do about it.
  var hint: String? { get }
  var exitStatus: ExitStatus { get }
}

extension Diagnostic {
  /// The summary as it is shown: a list or a name from a file may be of any length.
  package var shownSummary: String { shortened(summary, to: 2000) }
  /// The place as it is shown.
  package var shownPlace: String? { place.map { shortened($0, to: 200) } }
}

extension Diagnostic {
  /// No file.
  public var file: String? { nil }
  /// No place.
  public var place: String? { nil }
  /// No hint.
  public var hint: String? { nil }
  /// That of malformed data.
  public var exitStatus: ExitStatus { .malformedData }
}
