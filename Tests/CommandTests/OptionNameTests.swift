import Base
import Foundation
import TestSupport
import Testing

/// Libraries know nothing of the command line: what an error or a hint calls `--ctx` is said in
/// `Sources/ropeconv` alone.
@Suite struct OptionNameTests: CommandSuite {
  /// What the program's parser says of an option.
  private struct Declared {
    /// Its long names with their dashes, the main one first.
    let names: [String]
    /// What stands for its value in the help; nil of a flag.
    let valueName: String?
  }

  /// The options of all commands.
  private func declared() throws -> [Declared] {
    var found: [Declared] = []
    func collect(_ command: JSONValue) {
      for argument in command["arguments"]?.array ?? [] {
        let long = (argument["names"]?.array ?? []).filter { $0["kind"]?.string == "long" }
        let names = long.compactMap { $0["name"]?.string }.map { "--\($0)" }
        let takesValue = argument["kind"]?.string == "option"
        guard !names.isEmpty else { continue }
        found.append(
          Declared(names: names, valueName: takesValue ? argument["valueName"]?.string : nil))
      }
      for child in command["subcommands"]?.array ?? [] { collect(child) }
    }
    collect(try #require(json(run("--experimental-dump-help"))["command"]))
    return found
  }

  /// Every long option of the program's commands, with its dashes.
  private func options() throws -> Set<String> { Set(try declared().flatMap(\.names)) }

  /// The Swift files of the libraries.
  private func sources() throws -> [String] {
    let root = References.file("Sources")
    let all = try #require(FileManager.default.enumerator(atPath: root))
    return all.compactMap { $0 as? String }
      .filter { $0.hasSuffix(".swift") && !$0.hasPrefix("ropeconv/") }
      // Its words are part of results' identities, which stay as they are.
      .filter { $0 != "Evaluation/Ruler/RulerLeftOut.swift" }
      .map { "\(root)/\($0)" }
  }

  @Test func librariesNameNoOption() throws {
    let options = try options()
    try #require(options.isSuperset(of: ["--ctx", "--force", "--calibrate", "--set"]))
    let files = try sources()
    try #require(files.count > 200)
    for file in files {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      where line.contains("--") && !line.drop(while: \.isWhitespace).hasPrefix("//") {
        // Outside of comments an option's name can only stand in a string.
        for match in line.matches(of: /--[a-z][a-z-]*/) where options.contains(String(match.0)) {
          Issue.record("\(file):\(number + 1) names \(match.0)")
        }
      }
    }
  }

  /// Tables, hints and reasons of the program name options that there are.
  @Test func programNamesNoOptionThatItDoesNotHave() throws {
    // Of llama-imatrix.
    let known = try options().union(["--in-file"])
    let root = References.file("Sources/ropeconv")
    let all = try #require(FileManager.default.enumerator(atPath: root))
    let files = all.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
    try #require(files.count > 40)
    for file in files {
      let text = try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)
      for line in text.split(separator: "\n")
      where line.contains("--") && !line.drop(while: \.isWhitespace).hasPrefix("//") {
        for match in line.matches(of: /--[a-z][a-z-]*/) where !known.contains(String(match.0)) {
          Issue.record("\(file) names \(match.0): \(line)")
        }
      }
    }
  }

  /// The options that a table of ParsedCommand.swift holds.
  private func table(_ name: String) throws -> Set<String> {
    let file = References.file("Sources/ropeconv/CommandLine/ParsedCommand.swift")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let start = try #require(text.range(of: "private static let \(name)"), "\(name)")
    let rest = text[start.upperBound...]
    let end = try #require(rest.range(of: "\n  ]"), "\(name)")
    let names = rest[..<end.lowerBound].matches(of: /"(--[a-z-]+)"/).map { String($0.1) }
    return Set(names)
  }

  /// The parser does not say which options read a file or take a list; their values' names in the
  /// help do.
  @Test func tablesHoldEveryFileAndList() throws {
    let written: Set<String> = ["--html", "--svg", "--junit", "--state"]
    let (expected, streams) = (try table("expected"), try table("streams"))
    try #require(expected.count > 15 && streams.count > 5)
    #expect(streams.isSubset(of: expected))
    let files = /file|dir|json|csv|npy/
    for option in try declared() {
      guard let value = option.valueName, let name = option.names.first else { continue }
      let isRead =
        value.contains(files) && !value.hasPrefix("out") && !written.contains(name)
      if isRead || value.contains(",") {
        #expect(expected.contains(name), "an empty \(name) is let pass")
      }
      if value.hasSuffix("|-") {
        #expect(streams.contains(name), "\(name) may read standard input beside another")
      }
    }
  }

  /// An option's other name is known as one of the same option.
  @Test func tableHoldsEveryOtherName() throws {
    let file = References.file("Sources/ropeconv/CommandLine/ParsedCommand.swift")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let several = try declared().filter { $0.names.count > 1 }
    try #require(!several.isEmpty)
    for option in several {
      for other in option.names.dropFirst() {
        #expect(text.contains("\"\(other)\": \"\(option.names[0])\""), "\(other)")
      }
    }
  }
}
