import Checkpoints
import Evaluation
import Foundation

/// NumPy's `.npy` format: a header and little-endian numbers.
package enum NumPyFile {
  /// Reads numbers of one list, or of a matrix row after row.
  /// - Throws: `EvaluationError.numbers` for other types, orders and sizes than those.
  package static func read(_ path: String) throws -> [Double] {
    try InputFile(path, .numbers).withBytes { (bytes) throws(EvaluationError) in
      try numbers(bytes, path)
    }
  }

  private static func numbers(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(EvaluationError) -> [Double] {
    func failure(_ problem: String) -> EvaluationError { .numbers(file: path, problem: problem) }
    let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    guard bytes.count >= 12, bytes.prefix(6).elementsEqual(magic), (1...3).contains(bytes[6]) else {
      throw failure("is not a NumPy file (.npy)")
    }
    // Version 1 has a length of two bytes, later ones have one of four.
    let lengthBytes = bytes[6] == 1 ? 2 : 4
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let start = 8 + lengthBytes + length
    guard start <= bytes.count else { throw failure("ends within its header") }
    let header = String(decoding: bytes[(8 + lengthBytes)..<start], as: UTF8.self)
      .filter { $0 != " " && $0 != "\"" && $0 != "'" }
    let widths = ["descr:<f4": 4, "descr:<f8": 8]
    guard let width = widths.first(where: { header.contains($0.key) })?.value else {
      throw failure("does not hold float32 or float64, little-endian")
    }
    guard header.contains("fortran_order:False") else {
      throw failure("holds its numbers in Fortran order, expected C order")
    }
    let shape = header.components(separatedBy: "shape:(").dropFirst().first?
      .prefix { $0 != ")" }.split(separator: ",").map { Int($0) }
    var count = 1
    for size in shape ?? [nil] {
      guard let size, size >= 0, !count.multipliedReportingOverflow(by: size).overflow else {
        throw failure("has a header without a shape")
      }
      count *= size
    }
    guard (bytes.count - start) % width == 0, (bytes.count - start) / width == count else {
      throw failure("is of \(bytes.count - start) bytes behind its header, not of \(count) numbers")
    }
    return (0..<count).map { index in
      let first = start + index * width
      let bits = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[first + $1]) << (8 * $1) }
      return width == 4
        ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))) : Double(bitPattern: bits)
    }
  }

  /// Writes version 1.0 of float32.
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
