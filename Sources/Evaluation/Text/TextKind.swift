extension TokenizedText {
  /// The bytes of a text as they are.
  /// - Parameters:
  ///   - path: the file.
  ///   - isGiven: whether the user named it, as `InputFile` has it.
  /// - Returns: the bytes.
  /// - Throws: `EvaluationError.notText` for what is plainly something else, which would be scored
  ///   as noise; and what `read` throws.
  package static func readText(_ path: String, isGiven: Bool = true) throws -> [UInt8] {
    let file = try InputFile(path, .text, isGiven: isGiven)
    func check(_ problem: String?) throws {
      if let problem { throw EvaluationError.notText(file: path, problem: problem) }
    }
    // Before all of it is read: a model or a disk's image given by mistake is large.
    try check(file.withBytes { problem(ofBeginning: Array($0.prefix(1 << 20)), of: $0.count) })
    let bytes = try file.bytes()
    try check(problem(of: bytes))
    return bytes
  }

  /// What the bytes are if they are no text.
  ///
  /// A text is bytes for a tokenizer, so a few that are not UTF-8 pass: a text cut inside a
  /// character, or a stray byte among a hundred.
  private static func problem(of bytes: [UInt8]) -> String? {
    if let problem = problem(ofBeginning: bytes, of: bytes.count) { return problem }
    // Without a string of them, which would take as much memory again.
    do {
      _ = try UTF8Span(validating: bytes.span)
      return nil
    } catch {}
    let replaced = String(decoding: bytes, as: UTF8.self).unicodeScalars.count { $0 == "\u{FFFD}" }
    guard 100 * replaced > bytes.count, replaced > 3 else { return nil }
    return "is not a UTF-8 text: \(replaced) of \(bytes.count) bytes are malformed"
  }

  /// What the beginning of so many bytes is that no text has.
  private static func problem(ofBeginning bytes: [UInt8], of count: Int) -> String? {
    for (start, what) in starts where bytes.starts(with: start) { return what }
    if isSafetensors(bytes, of: count) { return "is a model (safetensors), not a text" }
    if let zero = bytes.firstIndex(of: 0) {
      return "is binary, not a text: byte \(zero) is 0"
    }
    return nil
  }

  private static let starts: [([UInt8], String)] = [
    (Array("GGUF".utf8), "is a model (GGUF), not a text"),
    (Array("PK\u{3}\u{4}".utf8), "is a .zip archive, not a text"),
    ([0x1F, 0x8B], "is compressed by gzip, not a text: <(zcat FILE) unpacks it"),
    (
      [0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd, not a text: <(zstdcat FILE) unpacks it"
    ),
    ([0xFF, 0xFE], "is UTF-16, expected UTF-8"), ([0xFE, 0xFF], "is UTF-16, expected UTF-8"),
    (
      Array("version https://git-lfs.github.com/spec/".utf8),
      "is a Git LFS pointer, not the file it stands for"
    ),
  ]

  /// A header's length in eight bytes, then its JSON.
  private static func isSafetensors(_ bytes: [UInt8], of count: Int) -> Bool {
    guard bytes.count > 10, bytes[8] == UInt8(ascii: "{") else { return false }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length > 1 && length <= UInt64(count - 8)
  }
}
