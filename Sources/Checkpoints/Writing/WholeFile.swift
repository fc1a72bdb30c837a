/// Writes small files whole: results beside a checkpoint.
public enum WholeFile {
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
}
