import Base

/// Writes a `.safetensors` file and the config.json beside it, which says what its weights compute.
package enum PairWriter {
  /// The paths of the two files, config.json last.
  static func paths(of path: String) -> [String] {
    [path, FileSet(beside: path).path(of: ModelFolder.configuration)]
  }

  /// Refuses a pair that could not be created, or would replace the config.json of other weights.
  /// - Throws: `FileError.output`.
  package static func check(
    _ path: String, byteCount: Int, force: Bool, inputs: OutputInputs
  ) throws(FileError) {
    try check(path, byteCount: byteCount, force: force, inputs: inputs, sources: [])
  }

  private static func check(
    _ path: String, byteCount: Int, force: Bool, inputs: OutputInputs, sources: [MappedFile]
  ) throws(FileError) {
    let targets = paths(of: path).map {
      OutputTarget(path: $0, force: force, inputs: inputs, sources: sources)
    }
    for target in targets { try target.checkIsNoInput() }
    // Before it is said that --force replaces what is there: nothing replaces this.
    let files = FileSet(beside: path)
    if let other = ModelFolder.weightsDescribed(in: files, besides: [Paths.name(of: path)]) {
      throw .output(
        .configurationOfOther(weights: other), file: targets[1].path, place: .whole)
    }
    for target in targets { try target.checkFile(byteCount: byteCount) }
  }

  /// Writes both to a hidden folder beside them, then gives them their names: an older config.json
  /// goes first and the new one comes last, so that no weights are ever read by the other's. The
  /// same arguments give the same bytes.
  ///
  /// - Parameters:
  ///   - path: the safetensors file.
  ///   - tensors: in the order of the file.
  ///   - configuration: the text of config.json, asked for when the tensors are written.
  ///   - force: whether existing files are replaced.
  ///   - inputs: paths that must be neither of the two.
  ///   - progress: called with the bytes of tensors written so far.
  /// - Returns: the bytes of both files.
  /// - Throws: `FileError.output`, and what the closures throw.
  package static func write(
    to path: String, tensors: [OutputTensor], configuration: () throws -> String, force: Bool,
    inputs: OutputInputs, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    let layout = try SafetensorsLayout(metadata: ["format": "pt"], tensors: tensors, path: path)
    try check(
      path, byteCount: layout.byteCount, force: force, inputs: inputs, sources: layout.sources)
    let target = OutputTarget(path: path, force: force, inputs: inputs, sources: layout.sources)
    var staging = try StagingFolder(for: target, key: paths(of: path)[1])
    let name = Paths.name(of: path)
    var total = try layout.write(
      to: staging.file(name), force: false, inputs: [], isStaged: true,
      progress: progress)
    total += try FileContents.bytes(Array(configuration().utf8)).layout(for: path).write(
      to: staging.file(ModelFolder.configuration), force: false, inputs: [], isStaged: true,
      progress: nil)
    try staging.release([name, ModelFolder.configuration])
    return total
  }
}
