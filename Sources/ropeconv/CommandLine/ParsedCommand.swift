import ArgumentParser
import Conversion
import Evaluation
import Rotary

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
    let tree = CommandTree(root: Self.self)
    let words = tree.resolve(arguments).path.dropFirst().map { $0._commandName }
    let plain = ParserText.plain(text) { option, value in
      accepts(words + ["\(option)=\(value)"], value: value)
    }
    return CommandLineFault(arguments, in: tree, message: plain)
  }

  /// Whether a value has the type of the option that it is given to, whatever else the line lacks.
  private static func accepts(_ arguments: [String], value: String) -> Bool {
    do {
      _ = try parseAsRoot(arguments)
      return true
    } catch { return !message(for: error).hasPrefix("The value '\(value)' is invalid") }
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

  private static let sites = "sites such as qk, vo or qkvo, or nope for none"
  private static let file = "a file"
  private static let folder = "a file or a folder"

  /// What an option takes that nothing may not stand for: sites, lists, and files to read.
  private static let expected: [String: String] = [
    "--to": sites, "--sites": sites, "--value-pairs": "a number, one per layer (8,8,16), or all",
    "--absorb": "a list such as A2,A5", "--lengths": NumberList.wholeNumbers,
    "--depths": NumberList.anyNumbers, "--task": "tasks such as niah_single_1,vt, or all",
    "--tasks": "files of tasks, or folders of .jsonl files",
    "--rope-scaling": "scalings such as linear or yarn:qk",
    "--text": file, "--tokens": file, "--calibrate": file, "--calibrate-tokens-from": file,
    "--prompt-file": file, "--requests": file, "--baselines": file, "--template": file,
    "--squad": file, "--hotpot": file, "--logprobs": file, "--streams": file, "--imatrix": file,
    "--haystack": folder, "--essays": folder, "--architectures": "a folder",
  ]

  /// Options that take `-` for standard input.
  private static let streams: Set<String> = [
    "--text", "--tokens", "--calibrate", "--calibrate-tokens-from", "--prompt-file", "--requests",
    "--baselines", "--template", "--squad", "--hotpot", "--logprobs", "--streams",
  ]

  /// Long names of an option that has another one.
  private static let aliases = ["--tasks": "--task"]

  /// Refuses an option that counts once and is given twice, of which the last would be taken in silence; an
  /// empty text for sites, a list or a file, which in a script is a variable that nobody set; and standard
  /// input for two things, of which the second would find it empty.
  /// Values that can be read without a model are read: a plan's steps are refused before the first begins.
  /// - Parameter path: the command.
  /// - Throws: `UsageError`, and `ConversionError` for a type or an absorption that is none.
  func check(for path: CommandTree.Path) throws {
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
    for option in options where option.value == "" {
      // In `eval ruler` they are names, in `eval icl` files.
      let isRuler = path.last?._commandName == EvaluateRuler._commandName
      let name = isRuler ? Self.aliases[option.name] ?? option.name : option.name
      guard let expected = Self.expected[name] else { continue }
      throw UsageError("\(option.name) is empty, expected \(expected)")
    }
    let readers = options.filter { Self.streams.contains($0.name) && $0.value == "-" }
    if readers.count > 1 {
      throw UsageError(
        "standard input can be read once, and is asked for "
          + (readers[0].name == readers[1].name
            ? "by \(readers[0].name) twice"
            : "by \(readers[0].name) and by \(readers[1].name)"))
    }
    for option in options {
      guard let value = option.value else { continue }
      try Self.read(value, of: option.name)
      if option.name == "--ctx", let context = Int(value) { try Self.check(context, for: path) }
    }
  }

  /// - Throws: `UsageError` for a context that no model of this command can be given.
  private static func check(_ context: Int, for path: CommandTree.Path) throws(UsageError) {
    let isRequests = path.last?._commandName == EvaluateRequests._commandName
    let contexts = isRequests ? RequestsEvaluation.contexts : WindowPlan.contexts
    guard contexts.contains(context) else {
      throw UsageError(
        "--ctx is \(context), expected a number from \(contexts.lowerBound) to 2^40")
    }
  }

  /// Reads a value as its command will.
  private static func read(_ value: String, of option: String) throws {
    switch option {
    case "--to" where value.lowercased() == "keep": return
    case "--to", "--sites":
      guard (try? RotarySites(parsing: value)) != nil else {
        throw UsageError("\(option) is '\(value)', expected \(sites)")
      }
    case "--rope-scaling":
      for part in value.split(separator: ",", omittingEmptySubsequences: false) {
        _ = try ScalingMethod(String(part))
      }
    case "--lengths": _ = try NumberList.whole(value, option: option)
    case "--depths": _ = try NumberList.numbers(value, option: option)
    case "--value-pairs" where value != "all": _ = try ValueRotationOptions.counts(value)
    case "--memory", "--shard-size": _ = try ByteSize.parse(value, option: option)
    case "--type": _ = try OutputTypes(parsing: value)
    case "--absorb": _ = try AbsorptionIdentity.list(value)
    default: return
    }
  }
}
