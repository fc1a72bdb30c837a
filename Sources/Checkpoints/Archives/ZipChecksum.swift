/// The CRC-32 that stands beside a member of a zip archive (APPNOTE 6.3.9), which libarchive compares where
/// it reads the member but does not tell.
enum ZipChecksum {
  private static let headerMark: UInt32 = 0x0403_4B50
  private static let descriptorMark: UInt32 = 0x0807_4B50
  private static let headerSize = 30
  /// The checksum and the sizes stand behind the bytes.
  private static let descriptorFlag: UInt16 = 1 << 3

  /// The checksum of a member that is stored as it is.
  /// - Parameters:
  ///   - range: where its bytes lie; not empty.
  ///   - memory: the archive.
  /// - Returns: nil where it is not found.
  static func stated(of range: Range<Int>, in memory: UnsafeRawBufferPointer) -> UInt32? {
    guard let header = header(endingAt: range.lowerBound, in: memory) else { return nil }
    let checksum = integer(UInt32.self, at: header + 14, in: memory)
    let flags = integer(UInt16.self, at: header + 6, in: memory)
    guard checksum == 0, let flags, flags & descriptorFlag != 0 else { return checksum }
    // Most writers put a mark before it. The size is checked: not all that set the flag write it.
    let size = UInt32(truncatingIfNeeded: range.count)
    for start in [range.upperBound + 4, range.upperBound] {
      guard integer(UInt32.self, at: start + 4, in: memory) == size else { continue }
      let isMarked = integer(UInt32.self, at: range.upperBound, in: memory) == descriptorMark
      guard isMarked == (start > range.upperBound) else { continue }
      return integer(UInt32.self, at: start, in: memory)
    }
    return nil
  }

  /// Where the local header begins that ends, with a name and extra fields of the lengths it states, at a
  /// byte.
  private static func header(endingAt end: Int, in memory: UnsafeRawBufferPointer) -> Int? {
    for length in 0...(2 * Int(UInt16.max)) {
      let start = end - headerSize - length
      guard start >= 0 else { return nil }
      guard integer(UInt32.self, at: start, in: memory) == headerMark,
        let name = integer(UInt16.self, at: start + 26, in: memory),
        let extra = integer(UInt16.self, at: start + 28, in: memory),
        Int(name) + Int(extra) == length
      else { continue }
      return start
    }
    return nil
  }

  /// A little-endian integer; nil beyond the end.
  private static func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int, in memory: UnsafeRawBufferPointer
  ) -> T? {
    guard offset >= 0, offset <= memory.count - MemoryLayout<T>.size else { return nil }
    return T(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
