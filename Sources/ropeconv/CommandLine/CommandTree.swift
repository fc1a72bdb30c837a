import ArgumentParser
import Base

/// The program's commands as the command line names them, to say what a wrong line could have
/// meant.
struct CommandTree {
  /// A command, from the program down: `ropeconv`, `eval`, `perplexity`.
  typealias Path = [any ParsableCommand.Type]

  let root: any ParsableCommand.Type

  /// The words of a command, as they are typed.
  static func words(_ path: Path) -> String { path.map { $0._commandName }.joined(separator: " ") }

  /// Where a command's options are told, as an error's hint; `command` is its words.
  static func help(of command: String) -> String { "see '\(command) --help'" }

  static func names(below path: Path) -> [String] {
    path.last.map { $0.configuration.subcommands.map { $0._commandName } } ?? []
  }

  /// The command that the first arguments name, and the arguments after its words.
  func resolve(_ arguments: [String]) -> (path: Path, rest: ArraySlice<String>) {
    var path: Path = [root]
    var rest = arguments[...]
    while let word = rest.first, let child = Self.child(of: path, word) {
      path.append(child)
      rest = rest.dropFirst()
    }
    return (path, rest)
  }

  private static func child(of path: Path, _ word: String) -> (any ParsableCommand.Type)? {
    path.last?.configuration.subcommands.first { $0._commandName == word }
  }

  /// Every command that does work.
  var leaves: [Path] { Self.leaves(below: [root]) }

  private static func leaves(below path: Path) -> [Path] {
    let children = path.last?.configuration.subcommands ?? []
    return children.isEmpty ? [path] : children.flatMap { leaves(below: path + [$0]) }
  }

  /// The long options of a command, with their dashes.
  static func options(of path: Path) -> [String] { arguments(of: path).flatMap(longNames) }

  /// Those that take a value and may be given once.
  static func optionsGivenOnce(of path: Path) -> Set<String> {
    let single = arguments(of: path).filter {
      $0["kind"]?.string == "option" && $0["isRepeating"]?.bool == false
    }
    return Set(single.flatMap(longNames))
  }

  /// What the parser says of a command's arguments, an object each.
  private static func arguments(of path: Path) -> [JSONValue] {
    guard let command = path.last,
      let help = try? JSONValue.parse(Array(command._dumpHelp().utf8), file: "help")
    else { return [] }
    return help["command"]?["arguments"]?.array ?? []
  }

  private static func longNames(of argument: JSONValue) -> [String] {
    (argument["names"]?.array ?? []).compactMap { name in
      name["kind"]?.string == "long" ? name["name"]?.string.map { "--\($0)" } : nil
    }
  }
}

/// Which word was meant by a misspelt one.
enum Spelling {
  /// The nearest of the words, if it is near enough to be meant; the first of several.
  static func nearest(to word: String, in words: [String]) -> String? {
    let letters = word.count { $0 != "-" }
    let limit = letters < 4 ? 1 : letters < 9 ? 2 : 3
    return words.map { ($0, distance(word, $0)) }.filter { $0.1 <= limit }
      .min { $0.1 < $1.1 }?.0
  }

  /// Letters to insert, remove, replace or swap with a neighbour.
  static func distance(_ one: String, _ other: String) -> Int {
    let (a, b) = (Array(one), Array(other))
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var least = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          least = min(least, rows[i - 1][j - 1] + 1)
        }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
