import Base
import CKernels
import Synchronization

/// Tells the user about work that opening an archive takes.
package enum ArchiveUnpacking {
  /// What is told: the share of the archive that is unpacked, and the bytes written.
  package typealias Observer = @Sendable (_ share: Double, _ bytes: Int) -> Void

  private static let current = Mutex<Observer?>(nil)

  /// Sets the program's one observer.
  package static func observe(_ observer: Observer?) { current.withLock { $0 = observer } }

  static func report(_ consumed: Int, of size: Int, bytes: Int) {
    current.withLock { $0 }?(Double(consumed) / Double(max(size, 1)), bytes)
  }
}

extension ArchiveContents {
  /// The tar archive that a compressed one unpacks to.
  static func unpack(_ file: MappedFile) throws(FileError) -> MappedFile {
    var stream = try ArchiveStream(file.path, .unpacked)
    try stream.openUnpacked()
    var output = try TemporaryFile(for: file.path, packed: file.size)
    var checksum: UInt32 = 0
    while let bytes = try stream.block() {
      if stream.isGzip { checksum = rc_crc32(checksum, bytes.baseAddress, bytes.count) }
      try output.write(bytes)
      ArchiveUnpacking.report(stream.consumed, of: file.size, bytes: output.byteCount)
    }
    let unpacked = try output.mapped()
    if stream.isGzip { try checkTrailer(of: file, checksum, unpacked) }
    return unpacked
  }

  /// The members of a zip archive, unpacked one after the other.
  static func unpackMembers(
    _ file: MappedFile
  ) throws(FileError) -> (MappedFile, [Place]) {
    var stream = try ArchiveStream(file.path, .members)
    var output = try TemporaryFile(for: file.path, packed: file.size)
    var places: [Place] = []
    while let member = try stream.next() {
      try output.align()
      try output.reserve(member.byteCount)
      let start = output.byteCount
      try stream.forEachBlock(of: member) { (bytes, consumed) throws(FileError) in
        try output.write(bytes)
        ArchiveUnpacking.report(consumed, of: file.size, bytes: output.byteCount)
      }
      places.append(Place(name: member.name, range: start..<output.byteCount))
    }
    return (try output.mapped(), places)
  }

  /// gzip ends with the CRC-32 and the length (modulo 2^32) of its contents (RFC 1952), which libarchive
  /// passes over. Of several streams in one file they are those of the last, and libarchive does not tell
  /// where the others end: such a file is refused.
  private static func checkTrailer(
    of file: MappedFile, _ checksum: UInt32, _ unpacked: MappedFile
  ) throws(FileError) {
    let length = UInt32(truncatingIfNeeded: unpacked.size)
    let trailers = trailers(of: file)
    if trailers.contains(where: { $0.checksum == checksum && $0.length == length }) { return }
    let isOneStream =
      trailers.isEmpty || trailers.contains { $0.checksum == checksum || $0.length == length }
    throw .archive(isOneStream ? .checksum : .severalStreams, file: file.path, place: .whole)
  }

  /// What the end of a gzip file can state. Tapes and the like fill the last block with zeros, and a
  /// trailer may itself end with some: any of its eight bytes may be the last that is not zero.
  /// - Returns: none where the file is shorter than a trailer.
  private static func trailers(of file: MappedFile) -> [(checksum: UInt32, length: UInt32)] {
    file.withSpan { bytes in
      var last = bytes.byteCount
      while last > 0, bytes.byte(last - 1) == 0 { last -= 1 }
      var found: [(checksum: UInt32, length: UInt32)] = []
      for end in last...min(last + 8, bytes.byteCount) where end >= 8 {
        var reader = ByteReader(bytes, from: end - 8)
        if let checksum = reader.integer(UInt32.self, in: bytes),
          let length = reader.integer(UInt32.self, in: bytes)
        {
          found.append((checksum, length))
        }
      }
      return found
    }
  }
}
