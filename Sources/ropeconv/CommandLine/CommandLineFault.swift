import ArgumentParser
import Foundation

/// A wrong command line, put so that the right one can be seen from it.
struct CommandLineFault {
  let summary: String
  /// What was meant, as a sentence, where that can be told.
  let suggestion: String?
  /// Whose `--help` tells more.
  let command: String

  var hint: String { (suggestion.map { "\($0) " } ?? "") + CommandTree.help(of: command) }

  /// What is wrong with these arguments; `message` is what the parser says of it.
  init(_ arguments: [String], in tree: CommandTree, message: String) {
    let (path, rest) = tree.resolve(arguments)
    if CommandTree.names(below: path).isEmpty {
      self.init(options: rest, of: path, in: tree, message: message)
    } else if let word = rest.first(where: { !$0.hasPrefix("-") }) {
      self.init(word: word, of: Array(rest), below: path, in: tree)
    } else {
      self.init(summary: message, suggestion: nil, command: CommandTree.words(path))
    }
  }

  /// For `ropeconv help WORDS`, where the words name no command.
  init?(helpFor words: [String], in tree: CommandTree) {
    let (path, rest) = tree.resolve(words)
    guard let word = rest.first, !word.hasPrefix("-"), word != "help" else { return nil }
    if CommandTree.names(below: path).isEmpty {
      let command = CommandTree.words(path)
      self.init(
        summary: "'\(command)' has no subcommand '\(word)'", suggestion: nil, command: command)
    } else {
      self.init(word: word, of: Array(rest), below: path, in: tree)
    }
  }

  private init(summary: String, suggestion: String?, command: String) {
    self.summary = summary
    self.suggestion = suggestion
    self.command = command
  }

  /// A word where a subcommand must stand.
  private init(
    word: String, of rest: [String], below path: CommandTree.Path, in tree: CommandTree
  ) {
    let names = CommandTree.names(below: path)
    let here = CommandTree.words(path)
    if names.contains(word), let option = rest.first {
      self.init(
        summary: "'\(option)' stands before the subcommand",
        suggestion: "options come after it: '\(here) \(word) ... \(option)';",
        command: "\(here) \(word)")
      return
    }
    let leaves = tree.leaves.map {
      (name: $0.last?._commandName ?? "", words: CommandTree.words($0))
    }
    let meant =
      leaves.first { $0.name == word }?.words
      ?? Spelling.nearest(to: word, in: names).map { "\(here) \($0)" }
      ?? leaves.first { Spelling.nearest(to: word, in: [$0.name]) != nil }?.words
    let summary = "'\(here)' has no subcommand '\(word)'"
    if let meant {
      self.init(summary: summary, suggestion: "did you mean '\(meant)'?", command: meant)
      return
    }
    let later = rest.first(where: names.contains)
    let isOperand = word.contains("/") || word.contains(".")
    guard later != nil || isOperand else {
      self.init(
        summary: "\(summary) (known: \(names.joined(separator: ", ")))", suggestion: nil,
        command: here)
      return
    }
    let first = "\(here) \(later ?? names[0])"
    self.init(
      summary: summary,
      suggestion: "the subcommand comes first\(later == nil ? ", as in" : ":") '\(first) \(word)';",
      command: later == nil ? here : first)
  }

  /// An option that the command does not have, or what the parser says.
  private init(
    options arguments: ArraySlice<String>, of path: CommandTree.Path, in tree: CommandTree,
    message: String
  ) {
    let command = CommandTree.words(path)
    let known = CommandTree.options(of: path)
    guard let found = Self.unknownOption(arguments, known: known) else {
      self.init(summary: message, suggestion: nil, command: command)
      return
    }
    // One that other commands have is not a misspelling.
    let long = ShortName.options(in: found).first ?? found
    let owners = tree.leaves.filter { CommandTree.options(of: $0).contains(long) }
      .map(CommandTree.words)
    let doubled = "-" + found
    var suggestion: String?
    if known.contains(doubled) {
      suggestion = "did you mean \(doubled)?"
    } else if !found.hasPrefix("--"), found.count > 2, known.contains(long) {
      suggestion = "a letter and its value are two words: \(found.prefix(2)) \(found.dropFirst(2));"
    } else if let other = Self.counterpart(of: long, in: known) {
      suggestion = "'\(command)' takes \(other) in its place;"
    } else if !owners.isEmpty {
      let names = owners.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
      suggestion = "\(found) is an option of \(names)\(owners.count > 3 ? " and others" : "");"
    } else if let near = Spelling.nearest(to: found, in: known) {
      suggestion = "did you mean \(near)?"
    }
    self.init(summary: "unknown option '\(found)'", suggestion: suggestion, command: command)
  }

  /// Options that give commands the same thing under different names.
  private static let counterparts = [
    ["--text", "--haystack", "--essays"], ["--ctx", "--lengths"], ["--to", "--sites"],
    ["--chunks", "--trials", "--samples", "--examples"],
  ]

  /// What a command calls what another one has this option for.
  private static func counterpart(of option: String, in known: [String]) -> String? {
    counterparts.first { $0.contains(option) }?.first(where: known.contains)
  }

  /// The first option that is not known; also one with a single dash in the place of two, and a
  /// letter that stands for an option of other commands.
  private static func unknownOption(
    _ arguments: ArraySlice<String>, known: [String]
  ) -> String? {
    arguments.prefix { $0 != "--" }.map { String($0.prefix { $0 != "=" }) }.first { name in
      name.hasPrefix("--")
        ? !known.contains(name)
        : name.count > 2 && name.hasPrefix("-") && known.contains("-" + name)
          || ShortName.options(in: name).contains { $0.hasPrefix("--") && !known.contains($0) }
    }
  }
}
