import Base
import OrderedCollections

/// Writes Hugging Face folders: model.safetensors, further files, and config.json last.
///
/// Everything is written to a hidden folder beside the output first. A new output is then renamed
/// as a whole, and changes places with an older one, of which files that belong to no model are
/// kept. Where the two cannot change places the older config.json is removed, then what the old
/// model has and the new one has not, the new files are renamed into the folder and config.json is
/// the last of them, so that at no moment the folder opens as a mixture of the old model and the
/// new.
package enum FolderWriter {
  /// Writes a folder. The same arguments give the same bytes.
  ///
  /// - Parameters:
  ///   - folder: the folder's path.
  ///   - configuration: config.json, written with two spaces of indentation.
  ///   - tensors: the weights.
  ///   - extraFiles: plain names and contents; with neither config.json nor model.safetensors.
  ///   - shardSize: weights that take more bytes are shared out to files of at most this size, with
  ///     an index.
  ///   - force: whether files of an existing folder are replaced; an empty folder needs none.
  ///   - inputs: paths that must be neither the output nor one of its files.
  ///   - progress: called with the bytes of tensors written so far.
  /// - Returns: the bytes of all files.
  /// - Throws: `FileError.output`, and what a tensor's `computed` throws.
  @discardableResult
  package static func write(
    to folder: String, configuration: JSONValue, tensors: [OutputTensor],
    extraFiles: [(String, FileContents)] = [], shardSize: Int? = nil, force: Bool,
    inputs: OutputInputs,
    progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    let output = Paths.withoutTrailingSlashes(folder)
    let weights = weightFiles(tensors, shardSize)
    let names = try checkedNames(weights.map(\.0) + extraFiles.map(\.0), output)
    let text = (configuration.serialized(pretty: true) + "\n").utf8
    // In the order of `names`.
    let contents = weights.map(\.1) + extraFiles.map(\.1) + [FileContents.bytes(Array(text))]
    let layouts = try contents.map { (contents) throws(FileError) in
      try contents.layout(for: output)
    }
    let target = OutputTarget(
      path: output, force: force, inputs: inputs,
      sources: layouts.flatMap(\.sources))
    try check(target, names: names, byteCount: layouts.totalByteCount)

    var staging = try StagingFolder(
      for: target, key: "\(target.path)/\(ModelFolder.configuration)")
    var total = 0
    for (name, layout) in zip(names, layouts) {
      total += try layout.write(
        to: staging.file(name), force: false, inputs: [], isStaged: true,
        progress: { progress?(total + $0) })
    }
    try staging.move(names)
    return total
  }

  /// Refuses a folder that could not be created, that would lose an input, or whose config.json
  /// describes other weights that stay.
  ///
  /// - Parameters:
  ///   - folder: the folder's path.
  ///   - tensors: the weights.
  ///   - extraFiles: names of further files.
  ///   - shardSize: the most bytes of a file of weights; nil: one file holds all.
  ///   - force: whether files of an existing folder are replaced.
  ///   - inputs: paths that must be neither the output nor one of its files.
  /// - Throws: `FileError.output`.
  package static func check(
    _ folder: String, tensors: [OutputTensor], extraFiles: [String], shardSize: Int?, force: Bool,
    inputs: OutputInputs
  ) throws {
    let output = Paths.withoutTrailingSlashes(folder)
    let names = try checkedNames(weightFiles(tensors, shardSize).map(\.0) + extraFiles, output)
    try check(
      OutputTarget(path: output, force: force, inputs: inputs, sources: []), names: names,
      byteCount: tensors.reduce(0) { $0 + $1.byteCount })
  }

  private static func check(
    _ target: OutputTarget, names: [String], byteCount: Int
  ) throws(FileError) {
    try target.checkIsNoInput()
    let going = names + ModelFolder.stale(in: target.path, besides: names)
    let files = FileSet(folder: target.path)
    for name in going {
      try OutputTarget(
        path: files.path(of: name), force: target.force, inputs: target.inputs,
        sources: target.sources
      ).checkIsNoInput()
    }
    // Before it is said that --force replaces what is there: nothing replaces this.
    if let other = ModelFolder.weightsDescribed(in: files, besides: going) {
      throw .output(
        .configurationOfOther(weights: other), file: files.path(of: ModelFolder.configuration),
        place: .whole)
    }
    try target.checkFolder(byteCount: byteCount)
  }

  /// The weights by the names of their files: one file, or several of at most `shardSize` bytes and
  /// their index.
  package static func weightFiles(
    _ tensors: [OutputTensor], _ shardSize: Int?
  ) -> [(String, FileContents)] {
    let shards = shardSize.map { TensorShards.split(tensors, limit: $0) } ?? [tensors]
    let metadata: OrderedDictionary<String, String> = ["format": "pt"]
    guard shards.count > 1 else {
      return [(ModelFolder.weights, .safetensors(metadata: metadata, tensors: tensors))]
    }
    var map: OrderedDictionary<String, JSONValue> = [:]
    var files: [(String, FileContents)] = []
    for (index, shard) in shards.enumerated() {
      let name = SafetensorsIndex.shardName(number: index, count: shards.count)
      for tensor in shard { map[tensor.name] = .string(name) }
      files.append((name, .safetensors(metadata: metadata, tensors: shard)))
    }
    map.sort { $0.key < $1.key }
    let size = tensors.reduce(0) { $0 + $1.byteCount }
    let index: JSONValue = [
      "metadata": ["total_size": JSONValue(size)], "weight_map": .object(map),
    ]
    files.append(
      (SafetensorsIndex.name, .bytes(Array((index.serialized(pretty: true) + "\n").utf8))))
    return files
  }

  /// All names of the folder, config.json last.
  private static func checkedNames(
    _ files: [String], _ output: String
  ) throws(FileError) -> [String] {
    var names: OrderedSet<String> = []
    for name in files {
      guard Paths.isPlainName(name) else {
        throw .output(
          .notStorable(problem: "\(quoted(name)) is not a plain file name"), file: output,
          place: .whole)
      }
      guard name != ModelFolder.configuration, names.append(name).inserted else {
        throw .output(.duplicateName, file: output, place: .key(name, byte: nil))
      }
    }
    return Array(names) + [ModelFolder.configuration]
  }
}
