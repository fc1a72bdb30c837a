import Base

/// What a path that holds no checkpoint most likely is, so that the error can say it.
enum WrongInput {
  /// How downloads are named until they are whole.
  private static let unfinished = [".incomplete", ".part", ".crdownload", ".aria2", ".download"]
  private static let known = [
    ".gguf", ".safetensors", ".json", ".jsonl", ".txt", ".tar", ".gz", ".zst", ".zip", ".bin",
  ]

  /// Of a path that nothing lies at.
  static func missing(_ path: String) -> InputFault {
    if let ending = unfinished.first(where: { FileStamp(path: path + $0) != nil }) {
      return .unfinishedDownload(found: Paths.name(of: path) + ending)
    }
    // A name on a hub, and no folder of the owner's name here.
    guard HubCache.isName(path), !known.contains(where: path.lowercased().hasSuffix),
      FileStamp(path: Paths.folder(of: path)) == nil, let missing = HubCache.missing(path)
    else { return .notFound }
    return .hubName(path, missing: missing)
  }

  /// Of a file that is neither GGUF nor safetensors.
  static func file(_ file: MappedFile, _ path: String) -> InputFault {
    if unfinished.contains(where: path.hasSuffix) {
      return .unfinishedDownload(found: Paths.name(of: path))
    }
    if file.size == 0 { return .empty }
    if file.withSpan({ $0.isGitLFSPointer }) { return .gitLFSPointer }
    let start = file.withSpan { $0.array(0..<4096) }
    if [".bin", ".pt", ".pth", ".ckpt"].contains(where: path.lowercased().hasSuffix),
      start.starts(with: Array("PK".utf8)) || start.starts(with: [0x80])
    {
      return .pickle
    }
    guard isText(start) else { return .unknownFormat }
    return Paths.name(of: path) == ModelFolder.configuration ? .configurationAlone : .text
  }

  /// Of a folder without a model, or without weights; nil where nothing more can be said.
  static func folder(_ files: FileSet, _ names: [String]) -> FolderFault? {
    if names.contains(ModelFolder.adapter) {
      let adapter = try? files.json(ModelFolder.adapter)
      return .adapter(base: adapter?["base_model_name_or_path"]?.string)
    }
    // Hubs' clients keep what is not yet whole in a folder of their own.
    let cache = FileSet(folder: files.path(of: ".cache/huggingface/download")).names ?? []
    if let name = (names + cache).first(where: { name in
      unfinished.contains(where: name.hasSuffix)
    }) {
      return .unfinishedDownload(found: name)
    }
    return names.contains("snapshots") && names.contains("refs") ? .hubCache : nil
  }

  /// Whether the bytes, which may end inside a character, are UTF-8 without control characters that
  /// no text has.
  private static func isText(_ bytes: [UInt8]) -> Bool {
    guard !bytes.contains(where: { $0 < 0x09 || (0x0E..<0x1B).contains($0) }) else { return false }
    return (0..<4).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
  }
}
