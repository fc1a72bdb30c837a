import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A hidden name beside an output that no other process uses.
func temporaryName(for path: String) -> String {
  let name = Paths.name(of: path)
  // A name may have 255 bytes: what is added must fit beside the output's own.
  let stem = String(decoding: name.utf8.prefix(200), as: UTF8.self)
  let random = String(UInt64.random(in: 0 ... .max), radix: 36)
  return "\(Paths.folder(of: path))/.\(stem).\(getpid())-\(random).partial"
}

/// Renames a file or folder; 0 or the error number, EEXIST for a target that must not be replaced.
func renameFile(_ source: String, to target: String, replacing: Bool) -> Int32 {
  if replacing { return rename(source, target) == 0 ? 0 : errno }
  // RENAME_NOREPLACE is 1 on Linux, RENAME_EXCL is 4 on Darwin.
  #if canImport(Darwin)
    let exclusive: UInt32 = 4
  #else
    let exclusive: UInt32 = 1
  #endif
  if let call = OptionalCalls.renameAt {
    if call(AT_FDCWD, source, AT_FDCWD, target, exclusive) == 0 { return 0 }
    let number = errno
    guard number == EINVAL || number == ENOSYS || number == ENOTSUP else { return number }
  }
  // A file system without it: between the look and the renaming another process may be first.
  if FileStamp(linkItself: target) != nil { return EEXIST }
  return rename(source, target) == 0 ? 0 : errno
}

/// Flushes a folder's entries to the disk, so that a renaming in it outlives a loss of power.
func flushFolder(_ folder: String, of output: String) throws(FileError) {
  if let number = WriteFaults.next() { throw folderFailure(number, output) }
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  // A folder that may be written but not read cannot be flushed.
  guard descriptor >= 0 else { return }
  defer { close(descriptor) }
  guard fsync(descriptor) != 0 else { return }
  let number = errno
  // Some network file systems flush no folders.
  if number == EINVAL || number == ENOTSUP || number == EBADF || number == EROFS { return }
  throw folderFailure(number, output)
}

private func folderFailure(_ number: Int32, _ output: String) -> FileError {
  .output(
    .systemError(operation: "fsync of the folder", reason: errorText(number)), file: output,
    place: .whole)
}
