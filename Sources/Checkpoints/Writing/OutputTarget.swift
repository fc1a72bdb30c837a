import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The checks before an output is created: its folder is there, it is not an input, it is not replaced
/// without being asked to, and there is room.
package struct OutputTarget {
  let path: String
  let force: Bool
  /// What it is made from.
  let inputs: OutputInputs
  /// Open files that must not be the output.
  let sources: [MappedFile]

  /// Refuses an output that could not be created, before long work is done for it.
  /// - Parameters:
  ///   - path: a file, or a folder where it ends in `/`.
  ///   - byteCount: bytes that will be written.
  ///   - force: whether an existing output is replaced.
  ///   - inputs: what the output is made from.
  /// - Throws: `FileError.output`.
  package static func check(
    _ path: String, byteCount: Int, force: Bool, inputs: OutputInputs
  ) throws(FileError) {
    let isFolder = path.hasSuffix("/")
    let target = OutputTarget(
      path: isFolder && path.count > 1 ? String(path.dropLast()) : path, force: force,
      inputs: inputs, sources: [])
    if isFolder {
      try target.checkFolder(byteCount: byteCount)
    } else {
      try target.checkFile(byteCount: byteCount)
    }
  }

  /// Refuses a path that leads to the same file as an input.
  /// - Throws: `FileError.output`.
  package static func checkIsNoInput(_ path: String, inputs: [String]) throws(FileError) {
    try OutputTarget(path: path, force: true, inputs: .init(inputs), sources: []).checkIsNoInput()
  }

  /// Whether two paths lead to one file, there already or yet to be created.
  package static func isSameFile(_ one: String, _ other: String) -> Bool {
    if let one = FileStamp(path: one), let other = FileStamp(path: other) {
      return one.isSameFile(as: other)
    }
    return Paths.resolved(one) == Paths.resolved(other)
  }

  /// Whether what stands at a path is what stood there before, or still nothing.
  static func isUnchanged(_ path: String, since before: FileStamp?) -> Bool {
    guard let now = FileStamp(linkItself: path), let before else {
      return before == nil && FileStamp(linkItself: path) == nil
    }
    return now.isUnchanged(since: before)
  }

  /// Refuses a file that could not be created, `byteCount` bytes long.
  func checkFile(byteCount: Int) throws(FileError) {
    try checkIsNoInput()
    if FileStamp(linkItself: path) != nil {
      if let identity = FileStamp(path: path), !identity.isRegular {
        throw fault(.wrongKind(expected: "regular file"))
      }
      guard force else { throw fault(.exists) }
    }
    try checkParent(byteCount: byteCount)
  }

  /// An empty folder may be replaced without being asked to: nothing is lost.
  func checkFolder(byteCount: Int) throws(FileError) {
    try checkIsNoInput()
    if let identity = FileStamp(path: path) {
      guard identity.isFolder else { throw fault(.wrongKind(expected: "folder")) }
      guard force || folderNames(path)?.isEmpty == true else { throw fault(.exists) }
    } else if FileStamp(linkItself: path) != nil {
      throw fault(.wrongKind(expected: "folder"))
    }
    try checkParent(byteCount: byteCount)
  }

  /// An output that leads to the same file as an input: the same path, a symbolic or a hard link.
  func checkIsNoInput() throws(FileError) {
    guard let output = FileStamp(path: path) else { return }
    for input in inputs.paths {
      if let identity = FileStamp(path: input), identity.isSameFile(as: output) {
        throw fault(.isInput(input: input))
      }
    }
    for source in sources {
      if let identity = FileStamp(descriptor: source.descriptor),
        identity.isSameFile(as: output)
      {
        throw fault(.isInput(input: source.path))
      }
    }
  }

  private func checkParent(byteCount: Int) throws(FileError) {
    let folder = Paths.folder(of: path)
    guard let identity = FileStamp(path: folder) else {
      throw fault(.cannotCreate(reason: "no such folder \(quoted(folder))"))
    }
    guard identity.isFolder else {
      throw fault(.cannotCreate(reason: "\(quoted(folder)) is not a folder"))
    }
    let longest = pathconf(folder, Int32(_PC_NAME_MAX))
    let name = Paths.name(of: path)
    guard longest < 0 || name.utf8.count <= longest else {
      throw fault(.cannotCreate(reason: "its name has more than \(longest) bytes"))
    }
    guard access(folder, W_OK) == 0 else {
      throw fault(.cannotCreate(reason: "\(quoted(folder)): \(errorText(errno))"))
    }
    if WriteFaults.current?.ignoresFreeSpace == true { return }
    guard let free = Self.freeSpace(in: folder) else { return }
    guard byteCount <= free else { throw fault(.noSpace(needed: byteCount, free: free)) }
  }

  /// Bytes that an ordinary user may still write; nil where the file system does not say.
  static func freeSpace(in folder: String) -> Int? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0, status.f_blocks > 0 else { return nil }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? nil : Int(clamping: bytes)
  }

  func fault(_ fault: OutputFault) -> FileError {
    .output(fault, file: path, place: .whole)
  }
}
