import Base
import Tensors

/// The program's own environment variables, looked at before any work: a wrong value would do as much
/// as none, and nobody would know.
enum EnvironmentCheck {
  /// Lets calls pass that do no work: those for help, which names the variables, and for the version,
  /// and for completions.
  /// - Parameter arguments: a command line that the parser takes.
  /// - Throws: `UsageError` that names the variable and what it takes.
  static func run(for arguments: [String]) throws(UsageError) {
    // What the parser does not answer itself is `help`, a command without its subcommand, and the help
    // of one that has none.
    guard !GivenOptions(arguments).contains("--help") else { return }
    let path = CommandTree(root: Ropeconv.self).resolve(arguments).path
    guard CommandTree.names(below: path).isEmpty else { return }
    for variable in EnvironmentVariable.allCases {
      // An empty one counts as not set.
      guard let value = variable.value, !value.isEmpty, !variable.takes(value) else { continue }
      throw UsageError(
        "\(variable.rawValue) is \(quoted(value)), expected \(variable.expected)",
        hint: CommandTree.help(of: "ropeconv"))
    }
  }
}

extension EnvironmentVariable {
  private static let levels = InstructionSet.allCases.map(\.rawValue) + ["auto"]
  private static let switches = ["on", "off"]

  fileprivate func takes(_ value: String) -> Bool {
    switch self {
    case .instructionSet: Self.levels.contains(value)
    case .architectures: FileStamp(path: value)?.isFolder == true
    case .formats: FileStamp(path: value + "/architectures")?.isFolder == true
    case .sharedPrefixes: Self.switches.contains(value)
    case .parent: Int32(value).map { $0 > 0 } == true
    }
  }

  fileprivate var expected: String {
    switch self {
    case .instructionSet: "one of \(Self.levels.joined(separator: ", "))"
    case .architectures: "a folder of data files (NAME.json)"
    case .formats: "a folder with architectures/ in it"
    case .sharedPrefixes: "one of \(Self.switches.joined(separator: ", "))"
    case .parent: "the number of a process"
    }
  }
}
