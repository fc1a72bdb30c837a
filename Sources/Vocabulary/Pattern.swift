import CPCRE2

/// A compiled regular expression over UTF-8, Unicode-aware, just-in-time compiled where possible.
///
/// Bytes that are not valid UTF-8 never match and become pieces between matches.
final class Pattern: Sendable {
  let source: String
  private nonisolated(unsafe) let code: OpaquePointer

  /// - Parameter file: the file to name in an error.
  init(_ source: String, file: String) throws(VocabularyError) {
    var number: Int32 = 0
    var offset = 0
    let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_MATCH_INVALID_UTF)
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
  }

  deinit { pcre2_code_free_8(code) }

  /// The matches within `range`, in order; look-arounds see nothing outside it.
  /// - Throws: `VocabularyError.matching` where the match limit is reached.
  func forEachMatch(
    in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ body: (Range<Int>) -> Void
  ) throws(VocabularyError) {
    guard let base = bytes.baseAddress, !range.isEmpty,
      let data = pcre2_match_data_create_from_pattern_8(code, nil)
    else { return }
    defer { pcre2_match_data_free_8(data) }
    let subject = base + range.lowerBound
    var position = 0
    while position < range.count {
      let found = pcre2_match_8(code, subject, range.count, position, 0, data, nil)
      if found == PCRE2_ERROR_NOMATCH { return }
      guard found > 0, let ends = pcre2_get_ovector_pointer_8(data) else {
        throw .matching(pattern: source, code: Int(found))
      }
      let (start, end) = (ends[0], ends[1])
      body((range.lowerBound + start)..<(range.lowerBound + end))
      // An empty match (of a look-ahead) is a cut; go on behind the next character.
      position = end > start ? end : Self.next(subject, end, range.count)
    }
  }

  private static func next(_ bytes: UnsafePointer<UInt8>, _ index: Int, _ count: Int) -> Int {
    var next = index + 1
    while next < count, bytes[next] & 0xC0 == 0x80 { next += 1 }
    return next
  }
}
