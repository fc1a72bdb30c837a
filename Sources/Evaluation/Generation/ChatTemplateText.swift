import Foundation

/// The text of a chat template, read for the pieces that it writes around a user's words. What it
/// does is not known: a family is told only where all of its pieces are there and no others.
struct ChatTemplateText {
  /// Longer ones are of no known family; the longest that have been seen have a third of it.
  static let byteLimit = 1 << 16

  /// The template without comments, with line feeds and EOS as characters in its literals, which are
  /// joined where nothing but an operator is between them.
  private let text: String

  /// Nil where the template has more than `byteLimit` bytes.
  init?(_ template: String) {
    guard template.utf8.count <= Self.byteLimit else { return nil }
    var text = Self.withoutComments(template.replacing("\r\n", with: "\n"))
    for (pattern, replacement) in [
      (#"\\n"#, "\n"), (#"\beos_token\b"#, "'\(ChatFormat.eos)'"),
      // What follows the end of an expression in its line is written, a line feed too.
      (#"(['"])[ \t]*\}\}\n(?![ \t\n]*\{[{%]-)"#, "\n$1}}"),
      (#"['"][ \t]*[+~][ \t]*['"]"#, ""),
      (#"['"][ \t]*-?\}\}\{\{-?[ \t]*['"]"#, ""),
      (#"['"][ \t]*-\}\}\s*\{\{-?[ \t]*['"]"#, ""),
      (#"['"][ \t]*-?\}\}\s*\{\{-[ \t]*['"]"#, ""),
    ] {
      text = text.replacingOccurrences(
        of: pattern, with: replacement, options: .regularExpression)
    }
    self.text = text
  }

  /// A template without its comments; one that does not end is none.
  static func withoutComments(_ template: String) -> String {
    let bytes = Array(template.utf8)
    func end(of pair: StaticString, from start: Int) -> Int? {
      let (first, second) = (pair.utf8Start[0], pair.utf8Start[1])
      return (start..<max(start, bytes.count - 1)).first {
        bytes[$0] == first && bytes[$0 + 1] == second
      }.map { $0 + 2 }
    }
    var (kept, next) = ([UInt8](), 0)
    while let opened = end(of: "{#", from: next), let closed = end(of: "#}", from: opened) {
      kept += bytes[next..<opened - 2]
      next = closed
    }
    return String(decoding: kept + bytes[next...], as: UTF8.self)
  }

  /// The format that the template writes; nil where none is known to be it.
  var format: ChatFormat? { ChatFormat.known.first(where: writes) }

  private func writes(_ format: ChatFormat) -> Bool {
    opens(format) && closes(format) && replies(format)
      && (format.start.isEmpty || text.contains(format.start))
      && foreignMarks(of: format).isEmpty && !opensSometimes(format)
  }

  // MARK: - Pieces

  /// What comes right after a piece that is whole: the end of its literal, or a tag.
  private static let end = #"(?=['"{]|\s*\{|\s*\z)"#
  /// What comes right before one.
  private static let begin = #"(?<=['"}])"#
  /// Part of an expression in which a message's member is read.
  private static let operand = "[^{}+~]{0,80}?"

  private func contains(_ pattern: String) -> Bool {
    text.range(of: pattern, options: .regularExpression) != nil
  }

  /// The patterns of what opens the user's turn, whose role may be written out or be a variable.
  private static func openings(_ format: ChatFormat) -> [String] {
    let opening = escaped(format.opening)
    let parts = format.opening.components(separatedBy: "user").map(escaped)
    guard parts.count == 2 else { return [opening] }
    let role = "\(operand)role\(operand)"
    return [
      opening, parts[0] + #"['"][ \t]*[+~]"# + role + #"[+~][ \t]*['"]"# + parts[1],
      parts[0] + #"\{\{-?"# + role + #"-?\}\}"# + parts[1],
    ]
  }

  private func opens(_ format: ChatFormat) -> Bool {
    Self.openings(format).contains { contains($0 + #"(?=['"{])"#) }
  }

  /// Whether one branch of a condition writes the user's turn with its opening, and the other one's
  /// begins with the words: a first turn, or a later one, is not of the format.
  private func opensSometimes(_ format: ChatFormat) -> Bool {
    guard !format.closing.isEmpty else { return false }
    let closing = Self.escaped(format.closing) + #"['"][ \t]*-?\}\}"#
    let words = #"\w{1,40}(?:\[\w{1,40}\])?(?:\.content\b|\[['"]content['"]\])[^{}+~'"]{0,80}"#
    let bare = #"\{\{-?\s*"# + words + #"[+~][ \t]*['"]"# + closing
    let otherwise = #"\s*\{%-?\s*else\s*-?%\}\s*"#
    return Self.openings(format).contains { opening in
      let whole = opening + #"['"][ \t]*[+~]"# + Self.operand + #"[+~][ \t]*['"]"# + closing
      return contains(whole + otherwise + bare)
        || contains(bare + otherwise + #"\{\{-?[^{}]{0,80}?"# + whole)
    }
  }

  private func closes(_ format: ChatFormat) -> Bool {
    guard !format.closing.isEmpty else { return true }
    let reply = format.reply.isEmpty ? "" : "|" + Self.escaped(format.reply)
    let closing = Self.escaped(format.closing)
    guard format.closing.contains(ChatFormat.eos) else {
      return contains(Self.begin + closing + #"(?=['"{]|\s*\{|\s*\z"# + reply + ")")
    }
    // The model's words end with it in many a template: here it is the user's that count.
    return Self.openings(format).contains {
      contains($0 + #"['"][ \t]*[+~]"# + Self.operand + #"[+~][ \t]*['"]"# + closing)
    }
  }

  /// What the model's turn begins with stands where it is asked for, and nothing after it.
  private func replies(_ format: ChatFormat) -> Bool {
    guard !format.reply.isEmpty else { return true }
    let reply = Self.escaped(format.reply)
    let asked = text.range(of: "add_generation_prompt", options: .backwards)
    let tail = asked.map { text[$0.upperBound...] } ?? text[...]
    return contains(reply + Self.inlineCondition)
      || tail.range(
        of: reply + Self.end + "(?!\(Self.moreInEitherCase))", options: .regularExpression) != nil
  }

  /// The reply's beginning where it is an expression with a condition, the last of the template.
  private static let inlineCondition =
    #"['"]\s*if\s+add_generation_prompt(?:\s+else\s*(?:''|""))?\s*-?\}\}\s*\z"#
  /// What writes more behind the reply's beginning whether a condition holds or not.
  private static let moreInEitherCase =
    #"['"]?\s*-?(?:\}\})?\s*\{%-?\s*if\b[^%]{0,2000}%\}[\s\S]{0,2000}?\{%-?\s*else\s*-?%\}\s*\{\{-?\s*['"]"#

  private static func escaped(_ text: String) -> String {
    NSRegularExpression.escapedPattern(for: text)
  }

  // MARK: - Marks

  /// What looks like a token around a turn.
  static func marks(in text: String) -> [String] {
    let pattern =
      #/<[|｜][^<>|｜\s]{1,64}[|｜]>|<\/?[a-z]+_of_[a-z]+>|<[se]op>|\[\/?[A-Z][A-Z_]{2,31}\]|\[[a-z]MASK\]/#
    var seen: Set<String> = []
    return text.matches(of: pattern.matchingSemantics(.unicodeScalar)).map { String($0.output) }
      .filter { seen.insert($0).inserted }
  }

  /// Words in the marks of what is beside a user's words: a system turn, tools, pictures, thoughts.
  private static let beside = [
    "system", "sys", "tool", "function", "call", "think", "vision", "image", "img", "pad", "video",
    "audio", "python", "code", "args", "object", "box", "quad", "observation", "eom", "document",
    "endoftext", "begin_of_text", "end_of_text",
  ]

  /// Marks that the template writes and the format does not.
  private func foreignMarks(of format: ChatFormat) -> [String] {
    let own = format.marks + [format.turnEnd].compactMap { $0 }
    return Self.marks(in: text).filter { mark in
      !own.contains(mark) && !Self.beside.contains { mark.lowercased().contains($0) }
    }
  }
}
