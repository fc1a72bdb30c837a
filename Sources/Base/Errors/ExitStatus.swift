/// The exit codes of the command line (sysexits.h), as `docs/cli.md` documents them.
public enum ExitStatus: Int32, Sendable {
  /// The work was done.
  case done = 0
  /// The work was done, but a threshold was not met or the inputs differ.
  case thresholdMissed = 1
  /// The command line asks for something that cannot be, by itself or of this model or text.
  case usage = 64
  /// A file was read and is malformed, or holds something that is not supported.
  case malformedData = 65
  /// An input file or folder is missing or cannot be opened.
  case noInput = 66
  /// The program's own files are missing, or something failed that no input explains.
  case internalError = 70
  /// An output exists already, is an input, or cannot be made.
  case cannotCreate = 73
  /// Reading or writing failed on the way: a full disk, a lost pipe.
  case inputOutput = 74
  /// The terminal was closed (SIGHUP).
  case hungUp = 129
  /// The interrupt key ended the work (SIGINT).
  case interrupted = 130
  /// Another process ended the work (SIGTERM).
  case terminated = 143
}
