import Base

extension Checkpoint {
  /// Reads the members of a zip archive that lie in it as they are, and compares their checksums: what
  /// is mapped was never summed. Members that are unpacked were when that was done.
  /// - Throws: `ArchiveFault.damaged`.
  package func checkChecksums() throws(FileError) {
    guard ArchiveKind(path: path) == .zip, FileStamp(path: path)?.isRegular == true,
      files.contains(where: { !$0.isUnnamed })
    else { return }
    var stream = try ArchiveStream(path, .members)
    while let member = try stream.next() {
      try stream.forEachBlock(of: member) { (_, _) throws(FileError) in }
    }
  }
}
