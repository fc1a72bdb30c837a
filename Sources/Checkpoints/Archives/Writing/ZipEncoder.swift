import Base
import CKernels

/// zip archives (APPNOTE 6.3.9) of stored members whose bytes begin at multiples of 64, so that a
/// model in one can be mapped where it lies; zip64 from 4 GiB.
///
/// Padding is an extra field, as Android's zipalign leaves it. The date is the earliest there is.
final class ZipEncoder: ArchiveEncoder {
  private static let alignment = 64
  /// The extra field of zipalign: the alignment in two bytes, then zeros.
  private static let paddingField: UInt16 = 0xD935
  private static let zip64Field: UInt16 = 0x0001
  private static let largest32 = 0xFFFF_FFFF
  /// 1980-01-01 00:00:00: time, then date.
  private static let earliest: UInt32 = 0x0021_0000
  /// The name is UTF-8.
  private static let flags: UInt16 = 0x0800
  private static let plainVersion: UInt16 = 10
  private static let zip64Version: UInt16 = 45
  /// Made on Unix: the upper half of the attributes is the mode.
  private static let unix: UInt16 = 3 << 8
  private static let mode: UInt32 = 0o100644 << 16
  /// Where the CRC-32 stands in a local header.
  private static let checksumOffset = 14

  private struct Member {
    let name: [UInt8]
    let byteCount: Int
    let offset: Int
    var checksum: UInt32 = 0

    var needsZip64: Bool { byteCount >= largest32 }
  }

  private var file: AtomicFile
  private var members: [Member] = []

  init(_ file: consuming AtomicFile) { self.file = file }

  func begin(_ name: String, byteCount: Int) throws(FileError) {
    let member = Member(name: Array(name.utf8), byteCount: byteCount, offset: file.byteCount)
    var extra: [UInt8] = []
    if member.needsZip64 {
      extra.append(littleEndian: Self.zip64Field)
      extra.append(littleEndian: UInt16(16))
      extra.append(littleEndian: UInt64(byteCount))
      extra.append(littleEndian: UInt64(byteCount))
    }
    // The padding field takes at least its own head and the alignment: six bytes.
    let start = member.offset + 30 + member.name.count + extra.count + 6
    let zeros = (Self.alignment - start % Self.alignment) % Self.alignment
    extra.append(littleEndian: Self.paddingField)
    extra.append(littleEndian: UInt16(2 + zeros))
    extra.append(littleEndian: UInt16(Self.alignment))
    extra.append(contentsOf: repeatElement(0, count: zeros))

    var header: [UInt8] = []
    header.append(littleEndian: UInt32(0x0403_4B50))
    header.append(littleEndian: version(member.needsZip64))
    appendCommon(of: member, isLarge: member.needsZip64, extra: extra.count, to: &header)
    header.append(contentsOf: member.name)
    header.append(contentsOf: extra)
    try file.write(header)
    members.append(member)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard let last = members.indices.last else { return }
    members[last].checksum = rc_crc32(members[last].checksum, bytes.baseAddress, bytes.count)
    try file.write(bytes)
  }

  func end() throws(FileError) {
    guard let member = members.last else { return }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: member.checksum)
    try file.overwrite(bytes, at: member.offset + Self.checksumOffset)
  }

  func finish() throws(FileError) -> Int {
    let start = file.byteCount
    for member in members { try file.write(directoryEntry(member)) }
    try file.write(endRecords(start: start, byteCount: file.byteCount - start))
    return try file.commit()
  }

  /// What local headers and directory entries share, from the flags to the lengths.
  private func appendCommon(
    of member: Member, isLarge: Bool, extra: Int, to bytes: inout [UInt8]
  ) {
    let size = isLarge ? UInt32.max : UInt32(member.byteCount)
    bytes.append(littleEndian: Self.flags)
    bytes.append(littleEndian: UInt16(0))
    bytes.append(littleEndian: Self.earliest)
    bytes.append(littleEndian: member.checksum)
    bytes.append(littleEndian: size)
    bytes.append(littleEndian: size)
    bytes.append(littleEndian: UInt16(member.name.count))
    bytes.append(littleEndian: UInt16(extra))
  }

  private func directoryEntry(_ member: Member) -> [UInt8] {
    let isFar = member.offset >= Self.largest32
    var extra: [UInt8] = []
    if member.needsZip64 || isFar {
      extra.append(littleEndian: Self.zip64Field)
      extra.append(littleEndian: UInt16((member.needsZip64 ? 16 : 0) + (isFar ? 8 : 0)))
      if member.needsZip64 {
        extra.append(littleEndian: UInt64(member.byteCount))
        extra.append(littleEndian: UInt64(member.byteCount))
      }
      if isFar { extra.append(littleEndian: UInt64(member.offset)) }
    }
    let needed = version(member.needsZip64 || isFar)
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(0x0201_4B50))
    bytes.append(littleEndian: Self.unix | needed)
    bytes.append(littleEndian: needed)
    appendCommon(of: member, isLarge: member.needsZip64, extra: extra.count, to: &bytes)
    // No comment, the first disk, no internal attributes.
    bytes.append(contentsOf: repeatElement(0, count: 6))
    bytes.append(littleEndian: Self.mode)
    bytes.append(littleEndian: isFar ? UInt32.max : UInt32(member.offset))
    return bytes + member.name + extra
  }

  private func endRecords(start: Int, byteCount: Int) -> [UInt8] {
    let count = members.count
    let isLarge = start >= Self.largest32 || byteCount >= Self.largest32 || count >= 0xFFFF
    var bytes: [UInt8] = []
    if isLarge {
      bytes.append(littleEndian: UInt32(0x0606_4B50))
      bytes.append(littleEndian: UInt64(44))
      bytes.append(littleEndian: Self.unix | Self.zip64Version)
      bytes.append(littleEndian: Self.zip64Version)
      bytes.append(littleEndian: UInt64(0))
      for value in [count, count, byteCount, start] { bytes.append(littleEndian: UInt64(value)) }
      bytes.append(littleEndian: UInt32(0x0706_4B50))
      bytes.append(littleEndian: UInt32(0))
      bytes.append(littleEndian: UInt64(start + byteCount))
      bytes.append(littleEndian: UInt32(1))
    }
    bytes.append(littleEndian: UInt32(0x0605_4B50))
    bytes.append(littleEndian: UInt32(0))
    for _ in 0..<2 { bytes.append(littleEndian: isLarge ? UInt16.max : UInt16(count)) }
    for value in [byteCount, start] {
      bytes.append(littleEndian: isLarge ? UInt32.max : UInt32(value))
    }
    bytes.append(littleEndian: UInt16(0))
    return bytes
  }

  private func version(_ isLarge: Bool) -> UInt16 {
    isLarge ? Self.zip64Version : Self.plainVersion
  }
}
