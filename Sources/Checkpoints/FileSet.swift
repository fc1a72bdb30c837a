import Base
import Synchronization

/// The named files among which a model lies: those of a folder, or the members of an archive.
package struct FileSet: Sendable {
  /// The folder's path; for an archive its path and the folder inside it.
  package let path: String
  /// What stands before a name to make it a path.
  private let prefix: String
  /// The members of an archive; nil for a folder, which is asked each time.
  private let members: [String: MappedFile]?
  /// What was opened of a folder and compared of an archive, copies of this value included.
  private let seen = SeenFiles()

  /// The files of a folder.
  package init(folder: String) {
    path = Paths.withoutTrailingSlashes(folder)
    prefix = path == "/" ? "/" : path + "/"
    members = nil
  }

  /// The files beside a file, that file included.
  init(beside file: String) {
    path = Paths.folder(of: file)
    prefix = String(decoding: file.utf8.dropLast(Paths.name(of: file).utf8.count), as: UTF8.self)
    members = nil
  }

  /// Files of an archive by their names.
  init(path: String, members: [String: MappedFile]) {
    self.path = path
    prefix = path + "/"
    self.members = members
  }

  /// All names, sorted; nil for a folder that cannot be listed.
  var names: [String]? { members.map { $0.keys.sorted() } ?? folderNames(path) }

  /// The path of a file, as error lines show it.
  package func path(of name: String) -> String { prefix + name }

  package func contains(_ name: String) -> Bool {
    members.map { $0[name] != nil } ?? (FileStamp(path: path(of: name)) != nil)
  }

  /// - Throws: what `MappedFile.open` throws, `tooLargeForMemory` for a file that is held in memory and
  ///   is larger than any of its name needs to be, and what `SourceHash.digest` throws of the member of
  ///   an archive that holds no weights.
  package func open(_ name: String) throws(FileError) -> MappedFile {
    let file = try find(name)
    if let limit = ModelFolder.byteLimit(of: name), file.size > limit {
      throw .input(.tooLargeForMemory(bytes: file.size, limit: limit), file: file.path)
    }
    // A member of an archive that is read whole is compared here, once, the weights where they are hashed.
    let isWeights = name.hasSuffix(".gguf") || name.hasSuffix(".safetensors")
    if !isWeights, file.stated != nil, !file.isUnnamed, !seen.isCompared(name) {
      _ = try SourceHash.digest(file)
      seen.addCompared(name)
    }
    return file
  }

  /// Opens a file that may be missing.
  /// - Returns: nil where no file has the name.
  /// - Throws: what `open` throws for a file that is there.
  package func openWhereThere(_ name: String) throws(FileError) -> MappedFile? {
    contains(name) ? try open(name) : nil
  }

  /// Reads a file that holds one JSON value.
  /// - Throws: what `open` throws, and `FileError.json`, also for more values than a file of its
  ///   name needs.
  package func json(
    _ name: String, wideIntegers: JSONValue.WideIntegers = .number
  ) throws(FileError) -> JSONValue {
    try JSONValue.read(
      open(name), wideIntegers: wideIntegers, memory: ModelFolder.memoryLimit(of: name))
  }

  private func find(_ name: String) throws(FileError) -> MappedFile {
    guard let members else {
      let file = try MappedFile.open(path(of: name))
      seen.add(file)
      return file
    }
    guard let file = members[name] else { throw .input(.notFound, file: path(of: name)) }
    return file
  }

  /// Refuses files of which one that was opened is no longer what it was.
  /// - Throws: `FileError.input` (`changedWhileRead`).
  func checkUnchanged() throws(FileError) {
    try seen.check()
    if let file = members?.first?.value { try file.checkUnchanged() }
  }

  /// Refuses a file that is a link to one elsewhere: what is copied with a model must be of the
  /// model. The blobs folder of a hub client's cache, beside whose snapshots a folder lies, is no
  /// elsewhere.
  /// - Throws: `FolderFault.linkLeadsOut`.
  package func checkLinks(of names: [String]) throws(FileError) {
    guard members == nil else { return }
    let folder = Paths.resolved(path)
    var allowed = [folder]
    let snapshots = Paths.folder(of: folder)
    if Paths.name(of: snapshots) == "snapshots" {
      allowed.append(Paths.folder(of: snapshots) + "/blobs")
    }
    for name in names where contains(name) {
      let target = Paths.resolved(path(of: name))
      guard allowed.contains(where: { target.hasPrefix($0 == "/" ? $0 : $0 + "/") }) else {
        throw .folder(.linkLeadsOut(target: target), file: path(of: name), place: .whole)
      }
    }
  }
}

/// Files that were opened, each as it was when that happened first.
private final class SeenFiles: Sendable {
  private let stamps = Mutex<[String: FileStamp]>([:])
  /// Members whose bytes were found to be those that their archive states.
  private let compared = Mutex<Set<String>>([])

  func isCompared(_ name: String) -> Bool { compared.withLock { $0.contains(name) } }

  func addCompared(_ name: String) { compared.withLock { _ = $0.insert(name) } }

  func add(_ file: MappedFile) {
    guard let stamp = file.stamp else { return }
    stamps.withLock { if $0[file.path] == nil { $0[file.path] = stamp } }
  }

  func check() throws(FileError) {
    for (path, stamp) in stamps.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      // What was removed was read as it was.
      guard FileStamp(path: path)?.isUnchanged(since: stamp) ?? true else {
        throw .input(.changedWhileRead, file: path)
      }
    }
  }
}
