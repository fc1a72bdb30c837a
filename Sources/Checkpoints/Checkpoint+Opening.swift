import OrderedCollections

extension Checkpoint {
  /// Opens a `.gguf` file (or its first shard), a `.safetensors` file with config.json beside it, a
  /// Hugging Face folder, or a folder with exactly one GGUF model.
  ///
  /// - Throws: what is wrong with the first file that is wrong; `InputFault.notFound` without one.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    guard let identity = FileIdentity(path: path) else {
      // Opening tells a missing file from one that may not be read.
      _ = try MappedFile.open(path)
      throw .input(.notFound, file: path)
    }
    if identity.isFolder { return try open(folder: path) }
    try refuseArchive(path)
    let file = try MappedFile.open(path)
    let name = path.lowercased()
    if name.hasSuffix(".gguf") { return try open(gguf: file, path: path) }
    if name.hasSuffix(".safetensors") { return try open(safetensors: file, path: path) }
    let start = file.withSpan { $0.array(0..<4) }
    if start == GGUFLimits.magic { return try open(gguf: file, path: path) }
    if file.size == 0 { throw .input(.empty, file: path) }
    if file.withSpan({ $0.isGitLFSPointer }) { throw .input(.gitLFSPointer, file: path) }
    throw .input(.unknownFormat, file: path)
  }

  /// The one place that decides about archives.
  private static func refuseArchive(_ path: String) throws(CheckpointError) {
    let name = path.lowercased()
    for kind in [".tar.zst", ".tar.gz", ".tgz", ".tar", ".zip"] where name.hasSuffix(kind) {
      throw .input(.archiveNotSupported(kind: kind), file: path)
    }
  }

  // MARK: - Files

  private static func open(
    gguf file: MappedFile, path: String
  ) throws(CheckpointError) -> Checkpoint {
    let headers = try Shards.all(from: GGUFHeader(reading: file))
    return Checkpoint(
      path: path, container: .gguf(version: headers[0].version), metadata: headers[0].metadata,
      configuration: nil, safetensorsMetadata: [:], folder: nil,
      tensors: directory(headers.map(\.tensors)), files: headers.map(\.file))
  }

  private static func open(
    safetensors file: MappedFile, path: String
  ) throws(CheckpointError) -> Checkpoint {
    let folder = Paths.folder(of: path)
    let configuration = folder + "/config.json"
    return try make(
      path: path, folder: folder, headers: [SafetensorsHeader(reading: file)],
      configuration: FileIdentity(path: configuration) == nil
        ? nil : readConfiguration(configuration))
  }

  // MARK: - Folders

  private static func open(folder path: String) throws(CheckpointError) -> Checkpoint {
    guard let names = folderNames(path) else {
      throw .input(.notReadable(reason: "the folder cannot be listed"), file: path)
    }
    let folder = Paths.withoutTrailingSlashes(path)
    guard names.contains("config.json") else {
      // Of a set of shards, the first stands for the model.
      let models = names.filter { $0.hasSuffix(".gguf") && !isLaterShard($0) }
      guard models.count == 1 else {
        throw .folder(.noModel(ggufModels: models.count), file: path, place: .whole)
      }
      return try open(gguf: MappedFile.open(folder + "/" + models[0]), path: path)
    }
    let configuration = try readConfiguration(folder + "/config.json")
    if names.contains("model.safetensors") {
      let file = try MappedFile.open(folder + "/model.safetensors")
      return try make(
        path: path, folder: folder, headers: [SafetensorsHeader(reading: file)],
        configuration: configuration)
    }
    guard names.contains(SafetensorsIndex.name) else {
      throw .folder(.noWeights, file: path, place: .whole)
    }
    let index = try SafetensorsIndex(reading: folder + "/" + SafetensorsIndex.name)
    return try make(
      path: path, folder: folder, headers: index.open(in: folder), configuration: configuration)
  }

  /// NAME-00002-of-00003.gguf and so on.
  private static func isLaterShard(_ name: String) -> Bool {
    guard let match = name.wholeMatch(of: /.*-([0-9]{5})-of-[0-9]{5}\.gguf/) else { return false }
    return match.1 != "00001"
  }

  private static func readConfiguration(_ path: String) throws(CheckpointError) -> JSONValue {
    let value = try JSONValue.read(contentsOf: path)
    guard value.object != nil else {
      throw .folder(.configurationNotObject, file: path, place: .whole)
    }
    return value
  }

  private static func make(
    path: String, folder: String, headers: [SafetensorsHeader], configuration: JSONValue?
  ) -> Checkpoint {
    Checkpoint(
      path: path, container: .safetensors, metadata: [:], configuration: configuration,
      safetensorsMetadata: headers.first?.metadata ?? [:], folder: folder,
      tensors: directory(headers.map(\.tensors)), files: headers.map(\.file))
  }

  /// Names are already known to be distinct.
  private static func directory(
    _ shards: [[TensorEntry]]
  ) -> OrderedDictionary<String, TensorEntry> {
    var tensors: OrderedDictionary<String, TensorEntry> = [:]
    for tensor in shards.joined() { tensors[tensor.name] = tensor }
    return tensors
  }
}
