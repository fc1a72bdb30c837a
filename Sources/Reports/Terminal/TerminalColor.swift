import Foundation

/// The colours a terminal shows.
package enum TerminalColor: Sendable, Equatable {
  /// Text alone.
  case none
  /// The 6 x 6 x 6 cube of xterm's 256 colours.
  case palette
  /// 24 bits.
  case full

  /// What standard output may carry: colours where it is a terminal, NO_COLOR (no-color.org) is
  /// unset or empty, and TERM is not `dumb`.
  package static var current: TerminalColor {
    detect(
      isTerminal: isatty(STDOUT_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
  }

  /// What a terminal may carry in this environment.
  package static func detect(isTerminal: Bool, environment: [String: String]) -> TerminalColor {
    guard isTerminal, environment["NO_COLOR"] ?? "" == "", environment["TERM"] != "dumb" else {
      return .none
    }
    return ["truecolor", "24bit"].contains(environment["COLORTERM"] ?? "") ? .full : .palette
  }
}
