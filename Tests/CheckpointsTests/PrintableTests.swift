import Base
import Testing

/// Text of a file never moves the cursor, ends a line or hides what stands before it.
@Suite struct PrintableTests {
  @Test(arguments: [
    ("plain Ünïcödé", "plain Ünïcödé"), ("a\r\nb", "a\\u{d}\\u{a}b"), ("\u{1b}[2J", "\\u{1b}[2J"),
    ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"), ("x\u{202e}y", "x\\u{202e}y"), ("", ""),
  ])
  func oneLine(text: String, shown: String) { #expect(printable(text) == shown) }

  /// Colours are the program's own, and harmless from others.
  @Test(arguments: [
    ("a\n\tb", "a\n\tb"), ("a\r\nb", "a\\u{d}\nb"),
    ("\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[0m"),
    ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
    ("\u{1b}[31", "\\u{1b}[31"),
    ("\u{1b}", "\\u{1b}"),
  ])
  func severalLines(text: String, shown: String) { #expect(printableLines(text) == shown) }

  @Test func quotedTextIsCut() {
    #expect(quoted("a\u{1b}b") == "'a\\u{1b}b'")
    #expect(
      quoted(String(repeating: "x", count: 81)) == "'\(String(repeating: "x", count: 80))...'")
  }
}
