/// What an archive states of the bytes of a member that lies in it as it is.
///
/// Mapping a member reads none of them: they are compared where all are read, by `SourceHash.digest`.
package struct StatedSum: Sendable {
  /// A checksum.
  package enum Sum: Sendable, Equatable {
    /// CRC-32, as zip has it.
    case crc32(UInt32)
    /// SHA-256 as 64 hexadecimal digits in lower case.
    case sha256(String)
  }

  /// That of the right bytes.
  package let sum: Sum
  /// What other bytes are refused with.
  package let fault: FileError

  package init(_ sum: Sum, otherwise fault: FileError) {
    self.sum = sum
    self.fault = fault
  }
}
