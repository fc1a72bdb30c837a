#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A hidden folder beside an output folder, removed with all its files at the end of its life.
struct StagingFolder: ~Copyable {
  let path: String
  private let target: OutputTarget
  private var files: [String] = []

  init(for target: OutputTarget) throws(CheckpointError) {
    let name = temporaryName(for: target.path)
    TemporaryRegistry.register(name)
    let number = WriteFaults.next() ?? (mkdir(name, 0o777) == 0 ? 0 : errno)
    guard number == 0 else {
      TemporaryRegistry.unregister(name)
      throw target.fault(.cannotCreate(reason: errorText(number)))
    }
    path = name
    self.target = target
  }

  /// The path of a file about to be written into the folder.
  mutating func file(_ name: String) -> String {
    let file = path + "/" + name
    TemporaryRegistry.register(file)
    files.append(file)
    return file
  }

  deinit {
    for file in files { TemporaryRegistry.unregister(file) }
    for name in folderNames(path) ?? [] { unlink(path + "/" + name) }
    rmdir(path)
    TemporaryRegistry.unregister(path)
  }

  /// Files of an existing folder that would be read with the new ones, or in their place.
  static func stale(_ names: [String]) -> [String] {
    ["config.json", SafetensorsIndex.name]
      + (names.contains(FolderWriter.weights) ? [] : [FolderWriter.weights])
  }

  /// Gives the output its files, the last name last.
  func move(_ names: [String]) throws(CheckpointError) {
    let parent = Paths.folder(of: target.path)
    if let number = WriteFaults.next() { throw failure("rename", number) }
    // An empty folder is replaced as a whole, too.
    let number = rename(path, target.path) == 0 ? 0 : errno
    if number == 0 { return try flushFolder(parent, of: target.path) }
    guard target.force, FileIdentity(path: target.path)?.isFolder == true else {
      throw number == ENOTEMPTY || number == EEXIST
        ? target.fault(.exists) : failure("rename", number)
    }
    for name in Self.stale(names) { unlink(target.path + "/" + name) }
    try flushFolder(target.path, of: target.path)
    for name in names {
      if let number = WriteFaults.next() { throw failure("rename", number) }
      let number = renameFile(path + "/" + name, to: target.path + "/" + name, replacing: true)
      guard number == 0 else { throw failure("rename", number) }
    }
    try flushFolder(target.path, of: target.path)
  }

  /// Puts the files beside the output, the last name last. Files that are put there already are
  /// taken back where a later one fails and none was replaced.
  func release(_ names: [String]) throws(CheckpointError) {
    let folder = Paths.folder(of: target.path)
    if target.force, let last = names.last { unlink(folder + "/" + last) }
    var placed: [String] = []
    for name in names {
      let output = folder + "/" + name
      let number =
        WriteFaults.next() ?? renameFile(path + "/" + name, to: output, replacing: target.force)
      guard number == 0 else {
        if !target.force { for path in placed { unlink(path) } }
        throw number == EEXIST ? target.fault(.exists) : failure("rename", number)
      }
      placed.append(output)
    }
    try flushFolder(folder, of: target.path)
  }

  private func failure(_ operation: String, _ number: Int32) -> CheckpointError {
    .output(
      .systemError(operation: operation, reason: errorText(number)), file: target.path,
      place: .whole)
  }
}
