import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A hidden folder beside an output of several files, in which they wait until all are whole.
///
/// It is removed with its files at the end of its life, unless an output that was being replaced
/// was left in the middle: then it holds the only whole copy of what is missing.
struct StagingFolder: ~Copyable {
  let path: String
  private let target: OutputTarget
  private var files: [String] = []
  private var isKept = false

  init(for target: OutputTarget) throws(FileError) {
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
    guard !isKept else { return unregister() }
    for name in folderNames(path) ?? [] { unlink(path + "/" + name) }
    rmdir(path)
    // Not before: a signal in between would leave what nobody removes.
    unregister()
  }

  private func unregister() {
    for file in files { TemporaryRegistry.unregister(file) }
    TemporaryRegistry.unregister(path)
  }

  /// Moves files into the output folder, which opens as a model only once the last of them is there.
  mutating func move(_ names: [String]) throws(FileError) {
    SignalHandling.hold()
    defer { SignalHandling.release() }
    let parent = Paths.folder(of: target.path)
    if let number = WriteFaults.next() { throw failure("rename", number) }
    // An empty folder is replaced as a whole, too.
    let number = rename(path, target.path) == 0 ? 0 : errno
    if number == 0 { return try flushFolder(parent, of: target.path) }
    guard target.force, FileStamp(path: target.path)?.isFolder == true else {
      throw number == ENOTEMPTY || number == EEXIST
        ? target.fault(.exists) : failure("rename", number)
    }
    try replace(
      names, in: target.path, stale: ModelFolder.stale(in: target.path, besides: names))
  }

  /// Moves files to their places, where they open as a model only once the last of them is there.
  mutating func release(_ names: [String]) throws(FileError) {
    SignalHandling.hold()
    defer { SignalHandling.release() }
    let folder = Paths.folder(of: target.path)
    if target.force { return try replace(names, in: folder, stale: []) }
    var placed: [String] = []
    for name in names {
      let output = folder + "/" + name
      let number =
        WriteFaults.next() ?? renameFile(path + "/" + name, to: output, replacing: false)
      guard number == 0 else {
        // None was replaced, so all can be taken back.
        for path in placed { unlink(path) }
        throw number == EEXIST ? target.fault(.exists) : failure("rename", number)
      }
      placed.append(output)
    }
    try flushFolder(folder, of: target.path)
  }

  /// The one order in which files take the place of older ones. The file without which there is no
  /// model goes first and comes last, each time alone on the disk, so that whatever stops this,
  /// what is there is the old model, the new one, or none.
  private mutating func replace(
    _ names: [String], in folder: String, stale: [String]
  ) throws(FileError) {
    guard let key = names.last else { return }
    try remove(folder + "/" + key)
    do {
      try flushFolder(folder, of: target.path)
      for name in stale { try remove(folder + "/" + name) }
      for name in names.dropLast() { try place(name, in: folder) }
      try flushFolder(folder, of: target.path)
      try place(key, in: folder)
    } catch {
      // Whoever moves the staged files into place must not find the old model's among them.
      for name in stale { unlink(folder + "/" + name) }
      isKept = true
      // Nor does a signal remove them now.
      unregister()
      guard case .systemError(let operation, let reason)? = error.fault as? OutputFault
      else { throw error }
      throw FileError(
        OutputFault.unfinished(operation: operation, reason: reason, staged: path),
        file: error.path, place: error.part)
    }
    try flushFolder(folder, of: target.path)
  }

  private func remove(_ file: String) throws(FileError) {
    let number = WriteFaults.next() ?? (unlink(file) == 0 ? 0 : errno)
    guard number == 0 || number == ENOENT else { throw failure("unlink", number) }
  }

  private func place(_ name: String, in folder: String) throws(FileError) {
    let number =
      WriteFaults.next() ?? renameFile(path + "/" + name, to: folder + "/" + name, replacing: true)
    guard number == 0 else { throw failure("rename", number) }
  }

  private func failure(_ operation: String, _ number: Int32) -> FileError {
    .output(
      .systemError(operation: operation, reason: errorText(number)), file: target.path,
      place: .whole)
  }
}
