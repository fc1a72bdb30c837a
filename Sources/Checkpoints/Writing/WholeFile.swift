import Base

/// Writes small files whole: results beside a checkpoint.
package enum WholeFile {
  /// Refuses a file that could not be written, before long work is done for it; nil passes.
  /// - Throws: `FileError.output`.
  package static func check(
    _ path: String?, force: Bool, inputs: [String] = []
  ) throws(FileError) {
    guard let path else { return }
    try OutputTarget(path: path, force: force, inputs: .init(inputs), sources: []).checkFile(
      byteCount: 0)
  }

  /// Writes bytes to a file that appears complete or not at all.
  ///
  /// - Parameters:
  ///   - bytes: all that the file holds.
  ///   - path: the file.
  ///   - force: whether an existing file is replaced.
  ///   - inputs: paths that must not be the output.
  /// - Returns: the bytes of the file.
  /// - Throws: `FileError.output`.
  @discardableResult
  package static func write(
    _ bytes: [UInt8], to path: String, force: Bool, inputs: [String] = []
  ) throws(FileError) -> Int {
    let target = OutputTarget(path: path, force: force, inputs: .init(inputs), sources: [])
    var file = try AtomicFile(creating: target, byteCount: bytes.count)
    try file.write(bytes)
    return try file.commit()
  }

  /// Writes bytes as they are made, to a file that appears complete or not at all.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - force: whether an existing file is replaced.
  ///   - inputs: paths that must not be the output.
  ///   - next: the next bytes; nil at the end.
  /// - Returns: the bytes of the file.
  /// - Throws: `FileError.output`, and what `next` throws.
  @discardableResult
  package static func write(
    to path: String, force: Bool, inputs: [String] = [], next: () throws -> [UInt8]?
  ) throws -> Int {
    let target = OutputTarget(path: path, force: force, inputs: .init(inputs), sources: [])
    var file = try AtomicFile(creating: target, byteCount: 0)
    while let bytes = try next() { try file.write(bytes) }
    return try file.commit()
  }
}
