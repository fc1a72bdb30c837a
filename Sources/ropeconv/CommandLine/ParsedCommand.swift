import ArgumentParser

extension Ropeconv {
  /// The command of a command line, checked for what the parser lets pass.
  /// - Parameter arguments: without the program's name.
  /// - Returns: the command, ready to run.
  /// - Throws: what the parser throws, a request for help too, and `UsageError`.
  static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    let command = try parsedAsGiven(arguments)
    try GivenValues(arguments).check(for: CommandTree(root: Self.self).resolve(arguments).path)
    return command
  }

  /// What is wrong with a command line that the parser refuses.
  static func fault(_ error: any Error, in arguments: [String]) -> CommandLineFault {
    let text = message(for: error).split(separator: "\n").first.map(String.init) ?? "bad usage"
    return CommandLineFault(arguments, in: CommandTree(root: Self.self), message: ParserText.plain(text))
  }

  /// The parser takes a number below zero for another option, and says that the one before has no value.
  private static func parsedAsGiven(_ arguments: [String]) throws -> any ParsableCommand {
    do { return try parseAsRoot(arguments) } catch {
      let joined = joiningNumbers(arguments)
      guard joined != arguments, message(for: error).hasPrefix("Missing value for") else {
        throw error
      }
      return try parseAsRoot(joined)
    }
  }

  /// The arguments, each number below zero joined to the option before it.
  private static func joiningNumbers(_ arguments: [String]) -> [String] {
    func isNumber(_ text: String) -> Bool {
      text.hasPrefix("-") && text.dropFirst().first.map { $0 == "." || $0.isNumber } == true
    }
    var joined: [String] = []
    for argument in arguments {
      if isNumber(argument), let option = joined.last, option.hasPrefix("-"), option.count > 1,
        option != "--", !option.contains("="), !isNumber(option)
      {
        joined[joined.count - 1] = "\(ShortName.options(in: option).last ?? option)=\(argument)"
      } else {
        joined.append(argument)
      }
    }
    return joined
  }
}

/// The options of a command line with their values, for what the parser does not look at.
struct GivenValues {
  /// In their order, by their long names; a flag has no value, or what stands behind it.
  private let options: [(name: String, value: String?)]

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [String]) {
    let given = Array(arguments.prefix { $0 != "--" })
    options = given.enumerated().filter { $0.element.hasPrefix("-") }.flatMap {
      (index, argument) -> [(name: String, value: String?)] in
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let next = index + 1 < given.count ? given[index + 1] : nil
      let value = parts.count > 1 ? String(parts[1]) : next
      return ShortName.options(in: String(parts[0])).map { (name: $0, value: value) }
    }
  }

  /// Options that take sites or a list of something.
  private static let lists: Set<String> = [
    "--to", "--sites", "--value-pairs", "--absorb", "--lengths", "--depths", "--task", "--tasks",
    "--rope-scaling",
  ]

  /// Options that take `-` for standard input.
  private static let streams: Set<String> = [
    "--text", "--tokens", "--calibrate", "--calibrate-tokens-from", "--prompt-file", "--requests",
    "--baselines", "--template", "--squad", "--hotpot", "--logprobs", "--streams",
  ]

  /// Long names of an option that has another one.
  private static let aliases = ["--tasks": "--task"]

  /// Refuses an option that counts once and is given twice, of which the last would be taken in silence; an
  /// empty text for sites or a list, which in a script is a variable that nobody set; and standard input
  /// for two things, of which the second would find it empty.
  /// - Parameter path: the command.
  /// - Throws: `UsageError`.
  func check(for path: CommandTree.Path) throws(UsageError) {
    // By one name of the option the one that it was first given by.
    var first: [String: String] = [:]
    let again = options.map(\.name).filter { name in
      let option = Self.aliases[name] ?? name
      defer { first[option] = first[option] ?? name }
      return first[option] != nil
    }
    // Asked for where it matters alone: a command's description takes its time.
    let single = again.isEmpty ? [] : CommandTree.optionsGivenOnce(of: path)
    if let option = again.first(where: single.contains) {
      let other = first[Self.aliases[option] ?? option] ?? option
      throw UsageError(
        other == option
          ? "\(option) is given twice" : "\(other) is given twice, the second time as \(option)")
    }
    if let empty = options.first(where: { Self.lists.contains($0.name) && $0.value == "" }) {
      let expected =
        ["--to", "--sites"].contains(empty.name)
        ? "sites such as qk, vo or qkvo, or nope for none" : "a list, or one of what it can name"
      throw UsageError("\(empty.name) is empty, expected \(expected)")
    }
    let readers = options.filter { Self.streams.contains($0.name) && $0.value == "-" }
    if readers.count > 1 {
      throw UsageError(
        "standard input can be read once, and is asked for by \(readers[0].name) and by"
          + " \(readers[1].name)")
    }
  }
}
