import CKernels

/// Tells the user about work that opening an archive takes.
public enum ArchiveUnpacking {
  /// Called with the share of the archive that is unpacked and the bytes written; one value for
  /// each task, as a command sets it.
  @TaskLocal public static var observer: (@Sendable (_ share: Double, _ bytes: Int) -> Void)?
}

extension ArchiveContents {
  /// The tar archive that a compressed one unpacks to.
  static func unpack(_ file: MappedFile) throws(CheckpointError) -> MappedFile {
    var stream = try ArchiveStream(file.path, .unpacked)
    try stream.openUnpacked()
    var output = try TemporaryFile(for: file.path, packed: file.size)
    var checksum: UInt32 = 0
    while let bytes = try stream.block() {
      if stream.isGzip { checksum = rc_crc32(checksum, bytes.baseAddress, bytes.count) }
      try output.write(bytes)
      report(stream.consumed, output.byteCount, of: file)
    }
    if stream.isGzip { try checkTrailer(of: file, checksum, byteCount: output.byteCount) }
    return try output.mapped()
  }

  /// The members of a zip archive, unpacked one after the other.
  static func unpackMembers(
    _ file: MappedFile
  ) throws(CheckpointError) -> (MappedFile, [(name: String, range: Range<Int>)]) {
    var stream = try ArchiveStream(file.path, .members)
    var output = try TemporaryFile(for: file.path, packed: file.size)
    var ranges: [(name: String, range: Range<Int>)] = []
    while let member = try stream.next() {
      try output.align()
      try output.reserve(member.byteCount)
      let start = output.byteCount
      try stream.forEachBlock(of: member) { (bytes, consumed) throws(CheckpointError) in
        try output.write(bytes)
        report(consumed, output.byteCount, of: file)
      }
      ranges.append((member.name, start..<output.byteCount))
    }
    return (try output.mapped(), ranges)
  }

  private static func report(_ consumed: Int, _ byteCount: Int, of file: MappedFile) {
    ArchiveUnpacking.observer?(Double(consumed) / Double(max(file.size, 1)), byteCount)
  }

  /// gzip ends with the CRC-32 and the length of its contents (RFC 1952), which libarchive passes
  /// over. A length that differs is that of the last of several streams in one file.
  private static func checkTrailer(
    of file: MappedFile, _ checksum: UInt32, byteCount: Int
  ) throws(CheckpointError) {
    let trailer = file.withSpan { bytes in
      var reader = ByteReader(bytes, from: bytes.byteCount - 8)
      return (reader.integer(UInt32.self, in: bytes), reader.integer(UInt32.self, in: bytes))
    }
    guard trailer.1 != UInt32(truncatingIfNeeded: byteCount) || trailer.0 == checksum else {
      throw .archive(.checksum, file: file.path, place: .whole)
    }
  }
}
