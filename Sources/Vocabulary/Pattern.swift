import CPCRE2

/// A compiled regular expression over UTF-8, Unicode-aware, just-in-time compiled where possible.
///
/// Bytes that are not valid UTF-8 never match and become pieces between matches. A checkpoint's
/// patterns may be hostile: what one search may take is limited (`mostAttempts`), and so is the time
/// of all searches of a text (`PatternBudget`).
package final class Pattern: Sendable {
  package let source: String
  private nonisolated(unsafe) let code: OpaquePointer
  /// The file that states it, which errors name.
  private let file: String
  /// The source stands for itself, not for an expression.
  let isLiteral: Bool
  /// Whether matches depend on nothing but the text and where they begin: `\G` asks where the
  /// search began, and a verb (`(*COMMIT)`) may end it.
  let isLocal: Bool

  /// Compiles a pattern.
  ///
  /// - Parameters:
  ///   - source: the expression, or the text itself where `isLiteral`.
  ///   - file: the file that states it, which errors name.
  ///   - anchorsAtLines: `^` and `$` match at the ends of lines too.
  ///   - isLiteral: no character of the source means anything but itself.
  /// - Throws: `VocabularyError.pattern` where it does not compile, begins with `(*`, which sets
  ///   options of PCRE2's own (its limits among them), or has a `\C`, which no code is made for.
  package init(
    _ source: String, file: String, anchorsAtLines: Bool = false, isLiteral: Bool = false
  ) throws(VocabularyError) {
    var number: Int32 = 0
    var offset = 0
    var options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_MATCH_INVALID_UTF) | UInt32(PCRE2_USE_OFFSET_LIMIT)
    if isLiteral {
      options |= UInt32(PCRE2_LITERAL)
    } else {
      options |= UInt32(PCRE2_UCP) | UInt32(PCRE2_NEVER_BACKSLASH_C)
      if anchorsAtLines { options |= UInt32(PCRE2_MULTILINE) }
    }
    let bytes = Array(source.utf8)
    guard isLiteral || !bytes.starts(with: "(*".utf8) else {
      throw .pattern(file: file, pattern: source, problem: "it begins with (*")
    }
    guard
      let code = pcre2_compile_8(bytes, bytes.count, options, &number, &offset, nil)
    else {
      var text = [UInt8](repeating: 0, count: 256)
      pcre2_get_error_message_8(number, &text, text.count)
      throw .pattern(
        file: file, pattern: source,
        problem: String(decoding: text.prefix { $0 != 0 }, as: UTF8.self))
    }
    // Without JIT the interpreter does the same, slower.
    _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
    self.code = code
    self.source = source
    self.file = file
    self.isLiteral = isLiteral
    isLocal = isLiteral || !(source.contains("\\G") || source.contains("(*"))
  }

  deinit { pcre2_code_free_8(code) }

  /// Whether no text is left between matches, as far as a text with every kind of character tells.
  var coversText: Bool {
    var text = String(String.UnicodeScalarView((0..<0x180).compactMap(Unicode.Scalar.init)))
    text +=
      "ǅʰ語\u{0E40}a\u{0301}\u{0903}\u{20DD}٣Ⅷ½‿–“”€🙂\u{3000}\u{2028}\u{2029}\u{200D}\u{E000}\u{0378}"
    text += " a  1 !\n\n b\t"
    var matches: [Range<Int>] = []
    let bytes = Array(text.utf8)
    let isDone = bytes.withUnsafeBufferPointer { bytes in
      (try? self.matches(in: bytes, from: 0, below: bytes.count, to: &matches)) != nil
    }
    var end = 0
    for match in matches where match.lowerBound == end { end = match.upperBound }
    return isDone && end == bytes.count
  }

  /// How many ways PCRE2 may try at one place of a text of so many bytes, as it counts them.
  /// Published patterns try about one for each character of a run of upper case or white space, so
  /// the limit grows with the text; PCRE2's own is the most.
  static func mostAttempts(in byteCount: Int) -> UInt32 {
    UInt32(min(10_000_000, 100_000 + 4 * min(byteCount, 10_000_000)))
  }

  /// The same within a budget of the subject's own.
  package func matches(
    in subject: UnsafeBufferPointer<UInt8>, from start: Int, below limit: Int,
    to matches: inout [Range<Int>], unless stop: (Range<Int>) -> Bool = { _ in false }
  ) throws(VocabularyError) {
    var meter = PatternMeter(PatternBudget(byteCount: subject.count))
    try self.matches(in: subject, from: start, below: limit, to: &matches, &meter, unless: stop)
  }

  /// Appends the matches that begin at or after `start` and before `limit`, in order, as ranges of
  /// the subject. Each search goes on where the last match ended.
  ///
  /// - Parameters:
  ///   - subject: the bytes to search.
  ///   - start: a place where a character begins.
  ///   - limit: where no match begins any more.
  ///   - matches: receives the ranges.
  ///   - meter: counts the time that searches take.
  ///   - stop: asked before each match is taken; the search ends where it says so.
  /// - Throws: `VocabularyError.matching`, with the place in the subject where a search began that
  ///   takes too much, or has no memory; the matches before it are appended.
  func matches(
    in subject: UnsafeBufferPointer<UInt8>, from start: Int, below limit: Int,
    to matches: inout [Range<Int>], _ meter: inout PatternMeter,
    unless stop: (Range<Int>) -> Bool = { _ in false }
  ) throws(VocabularyError) {
    guard let base = subject.baseAddress, start < limit else { return }
    guard let data = pcre2_match_data_create_8(1, nil) else { throw failure("no memory", start) }
    defer { pcre2_match_data_free_8(data) }
    guard let ends = pcre2_get_ovector_pointer_8(data),
      let context = pcre2_match_context_create_8(nil)
    else { throw failure("no memory", start) }
    defer { pcre2_match_context_free_8(context) }
    let most = Self.mostAttempts(in: subject.count)
    var attempts = Self.usualAttempts
    pcre2_set_match_limit_8(context, attempts)
    var position = start
    // A search ends after so many bytes without a match, so that its time is seen: PCRE2's limit
    // holds for each place where a match might begin.
    var stretch = Self.usualStretch
    var follows = true
    while position < limit {
      guard meter.allowsSearch(follows: follows) else {
        throw failure("it takes too long", position)
      }
      var end = isLocal && stretch < limit - position ? position + stretch : limit
      while end < limit, !Self.beginsCharacter(subject[end]) { end += 1 }
      // A match may begin at the limit itself for PCRE2.
      pcre2_set_offset_limit_8(context, end - 1)
      let found = pcre2_match_8(code, base, subject.count, position, 0, data, context)
      follows = found >= 0
      if found == PCRE2_ERROR_MATCHLIMIT, attempts < most {
        // Once more with a higher limit, little by little for the sake of the time.
        attempts = min(most, 4 * attempts)
        pcre2_set_match_limit_8(context, attempts)
        stretch = 1
        continue
      }
      if found == PCRE2_ERROR_NOMATCH {
        position = end
        stretch = min(2 * stretch, Self.longestStretch)
      } else if found >= 0 {
        let match = ends[0]..<max(ends[0], ends[1])
        if stop(match) { return }
        matches.append(match)
        position = Self.next(after: match, in: subject)
      } else {
        throw failure("PCRE2 error \(found)", position)
      }
      if attempts > Self.usualAttempts {
        attempts = Self.usualAttempts
        pcre2_set_match_limit_8(context, attempts)
      }
    }
  }

  /// The ways that a search tries at a place before its time is looked at.
  private static let usualAttempts: UInt32 = 1000
  /// Bytes after which a search without a match pauses, at first and at most.
  private static let usualStretch = 16
  private static let longestStretch = 1 << 12

  private func failure(_ problem: String, _ position: Int) -> VocabularyError {
    .matching(file: file, pattern: source, problem: problem, byte: position)
  }

  /// Where the search for the next match begins.
  ///
  /// An empty match (of a look-ahead) is a cut; the search goes on after the next character.
  static func next(after match: Range<Int>, in subject: UnsafeBufferPointer<UInt8>) -> Int {
    guard match.isEmpty else { return match.upperBound }
    var next = match.upperBound + 1
    while next < subject.count, !beginsCharacter(subject[next]) { next += 1 }
    return next
  }

  /// Whether a byte begins a character of UTF-8, valid or not.
  static func beginsCharacter(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }
}
