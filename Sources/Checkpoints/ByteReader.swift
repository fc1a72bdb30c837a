/// A position in a file's bytes; every read is checked against the end, in checked arithmetic.
///
/// The span is passed to each read, so that the reader is an ordinary value. A read past the end
/// gives nil and leaves the position, so that the format's reader can throw its own error.
struct ByteReader {
  private(set) var offset: Int
  let end: Int

  init(_ bytes: RawSpan, from offset: Int = 0) {
    end = bytes.byteCount
    self.offset = min(max(offset, 0), end)
  }

  /// Bytes from the position to the end.
  var remaining: Int { end - offset }

  /// Reads a little-endian integer.
  @inline(__always)
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, in bytes: RawSpan
  ) -> T? {
    guard remaining >= MemoryLayout<T>.size, end <= bytes.byteCount else { return nil }
    let value = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: type)
    offset += MemoryLayout<T>.size
    return T(littleEndian: value)
  }

  /// Passes over `count` bytes and gives their range.
  @inline(__always)
  mutating func skip(_ count: UInt64) -> Range<Int>? {
    guard count <= UInt64(remaining) else { return nil }
    let start = offset
    offset += Int(count)
    return start..<offset
  }
}

/// `value` rounded up to a multiple of `alignment`; nil when that overflows.
func roundedUp(_ value: Int, to alignment: Int) -> Int? {
  let remainder = value % alignment
  guard remainder != 0 else { return value }
  let (sum, overflow) = value.addingReportingOverflow(alignment - remainder)
  return overflow ? nil : sum
}

/// The product of dimensions from 0. No dimensions give 1.
///
/// Nil when it overflows, and where dimensions beside a zero are beyond what any tensor has: no bytes
/// of the file bound those, and sizes are made of them.
func elementCount(of shape: [Int]) -> Int? {
  var product = 1
  for dimension in shape where dimension != 0 {
    let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
    guard dimension > 0, !overflow else { return nil }
    product = next
  }
  guard shape.contains(0) else { return product }
  return product <= 1 << 40 ? 0 : nil
}
