import Base
import Foundation
import Synchronization

/// All that the program writes to its standard streams goes through here: write(2) itself, since
/// Foundation ends the process where a write fails, and `print` does not tell.
enum StandardStreams {
  /// Makes the streams safe to write to, before the first file is opened.
  ///
  /// A descriptor that the caller closed would be given to the next file, and that file would get
  /// what is printed; so it leads to a file that cannot be used. A reader that went away, or a limit
  /// on the size of files, is an error to report, not a signal that ends the process in its work.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    // A file is opened under the lowest free number: this one, as those below are open by then.
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Ends the process. A result that was lost on its way out is an I/O error, whatever else is said
  /// of it; a command that failed keeps its own status.
  ///
  /// Libraries are not asked to end: OpenBLAS would wait for threads of its own, for ever where they wait
  /// for memory that a limit of the process denies them.
  static func exit(_ status: ExitStatus) -> Never {
    let hasResult = status == .done || status == .thresholdMissed
    let isLost = hasResult && StandardOutput.isLost
    fflush(nil)
    _exit(isLost ? ExitStatus.inputOutput.rawValue : status.rawValue)
  }

  /// Writes all bytes; the error number where that is not possible.
  fileprivate static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    let number = bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    return number == 0 ? nil : number
  }
}

/// Results.
enum StandardOutput {
  private static let lost = Mutex(false)

  /// Whether anything could not be written.
  static var isLost: Bool { lost.withLock { $0 } }

  /// Writes a text, and a newline where it does not end with one. Where that fails a line on
  /// standard error says so, once, and `StandardStreams.exit` gives its status.
  static func write(_ text: String) { put(printableLines(text)) }

  /// Writes a result, an error or a list of them as JSON.
  static func write(_ json: JSONValue) { put(printableJSON(json.serialized(pretty: true))) }

  /// Writes the next piece of a text that somebody else makes: as it is, but on a terminal its control
  /// characters are escaped.
  /// - Returns: false where standard output cannot be written any more.
  static func stream(_ piece: String) -> Bool {
    put(Array((isatty(STDOUT_FILENO) == 1 ? printableText(piece) : piece).utf8))
    return !isLost
  }

  /// Ends the line of a text that came in pieces.
  static func endStream() { put([UInt8(ascii: "\n")]) }

  private static func put(_ text: String) {
    TerminalLine.clear()
    var bytes = Array(text.utf8)
    if bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
    put(bytes)
  }

  private static func put(_ bytes: [UInt8]) {
    lost.withLock { isLost in
      guard !isLost, let number = StandardStreams.write(bytes, to: STDOUT_FILENO) else { return }
      isLost = true
      let reason = String(cString: strerror(number))
      StandardError.line("ropeconv: error: standard output cannot be written: \(reason)")
    }
  }
}

/// Progress, warnings and errors. One that cannot be written is left out: there is nowhere left to
/// say so, and the work goes on.
enum StandardError {
  /// Writes one line: a text from a file cannot start a second one. A moving line makes room for it.
  static func line(_ text: String) {
    TerminalLine.clear()
    write(printable(text.replacing("\n", with: " ")) + "\n")
  }

  /// Writes a text as it is.
  static func write(_ text: String) { write(Array(text.utf8)) }

  /// Writes bytes as they are.
  static func write(_ bytes: some Sequence<UInt8>) {
    _ = StandardStreams.write(Array(bytes), to: STDERR_FILENO)
  }
}

/// The last line of a terminal, which moves with the work until another one is written.
enum TerminalLine {
  /// Whether standard error is a terminal that can erase a line.
  static let isTerminal =
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  private static let isShown = Mutex(false)
  private static let erase = "\r\u{1B}[K"

  /// Its width, 80 where it does not say.
  static var columns: Int { columns(of: STDERR_FILENO) }

  /// The width of standard output, where that is a terminal.
  static var outputColumns: Int? {
    isatty(STDOUT_FILENO) == 1 ? columns(of: STDOUT_FILENO) : nil
  }

  private static func columns(of descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Shows a text in the place of the one before; on a terminal alone. Names of models are in it.
  static func show(_ text: String) {
    guard isTerminal else { return }
    isShown.withLock { isShown in
      isShown = true
      StandardError.write(erase + printable(text))
    }
  }

  /// Removes the moving line, where one is shown.
  static func clear() {
    isShown.withLock { isShown in
      if isShown { StandardError.write(erase) }
      isShown = false
    }
  }
}
