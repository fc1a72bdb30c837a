import Base
import Foundation
import TestSupport
import Testing

/// Libraries know nothing of the command line: what an error or a hint calls `--ctx` is said in
/// `Sources/ropeconv` alone.
@Suite struct OptionNameTests: CommandSuite {
  /// Every long option of the program's commands, with its dashes.
  private func options() throws -> Set<String> {
    var names: Set<String> = []
    func collect(_ command: JSONValue) {
      for argument in command["arguments"]?.array ?? [] {
        for name in argument["names"]?.array ?? [] where name["kind"]?.string == "long" {
          if let text = name["name"]?.string { names.insert("--\(text)") }
        }
      }
      for child in command["subcommands"]?.array ?? [] { collect(child) }
    }
    collect(try #require(json(run("--experimental-dump-help"))["command"]))
    return names
  }

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
}
