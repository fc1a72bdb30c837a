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
/// was left in the middle: then it holds the only whole copy of what is missing. A folder that has
/// changed places with it is an `OlderFolder`.
struct StagingFolder: ~Copyable {
  let path: String
  private let target: OutputTarget
  /// The file that makes the output a model (config.json, or the first shard), and what stood in its
  /// place when this began.
  private let key: String
  private let before: FileStamp?
  private var files: [String] = []
  private var isKept = false
  /// Of the folder, to hold it.
  private let descriptor: Int32

  /// A folder beside an output; `key` is the path of the file that makes it a model.
  init(for target: OutputTarget, key: String) throws(FileError) {
    try FolderLock.check(Paths.folder(of: target.path), for: target.path)
    TemporaryName.removeLeftovers(of: target.path)
    let name = TemporaryName.new(for: target.path)
    TemporaryRegistry.register(name)
    let number = uninterrupted { mkdir(name, 0o777) }
    guard number == 0 else {
      TemporaryRegistry.unregister(name)
      throw target.fault(.cannotCreate(reason: errorText(number)))
    }
    path = name
    descriptor = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    TemporaryName.hold(descriptor)
    self.target = target
    self.key = key
    before = FileStamp(linkItself: key)
  }

  /// The path of a file about to be written into the folder.
  mutating func file(_ name: String) -> String {
    let file = path + "/" + name
    TemporaryRegistry.register(file)
    files.append(file)
    return file
  }

  deinit {
    defer { if descriptor >= 0 { close(descriptor) } }
    guard !isKept else { return unregister() }
    remove()
    // Not before: a signal in between would leave what nobody removes.
    unregister()
  }

  /// Removes the folder with what is in it.
  private func remove() {
    for name in folderNames(path) ?? [] { unlink(path + "/" + name) }
    rmdir(path)
  }

  private func unregister() {
    for file in files { TemporaryRegistry.unregister(file) }
    TemporaryRegistry.unregister(path)
  }

  /// Puts the files in the output folder's place: as a folder, and where that cannot be, file by file, so
  /// that it opens as a model only once the last of them is there.
  mutating func move(_ names: [String]) throws(FileError) {
    try target.inputs.check()
    let parent = Paths.folder(of: target.path)
    let lock = try FolderLock(parent, for: target.path)
    defer { lock.release() }
    let inner = try lockOfFolder(besides: parent)
    defer { inner?.release() }
    SignalHandling.hold()
    defer { SignalHandling.release() }
    try checkIsAsBefore()
    try FolderFlush.betweenRenamings(path, of: target.path)
    // An empty folder is replaced as a whole, too.
    let number = uninterrupted { rename(path, target.path) }
    if number == 0 { return FolderFlush.afterRenaming(parent, of: target.path) }
    guard !Self.isOfTheDisk(number), target.force, FileStamp(path: target.path)?.isFolder == true
    else {
      throw number == ENOTEMPTY || number == EEXIST
        ? target.fault(.exists) : failure("rename", number)
    }
    let stale = ModelFolder.stale(in: target.path, besides: names)
    if try exchange(going: names + stale, parent: parent) { return }
    try replace(names, in: target.path, stale: stale)
  }

  /// The lock of the output's folder, where there is one and it is not the folder that it lies in (`./`).
  private func lockOfFolder(besides parent: String) throws(FileError) -> FolderLock? {
    guard let stamp = FileStamp(path: target.path), stamp.isFolder,
      FileStamp(path: parent)?.isSameFile(as: stamp) != true
    else { return nil }
    return try FolderLock(target.path, for: target.path)
  }

  /// Changes places with the older folder, which then goes from this one's path.
  /// - Returns: false where the two cannot be exchanged; nothing has changed then.
  private mutating func exchange(
    going: [String], parent: String
  ) throws(FileError) -> Bool {
    var exchange = FolderExchange(staged: path, folder: target.path, going: Set(going))
    guard exchange.carry() else { return false }
    do throws(FileError) {
      if exchange.carriesFiles { try FolderFlush.betweenRenamings(path, of: target.path) }
      let number = exchange.exchange()
      guard number == 0 else {
        if Self.isOfTheDisk(number) { throw failure("rename", number) }
        exchange.drop()
        return false
      }
    } catch {
      exchange.drop()
      throw error
    }
    FolderFlush.afterRenaming(parent, of: target.path)
    // It is another folder now, which is not to be removed with all that comes into it.
    isKept = true
    let name = TemporaryName.older(of: path)
    OlderFolder(rename(path, name) == 0 ? name : path, newer: target.path)
      .remove(besides: exchange.going)
    unregister()
    return true
  }

  /// Whether an error says that the disk fails, and not that it cannot do what it was asked.
  private static func isOfTheDisk(_ number: Int32) -> Bool {
    [EIO, ENOSPC, EDQUOT, EROFS, ENOMEM].contains(number)
  }

  /// Moves files to their places, where they open as a model only once the last of them is there, and
  /// removes the older sets of shards that they take the place of.
  mutating func release(
    _ names: [String], replacing sets: OldShards? = nil
  ) throws(FileError) {
    try target.inputs.check()
    let folder = Paths.folder(of: target.path)
    let lock = try FolderLock(folder, for: target.path)
    defer { lock.release() }
    SignalHandling.hold()
    defer { SignalHandling.release() }
    try checkIsAsBefore()
    try sets?.checkAreAsBefore()
    try FolderFlush.betweenRenamings(path, of: target.path)
    try replace(names, in: folder, stale: [])
    try sets?.remove()
  }

  /// The one order in which files take the place of older ones. The file without which there is no
  /// model goes first and comes last, each time alone on the disk, so that whatever stops this,
  /// what is there is the old model, the new one, or none. Older files wait in this folder until all
  /// are in place: what fails is taken back.
  private mutating func replace(
    _ names: [String], in folder: String, stale: [String]
  ) throws(FileError) {
    guard let key = names.last else { return }
    var change = Replacement(staged: path, folder: folder, force: target.force)
    do {
      try change.setAside(key)
      if change.hasOlder { try FolderFlush.betweenRenamings(folder, of: target.path) }
      for name in stale { try change.setAside(name) }
      for name in names.dropLast() { try change.place(name) }
      try FolderFlush.betweenRenamings(folder, of: target.path)
      try change.place(key)
    } catch {
      let fault = (error as? FileError) ?? failure("rename", (error as? SystemFault)?.number ?? 0)
      if change.takeBack() { throw fault }
      if target.force { change.gather(stale + names) }
      isKept = true
      // Nor does a signal remove them now.
      unregister()
      guard case .systemError(let operation, let reason)? = fault.fault as? OutputFault
      else { throw fault }
      throw FileError(
        OutputFault.unfinished(operation: operation, reason: reason, staged: path),
        file: fault.path, place: fault.part)
    }
    change.discardOlder()
    FolderFlush.afterRenaming(folder, of: target.path)
  }

  /// Refuses to replace what another process has written since this one looked.
  private func checkIsAsBefore() throws(FileError) {
    guard !target.force || OutputTarget.isUnchanged(key, since: before) else {
      throw target.fault(.changedMeanwhile)
    }
  }

  private func failure(_ operation: String, _ number: Int32) -> FileError {
    number == EEXIST && !target.force
      ? target.fault(.exists)
      : .output(
        .systemError(operation: operation, reason: errorText(number)), file: target.path,
        place: .whole)
  }
}
