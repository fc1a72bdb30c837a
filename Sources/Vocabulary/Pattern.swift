import CPCRE2

/// A compiled regular expression over UTF-8, Unicode-aware, just-in-time compiled where possible.
///
/// Bytes that are not valid UTF-8 never match and become pieces between matches.
package final class Pattern: Sendable {
  package let source: String
  private nonisolated(unsafe) let code: OpaquePointer
  /// The file that states it, which errors name.
  private let file: String

  /// Compiles a pattern; errors name `file`. Where `anchorsAtLines`, `^` and `$` match at the ends
  /// of lines too.
  package init(
    _ source: String, file: String, anchorsAtLines: Bool = false
  ) throws(VocabularyError) {
    var number: Int32 = 0
    var offset = 0
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_MATCH_INVALID_UTF)
      | UInt32(PCRE2_USE_OFFSET_LIMIT) | (anchorsAtLines ? UInt32(PCRE2_MULTILINE) : 0)
    let bytes = Array(source.utf8)
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
  }

  deinit { pcre2_code_free_8(code) }

  /// Whether matches depend on nothing but the text and where they begin: `\G` asks where the
  /// search began.
  var isLocal: Bool { !source.contains("\\G") }

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

  /// Appends the matches that begin at or after `start` and before `limit`, in order, as ranges of
  /// the subject. Each search goes on where the last match ended.
  ///
  /// - Parameters:
  ///   - subject: the bytes to search.
  ///   - start: a place where a character begins.
  ///   - limit: where no match begins any more.
  ///   - matches: receives the ranges.
  ///   - stop: asked before each match is taken; the search ends where it says so.
  /// - Throws: `VocabularyError.matching` where the match limit is reached; the matches before it
  ///   are appended.
  package func matches(
    in subject: UnsafeBufferPointer<UInt8>, from start: Int, below limit: Int,
    to matches: inout [Range<Int>], unless stop: (Range<Int>) -> Bool = { _ in false }
  ) throws(VocabularyError) {
    guard let base = subject.baseAddress, start < limit,
      let data = pcre2_match_data_create_8(1, nil), let context = pcre2_match_context_create_8(nil)
    else { return }
    defer {
      pcre2_match_data_free_8(data)
      pcre2_match_context_free_8(context)
    }
    // A match may begin at the limit itself for PCRE2.
    pcre2_set_offset_limit_8(context, limit - 1)
    guard let ends = pcre2_get_ovector_pointer_8(data) else { return }
    var position = start
    while position < limit {
      let found = pcre2_match_8(code, base, subject.count, position, 0, data, context)
      if found == PCRE2_ERROR_NOMATCH { return }
      guard found >= 0 else { throw .matching(file: file, pattern: source, code: Int(found)) }
      let match = ends[0]..<max(ends[0], ends[1])
      if stop(match) { return }
      matches.append(match)
      position = Self.next(after: match, in: subject)
    }
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
