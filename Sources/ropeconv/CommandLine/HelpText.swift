import Base
import Reports

/// What `--help` says besides options. The parser breaks lines of words at 80 columns; lines of
/// examples and tables are broken here, so that they keep their shape.
enum HelpText {
  /// What fits a terminal of 80 columns, and its manual page, which is indented.
  private static let columns = 72
  /// Where the second column begins, as the parser has it.
  private static let indent = 26

  /// A command's discussion: words, each paragraph a line, and what to type.
  static func discussion(_ words: String = "", examples: String...) -> String {
    let lines = examples.map { example in broken("  \(example)") }
    return (words.isEmpty ? "" : words + "\n\n") + "Example:\n" + lines.joined(separator: "\n")
  }

  /// A line to type, broken before options where it is too long, as a shell takes it.
  private static func broken(_ example: String) -> String {
    let head = example.prefix(columns - 2)
    guard example.count > columns,
      let place = head.indices.last(where: { beginsOption(head[$0...]) })
    else { return example }
    return example[..<place] + " \\\n" + broken("    " + example[example.index(after: place)...])
  }

  /// Whether these are a blank, one dash or two, and a letter. Not a regex: every start of the
  /// program comes here, and compiling one takes a millisecond.
  private static func beginsOption(_ text: Substring) -> Bool {
    guard text.hasPrefix(" -") else { return false }
    let rest = text.dropFirst(text.hasPrefix(" --") ? 3 : 2)
    return rest.first.map { ("a"..."z").contains($0) } ?? false
  }

  /// Below what the program is: how calls end, and what the environment says to it.
  static var ofProgram: String {
    "Exit codes:\n" + table(exitCodes) + "\n\nEnvironment:\n" + table(environment)
  }

  private static func table(_ rows: [(String, String)]) -> String {
    rows.map { name, meaning in
      let blanks = String(repeating: " ", count: indent)
      let words = Format.wrapped(blanks + meaning, indent: indent, columns: columns)
      let label = "  \(name)"
      return label.count < indent
        ? label + words.dropFirst(label.count) : "\(label)\n\(words)"
    }.joined(separator: "\n")
  }

  private static func code(_ status: ExitStatus) -> String { String(status.rawValue) }

  private static let exitCodes = [
    (code(.done), "done"),
    (code(.thresholdMissed), "a threshold was not met, models differ, or a step of run failed"),
    (code(.usage), "usage: unknown, missing or contradictory arguments, or without effect"),
    (code(.malformedData), "malformed or unsupported data"),
    (code(.noInput), "no such input, or it may not be read"),
    (code(.internalError), "a fault of the program, or memory that ran out"),
    (code(.cannotCreate), "an output cannot be created, or exists without --force"),
    (code(.inputOutput), "input or output failed"),
    (
      [ExitStatus.hungUp, .interrupted, .terminated].map(code).joined(separator: ", "),
      "ended by SIGHUP, SIGINT or SIGTERM"
    ),
  ]

  private static let environment = [
    (
      EnvironmentVariable.instructionSet.rawValue,
      "the most instructions that kernels use: portable, avx2, avx512 or auto (default: auto)"
    ),
    (EnvironmentVariable.architectures.rawValue, "a folder of data files, as for --architectures"),
    (EnvironmentVariable.formats.rawValue, "the folder of the program's own data files"),
    (
      EnvironmentVariable.sharedPrefixes.rawValue,
      "off: what prompts begin with alike is computed for each of them (default: on)"
    ),
    (EnvironmentVariable.parent.rawValue, "set by run for its steps; not for users"),
    ("HF_HUB_CACHE, HF_HOME", "where ORG/NAME is looked for (default: ~/.cache/huggingface/hub)"),
    ("XDG_CACHE_HOME", "where caches lie (default: ~/.cache)"),
    ("TMPDIR", "where archives are unpacked (default: /tmp)"),
    ("NO_COLOR, TERM, COLORTERM", "colours of heat maps in a terminal"),
    ("ONEDNN_MAX_CPU_ISA, OPENBLAS_CORETYPE", "read by the libraries themselves"),
  ]
}
