import Base

/// Where the bytes of a file go, one after the other: a file of its own, or a member of an archive.
protocol ByteSink: ~Copyable {
  /// The output, for error lines.
  var path: String { get }
  /// Bytes given so far.
  var byteCount: Int { get }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)
  /// Appends a range of an input file.
  mutating func copy(_ range: Range<Int>, of file: MappedFile) throws(FileError)
}

extension ByteSink where Self: ~Copyable {
  mutating func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try write(bytes) }
  }

  /// Writes zeros up to the next multiple of an alignment.
  mutating func pad(to alignment: Int) throws(FileError) {
    let count = (alignment - byteCount % alignment) % alignment
    if count > 0 { try write([UInt8](repeating: 0, count: count)) }
  }
}
