import Base
import OrderedCollections

extension Checkpoint {
  /// Opens a `.gguf` file (or its first shard), a `.safetensors` file with config.json beside it, a
  /// Hugging Face folder, a folder with exactly one GGUF model, or an archive of one of these.
  ///
  /// - Throws: what is wrong with the first file that is wrong; `InputFault.notFound` without one.
  public static func open(_ path: String) throws(FileError) -> Checkpoint {
    guard let identity = FileStamp(path: path) else {
      // Opening tells a missing file from one that may not be read.
      do throws(FileError) { _ = try MappedFile.open(path) } catch {
        if error != .input(.notFound, file: path) { throw error }
      }
      try checkIsNotHalfReplaced(path, key: Paths.name(of: path))
      throw .input(WrongInput.missing(path), file: path)
    }
    if identity.isFolder { return try open(FileSet(folder: path), path: path) }
    if ArchiveKind(path: path) != nil {
      return try open(ArchiveContents(opening: path).model(), path: path)
    }
    let file = try MappedFile.open(path)
    let files = FileSet(beside: path)
    let name = path.lowercased()
    if name.hasSuffix(".gguf") { return try open(gguf: file, in: files, path: path) }
    if name.hasSuffix(".safetensors") {
      let isAlone = !files.contains(ModelFolder.configuration)
      if isAlone { try checkIsNotHalfReplaced(path, key: ModelFolder.configuration) }
      return try make(
        path: path, files: files, headers: [SafetensorsHeader(reading: file)],
        configuration: isAlone ? nil : readConfiguration(files))
    }
    let start = file.withSpan { $0.array(0..<4) }
    if start == GGUFLimits.magic { return try open(gguf: file, in: files, path: path) }
    throw .input(WrongInput.file(file, path), file: path)
  }

  /// Refuses a path without the file that makes it a model, where a run that replaced that was
  /// stopped.
  private static func checkIsNotHalfReplaced(_ path: String, key: String) throws(FileError) {
    if let staged = TemporaryName.halfReplaced(path, without: key) {
      throw .folder(.halfReplaced(staged: staged), file: path, place: .whole)
    }
  }

  private static func open(
    gguf file: MappedFile, in files: FileSet, path: String
  ) throws(FileError) -> Checkpoint {
    let headers = try Shards.all(from: GGUFHeader(reading: file), in: files)
    return Checkpoint(
      path: path, container: .gguf(version: headers[0].version), metadata: headers[0].metadata,
      configuration: nil, safetensorsMetadata: [:], companions: nil,
      tensors: directory(headers.map(\.tensors)), files: headers.map(\.file))
  }

  /// The model among the files of a folder or archive.
  private static func open(
    _ files: FileSet, path: String
  ) throws(FileError) -> Checkpoint {
    guard let names = files.names else {
      throw .input(.notReadable(reason: "the folder cannot be listed"), file: path)
    }
    guard names.contains(ModelFolder.configuration) else {
      try checkIsNotHalfReplaced(path, key: ModelFolder.configuration)
      // Of a set of shards, the first stands for the model.
      let models = names.filter { $0.hasSuffix(".gguf") && !isLaterShard($0) }
      guard models.count == 1 else {
        let fault = models.isEmpty ? WrongInput.folder(files, names) : nil
        throw .folder(fault ?? .noModel(ggufModels: models.count), file: path, place: .whole)
      }
      return try open(gguf: files.open(models[0]), in: files, path: path)
    }
    let configuration = try readConfiguration(files)
    let weights = names.filter { $0.hasSuffix(".safetensors") }
    let headers: [SafetensorsHeader]
    if names.contains(ModelFolder.weights) {
      headers = [try SafetensorsHeader(reading: files.open(ModelFolder.weights))]
    } else if names.contains(SafetensorsIndex.name) {
      headers = try SafetensorsIndex(in: files).open(in: files)
    } else if weights.count == 1, !names.contains(ModelFolder.adapter) {
      headers = [try SafetensorsHeader(reading: files.open(weights[0]))]
    } else {
      throw .folder(WrongInput.folder(files, names) ?? .noWeights, file: path, place: .whole)
    }
    return try make(path: path, files: files, headers: headers, configuration: configuration)
  }

  /// NAME-00002-of-00003.gguf and so on.
  private static func isLaterShard(_ name: String) -> Bool {
    Shards.parse(name).map { $0.number != 0 } ?? false
  }

  private static func readConfiguration(_ files: FileSet) throws(FileError) -> JSONValue {
    let value = try files.json(ModelFolder.configuration)
    if value.object != nil { return value }
    var known: Set<String> = []
    let twice = value.members?.first { !known.insert($0.key).inserted }
    throw .folder(
      twice.map { FolderFault.equivalentKeys(key: $0.key) } ?? .configurationNotObject,
      file: files.path(of: ModelFolder.configuration), place: .whole)
  }

  private static func make(
    path: String, files: FileSet, headers: [SafetensorsHeader], configuration: JSONValue?
  ) throws(FileError) -> Checkpoint {
    Checkpoint(
      path: path, container: .safetensors, metadata: [:], configuration: configuration,
      safetensorsMetadata: headers.first?.metadata ?? [:], companions: files,
      tensors: try ScaledWeights.joined(
        headers.count == 1
          ? headers[0].tensors : directory(headers.map { Array($0.tensors.values) }),
        configuration, file: files.path(of: ModelFolder.configuration)),
      files: headers.map(\.file))
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
