import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An older folder of an output after it has changed places with the newer one. What is of the older model goes; what
/// others write into it meanwhile is theirs and is never removed.
struct OlderFolder {
  let path: String
  /// The folder in its place.
  let newer: String

  init(_ path: String, newer: String) {
    self.path = path
    self.newer = newer
  }

  /// Removes files of these names, and the folder. What came into it, or took the place of a file there, when
  /// the others were linked already, goes to the newer one.
  func remove(besides going: Set<String>) {
    // Something may come in between a look and the removal.
    for _ in 0..<4 {
      for name in folderNames(path) ?? [] {
        if going.contains(name) || isLinked(name) {
          unlink("\(path)/\(name)")
        } else {
          rename("\(path)/\(name)", "\(newer)/\(name)")
        }
      }
      if rmdir(path) == 0 || errno == ENOENT { return }
    }
    OutputNotes.tell(
      "files that another process wrote into the older \(quoted(newer)) lie in \(quoted(path))")
  }

  /// Removes what a run that was stopped has left of it: files that the newer one has too, and
  /// those of a model. Anything else stays, and the folder then too.
  func removeLeftover() {
    guard let names = folderNames(path) else { return }
    let ofModel = Set(ModelFolder.stale(in: path, besides: []))
    for name in names where ofModel.contains(name) || isLinked(name) {
      unlink("\(path)/\(name)")
    }
    rmdir(path)
  }

  /// Whether the newer folder has the same file.
  private func isLinked(_ name: String) -> Bool {
    guard let stamp = FileStamp(linkItself: "\(path)/\(name)") else { return false }
    return FileStamp(linkItself: "\(newer)/\(name)")?.isSameFile(as: stamp) == true
  }
}
