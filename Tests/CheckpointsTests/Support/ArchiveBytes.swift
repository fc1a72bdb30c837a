/// Builds tar archives field by field, so that any of them can be wrong.
struct TarBytes {
  private(set) var bytes: [UInt8] = []

  /// - Parameters:
  ///   - type: `0` a regular file, `1` a hard link, `2` a symbolic link, `3` a device, `5` a folder.
  ///   - size: stands in the header in place of the data's size.
  mutating func add(
    _ name: String, _ data: [UInt8], type: Character = "0", link: String = "", size: Int? = nil,
    checksumError: Int = 0
  ) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<(offset + text.utf8.count), with: Array(text.utf8))
    }
    func octal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: digits - text.count) + text
    }
    put(name, at: 0)
    put("0000644", at: 100)
    put("0000000", at: 108)
    put("0000000", at: 116)
    put(octal(size ?? data.count, 11), at: 124)
    put("00000000000", at: 136)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(link, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(octal(header.reduce(checksumError) { $0 + Int($1) }, 6), at: 148)
    header[154] = 0
    bytes += header + data
    bytes += [UInt8](repeating: 0, count: -data.count & 511)
  }

  /// The archive with the zeros that end it.
  var complete: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}

/// Builds zip archives of stored members field by field.
struct ZipBytes {
  /// Where a member's checksum and sizes stand, beside the directory: before its bytes, or behind them, with
  /// a mark before them or without, or nowhere although the header says behind.
  enum Sums: CaseIterable {
    case before, behind, behindAMark, nowhere
  }

  private var local: [UInt8] = []
  private var directory: [UInt8] = []
  private var count: UInt16 = 0

  /// - Parameters:
  ///   - method: 0 stored, 8 deflated; the data is what stands in the archive.
  ///   - flags: bit 0 says encrypted.
  ///   - size: stands in the headers in place of the data's size, packed and unpacked.
  mutating func add(
    _ name: String, _ data: [UInt8], method: UInt16 = 0, flags: UInt16 = 0, size: UInt32? = nil,
    unpacked: UInt32? = nil, checksum: UInt32? = nil, sums: Sums = .before
  ) {
    let size = size ?? UInt32(data.count)
    let start = UInt32(local.count)
    let stated = little(checksum ?? Self.checksum(data)) + little(size) + little(unpacked ?? size)
    let flags = sums == .before ? flags : flags | 8
    let kind = little(flags) + little(method) + little(UInt32(0x21_0000))
    let lengths = little(UInt16(name.utf8.count)) + little(UInt16(0))
    let nothing = [UInt8](repeating: 0, count: 12)
    local += little(UInt32(0x0403_4B50)) + little(UInt16(10)) + kind
    local += (sums == .before ? stated : nothing) + lengths + Array(name.utf8) + data
    if sums == .behindAMark { local += little(UInt32(0x0807_4B50)) }
    if sums == .behind || sums == .behindAMark { local += stated }
    directory += little(UInt32(0x0201_4B50)) + little(UInt16(0x030A)) + little(UInt16(10))
    directory += kind + stated + lengths
    directory += [UInt8](repeating: 0, count: 6) + little(UInt32(0o100644 << 16)) + little(start)
    directory += Array(name.utf8)
    count += 1
  }

  var complete: [UInt8] {
    local + directory + little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(count)
      + little(count) + little(UInt32(directory.count)) + little(UInt32(local.count))
      + little(UInt16(0))
  }

  /// CRC-32, bit by bit.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var value: UInt32 = .max
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~value
  }
}

/// A tar archive.
func tar(_ build: (inout TarBytes) -> Void) -> [UInt8] {
  var tar = TarBytes()
  build(&tar)
  return tar.complete
}

/// A zip archive.
func zip(_ build: (inout ZipBytes) -> Void) -> [UInt8] {
  var zip = ZipBytes()
  build(&zip)
  return zip.complete
}
