import Checkpoints
import Foundation

/// NumPy's `.npy` format, version 1.0: a header and little-endian float32.
package enum NumPyFile {
  package static func write(_ values: [Float], to path: String, force: Bool) throws {
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count),), }"
    let unpadded = 10 + header.utf8.count + 1
    header += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    bytes += [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
    bytes += Array(header.utf8)
    for value in values {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    try WholeFile.write(bytes, to: path, force: force)
  }
}
