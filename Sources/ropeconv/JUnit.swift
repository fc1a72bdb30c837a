import ArgumentParser
import Checkpoints
import Foundation

/// Results as JUnit's XML, which CI servers read.
enum JUnit {
  struct Case {
    let name: String
    /// Why it failed; nil: it passed.
    let failure: String?
  }

  static func text(_ cases: [Case], suite: String) -> String {
    let failures = cases.count { $0.failure != nil }
    var lines = [
      #"<?xml version="1.0" encoding="UTF-8"?>"#,
      #"<testsuite name="\#(escaped(suite))" tests="\#(cases.count)" failures="\#(failures)">"#,
    ]
    for one in cases {
      let head = #"  <testcase classname="\#(escaped(suite))" name="\#(escaped(one.name))""#
      lines.append(
        one.failure.map { #"\#(head)><failure message="\#(escaped($0))"/></testcase>"# }
          ?? "\(head)/>")
    }
    return (lines + ["</testsuite>"]).joined(separator: "\n") + "\n"
  }

  /// - Parameter force: whether an older file is replaced.
  static func write(_ cases: [Case], suite: String, to path: String, force: Bool) throws {
    try WholeFile.write(Array(text(cases, suite: suite).utf8), to: path, force: force)
  }

  private static func escaped(_ text: String) -> String {
    // XML 1.0 has no place for most control characters, not even escaped.
    String(text.unicodeScalars.filter { $0.value >= 32 || $0 == "\t" }.map(Character.init))
      .replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}

/// What a CI job wants to know: thresholds that were met and missed.
struct ThresholdOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the thresholds as JUnit test cases.", valueName: "file"))
  var junit: String?

  /// Writes the cases and throws for the first threshold that was missed.
  /// - Parameters:
  ///   - force: whether an older file of cases is replaced.
  ///   - checks: a threshold's option, the text of its limit, and why it was missed.
  func check(
    _ command: String, force: Bool, _ checks: [(option: String, missed: String?)]
  ) throws {
    if let junit {
      let cases = checks.map { JUnit.Case(name: $0.option, failure: $0.missed) }
      try JUnit.write(
        cases.isEmpty ? [JUnit.Case(name: "ran", failure: nil)] : cases, suite: command,
        to: junit, force: force)
    }
    if let reason = checks.compactMap(\.missed).first { throw ThresholdMissed(reason: reason) }
  }
}
