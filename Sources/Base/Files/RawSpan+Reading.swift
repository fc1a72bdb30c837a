extension RawSpan {
  /// The bytes of a range as text; nil if they are not UTF-8.
  package func text(_ range: Range<Int>) -> String? {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else { return nil }
    return unsafe withUnsafeBytes { String(validating: $0[range], as: UTF8.self) }
  }

  /// A copy of the bytes of a range, which is clamped to the span.
  package func array(_ range: Range<Int>) -> [UInt8] {
    let range = range.clamped(to: 0..<byteCount)
    return unsafe withUnsafeBytes { [UInt8]($0[range]) }
  }

  /// One byte; nil outside the span.
  package func byte(_ offset: Int) -> UInt8? {
    guard offset >= 0, offset < byteCount else { return nil }
    return unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
