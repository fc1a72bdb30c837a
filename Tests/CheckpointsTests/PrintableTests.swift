import Base
import Testing

/// Text of a file never moves the cursor, ends a line or hides what stands before it.
@Suite struct PrintableTests {
  @Test(arguments: [
    ("plain Ünïcödé", "plain Ünïcödé"), ("a\r\nb", "a\\u{d}\\u{a}b"), ("\u{1b}[2J", "\\u{1b}[2J"),
    ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"), ("x\u{202e}y", "x\\u{202e}y"), ("", ""),
  ])
  func oneLine(text: String, shown: String) { #expect(printable(text) == shown) }

  /// Colours are the program's own, and harmless from others. Not so what hides a text or lets it blink.
  @Test(arguments: [
    ("a\n\tb", "a\n\tb"), ("a\r\nb", "a\\u{d}\nb"),
    ("\u{1b}[38;5;16;48;5;31mred\u{1b}[0m", "\u{1b}[38;5;16;48;5;31mred\u{1b}[0m"),
    ("\u{1b}[38;2;0;0;0;48;2;1;2;3mred", "\u{1b}[38;2;0;0;0;48;2;1;2;3mred"),
    ("\u{1b}[8mhid\u{1b}[38;5;1;8mden", "\\u{1b}[8mhid\\u{1b}[38;5;1;8mden"),
    ("a\u{2028}b\u{200f}", "a\\u{2028}b\\u{200f}"),
    ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
    ("\u{1b}[31", "\\u{1b}[31"),
    ("\u{1b}", "\\u{1b}"),
  ])
  func severalLines(text: String, shown: String) { #expect(printableLines(text) == shown) }

  /// What JSON leaves as it is, a terminal does not; what is escaped is the same JSON.
  @Test func jsonStaysJSON() throws {
    let value: JSONValue = ["a\u{9b}31m": .string("x\u{202e}y\u{7f}\u{1b}[2J\r\n\t")]
    let text = printableJSON(value.serialized(pretty: true))
    #expect(
      !text.unicodeScalars.contains {
        $0.value == 0x9b || $0.value == 0x202e || $0.value == 0x7f || $0.value == 0x1b
      })
    #expect(try JSONValue.parse(Array(text.utf8), file: "") == value)
  }

  @Test func quotedTextIsCut() {
    #expect(quoted("a\u{1b}b") == "'a\\u{1b}b'")
    #expect(
      quoted(String(repeating: "x", count: 81)) == "'\(String(repeating: "x", count: 80))...'")
  }
}
