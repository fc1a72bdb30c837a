import Base

/// The named files among which a model lies: those of a folder, or the members of an archive.
package struct FileSet: Sendable {
  /// The folder's path; for an archive its path and the folder inside it.
  package let path: String
  /// What stands before a name to make it a path.
  private let prefix: String
  /// The members of an archive; nil for a folder, which is asked each time.
  private let members: [String: MappedFile]?

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

  /// - Throws: what `MappedFile.open` throws.
  package func open(_ name: String) throws(FileError) -> MappedFile {
    guard let members else { return try MappedFile.open(path(of: name)) }
    guard let file = members[name] else { throw .input(.notFound, file: path(of: name)) }
    return file
  }
}
