import Checkpoints

/// Results as JUnit's XML, which CI servers read.
package enum JUnit {
  package struct Case: Sendable {
    package let name: String
    /// Why it failed; nil: it passed.
    package let failure: String?

    package init(name: String, failure: String?) {
      self.name = name
      self.failure = failure
    }
  }

  package static func text(_ cases: [Case], suite: String) -> String {
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

  /// Writes the text of the cases to a file; `force` replaces an older one.
  package static func write(_ cases: [Case], suite: String, to path: String, force: Bool) throws {
    try WholeFile.write(Array(text(cases, suite: suite).utf8), to: path, force: force)
  }

  private static func escaped(_ text: String) -> String {
    // XML 1.0 has no place for most control characters, not even escaped.
    String(text.unicodeScalars.filter { $0.value >= 32 || $0 == "\t" }.map(Character.init))
      .replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
