import CKernels
import Crypto
import Foundation

/// The identity of a checkpoint's files.
package enum SourceHash {
  /// SHA-256 of one file's bytes, or of the files' digests one after another.
  /// - Throws: what `digest` throws.
  package static func sha256(_ files: [MappedFile]) throws(FileError) -> String {
    let digests = try files.map { (file) throws(FileError) in try digest(file) }
    return hexadecimal(
      digests.count == 1 ? digests[0] : Data(SHA256.hash(data: digests.reduce(Data(), +))))
  }

  /// SHA-256 of a file's bytes, which the same pass compares with what an archive states of them.
  /// - Throws: the fault of `MappedFile.stated` for other bytes; `InputFault.changedWhileRead` where
  ///   they are others because the archive has changed.
  package static func digest(_ file: MappedFile) throws(FileError) -> Data {
    var hash = SHA256()
    var checksum: UInt32 = 0
    let hasChecksum = if case .crc32? = file.stated?.sum { true } else { false }
    var start = 0
    while start < file.size {
      let end = min(start + 1 << 20, file.size)
      file.withBytes(start..<end) { bytes in
        hash.update(bufferPointer: bytes)
        if hasChecksum { checksum = rc_crc32(checksum, bytes.baseAddress, bytes.count) }
      }
      // A model larger than memory must not stay resident because it was hashed.
      file.advise(start..<end, .dontNeed)
      start = end
    }
    let digest = Data(hash.finalize())
    guard let stated = file.stated else { return digest }
    let isRight =
      switch stated.sum {
      case .crc32(let expected): checksum == expected
      case .sha256(let expected): hexadecimal(digest) == expected
      }
    guard isRight else {
      try file.checkUnchanged()
      throw stated.fault
    }
    return digest
  }

  /// SHA-256 of token ids as 32-bit little-endian numbers.
  package static func sha256(tokens: [[Int32]]) -> String {
    var hash = SHA256()
    for id in tokens.joined() {
      withUnsafeBytes(of: id.littleEndian) { hash.update(bufferPointer: $0) }
    }
    return hexadecimal(Data(hash.finalize()))
  }

  /// SHA-256 of a text.
  package static func sha256(text: String) -> String {
    hexadecimal(Data(SHA256.hash(data: Data(text.utf8))))
  }

  /// SHA-256 of bytes.
  package static func sha256(bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { sha256($0) }
  }

  /// SHA-256 of bytes.
  package static func sha256(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hexadecimal(Data(hash.finalize()))
  }

  /// Bytes as hexadecimal digits in lower case, two of each.
  package static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
