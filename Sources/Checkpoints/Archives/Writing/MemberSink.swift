import Base
import Crypto

/// One member of an archive that is being written: counts and hashes what goes in.
struct MemberSink: ByteSink, ~Copyable {
  /// Pieces that are hashed and encoded while they are in the processor's cache.
  private static let pieceSize = 1 << 18

  let path: String
  private(set) var byteCount = 0
  private let name: String
  private let expected: Int
  private let encoder: any ArchiveEncoder
  private var hash = SHA256()

  init(
    _ name: String, byteCount expected: Int, in encoder: any ArchiveEncoder, path: String
  ) throws(FileError) {
    self.name = name
    self.expected = expected
    self.encoder = encoder
    self.path = path
    try encoder.begin(name, byteCount: expected)
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard bytes.count <= expected - byteCount else { throw sizeFault(byteCount + bytes.count) }
    var start = 0
    while start < bytes.count {
      let end = min(start + Self.pieceSize, bytes.count)
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      hash.update(bufferPointer: piece)
      try encoder.write(piece)
      byteCount += piece.count
      start = end
    }
  }

  /// Reads the range into a buffer rather than through the mapping: pages of a model that were
  /// passed over once must not fill the memory.
  mutating func copy(_ range: Range<Int>, of file: MappedFile) throws(FileError) {
    var buffer = [UInt8](repeating: 0, count: min(range.count, Self.pieceSize))
    var position = range.lowerBound
    while position < range.upperBound {
      let found = try file.read(
        at: position, count: range.upperBound - position, into: &buffer)
      try buffer.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
        try write(UnsafeRawBufferPointer(rebasing: bytes[..<found]))
      }
      position += found
    }
  }

  /// Ends the member.
  /// - Returns: its SHA-256.
  mutating func finish() throws(FileError) -> String {
    guard byteCount == expected else { throw sizeFault(byteCount) }
    try encoder.end()
    return hash.hexadecimal()
  }

  private func sizeFault(_ found: Int) -> FileError {
    .output(
      .contentsSize(expected: expected, found: found), file: path, place: .member(name))
  }
}
