/// Writes small files whole: results beside a checkpoint.
public enum WholeFile {
  /// Refuses a file that could not be written, before long work is done for it; nil passes.
  /// - Throws: `CheckpointError.output`.
  public static func check(
    _ path: String?, force: Bool, inputs: [String] = []
  ) throws(CheckpointError) {
    guard let path else { return }
    try OutputTarget(path: path, force: force, inputs: inputs, sources: []).checkFile(byteCount: 0)
  }

  /// Writes bytes to a file that appears complete or not at all.
  ///
  /// - Parameters:
  ///   - force: whether an existing file is replaced.
  ///   - inputs: paths that must not be the output.
  /// - Returns: the bytes of the file.
  /// - Throws: `CheckpointError.output`.
  @discardableResult
  public static func write(
    _ bytes: [UInt8], to path: String, force: Bool, inputs: [String] = []
  ) throws(CheckpointError) -> Int {
    let target = OutputTarget(path: path, force: force, inputs: inputs, sources: [])
    var file = try AtomicFile(creating: target, byteCount: bytes.count)
    try file.write(bytes)
    return try file.commit()
  }

  /// Writes bytes as they are made, to a file that appears complete or not at all.
  ///
  /// - Parameter next: the next bytes; nil at the end.
  /// - Returns: the bytes of the file.
  /// - Throws: `CheckpointError.output`, and what `next` throws.
  @discardableResult
  public static func write(
    to path: String, force: Bool, inputs: [String] = [], next: () throws -> [UInt8]?
  ) throws -> Int {
    let target = OutputTarget(path: path, force: force, inputs: inputs, sources: [])
    var file = try AtomicFile(creating: target, byteCount: 0)
    while let bytes = try next() { try file.write(bytes) }
    return try file.commit()
  }
}
