/// The CRC-32 that a zip archive states of a member (APPNOTE 6.3.9), which libarchive compares where it reads
/// the member but does not tell.
enum ZipChecksum {
  private static let headerMark: UInt32 = 0x0403_4B50
  private static let descriptorMark: UInt32 = 0x0807_4B50
  private static let headerSize = 30
  private static let entryMark: UInt32 = 0x0201_4B50
  private static let entrySize = 46
  private static let endMark: UInt32 = 0x0605_4B50
  private static let endSize = 22
  /// The checksum and the sizes stand behind the bytes.
  private static let descriptorFlag: UInt16 = 1 << 3

  /// The checksum that stands beside a member that is stored as it is.
  /// - Parameters:
  ///   - range: where its bytes lie; not empty.
  ///   - header: where its local header begins.
  ///   - memory: the archive.
  /// - Returns: nil where none does, as some writers leave it to the directory.
  static func stated(
    of range: Range<Int>, header: Int, in memory: UnsafeRawBufferPointer
  ) -> UInt32? {
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

  /// The checksums of the directory at the archive's end, by where the members' local headers begin.
  ///
  /// Of an archive whose offsets take 64 bits, or begin behind something that was put before it, they are
  /// not found.
  static func directory(in memory: UnsafeRawBufferPointer) -> [Int: UInt32] {
    // A comment may stand behind the last record.
    var end = memory.count - endSize
    let first = max(end - Int(UInt16.max), 0)
    while end >= first, integer(UInt32.self, at: end, in: memory) != endMark { end -= 1 }
    guard end >= first, let start = integer(UInt32.self, at: end + 16, in: memory) else {
      return [:]
    }
    var sums: [Int: UInt32] = [:]
    var entry = Int(start)
    while sums.count < ArchiveLimits.members,
      integer(UInt32.self, at: entry, in: memory) == entryMark,
      let checksum = integer(UInt32.self, at: entry + 16, in: memory),
      let name = integer(UInt16.self, at: entry + 28, in: memory),
      let extra = integer(UInt16.self, at: entry + 30, in: memory),
      let comment = integer(UInt16.self, at: entry + 32, in: memory),
      let header = integer(UInt32.self, at: entry + 42, in: memory)
    {
      sums[Int(header)] = checksum
      entry += entrySize + Int(name) + Int(extra) + Int(comment)
    }
    return sums
  }

  /// Where the local header begins that ends, with a name and extra fields of the lengths it states, at a
  /// byte.
  static func header(endingAt end: Int, in memory: UnsafeRawBufferPointer) -> Int? {
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
