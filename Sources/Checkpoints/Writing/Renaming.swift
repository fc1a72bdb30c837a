import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Renames a file or folder; 0 or the error number, EEXIST for a target that must not be replaced.
func renameFile(_ source: String, to target: String, replacing: Bool) -> Int32 {
  if replacing { return uninterrupted { rename(source, target) } }
  // RENAME_NOREPLACE is 1 on Linux, RENAME_EXCL is 4 on Darwin.
  #if canImport(Darwin)
    let exclusive: UInt32 = 4
  #else
    let exclusive: UInt32 = 1
  #endif
  if let call = OptionalCalls.renameAt {
    let number = uninterrupted { call(AT_FDCWD, source, AT_FDCWD, target, exclusive) }
    guard number == EINVAL || number == ENOSYS || number == ENOTSUP else { return number }
  }
  // A file system without it: between the look and the renaming another process may be first.
  if FileStamp(linkItself: target) != nil { return EEXIST }
  return uninterrupted { rename(source, target) }
}

/// Flushes a folder's entries to the disk, so that a renaming in it outlives a loss of power.
enum FolderFlush {
  /// Flushes a folder between two renamings.
  /// - Throws: `FileError.output`.
  static func betweenRenamings(_ folder: String, of output: String) throws(FileError) {
    let number = flush(folder)
    guard number == 0 else {
      throw .output(
        .systemError(operation: "fsync of the folder", reason: errorText(number)), file: output,
        place: .whole)
    }
  }

  /// Flushes a folder when the output is in place: a failure takes nothing away, and is told.
  static func afterRenaming(_ folder: String, of output: String) {
    let number = flush(folder)
    guard number != 0 else { return }
    OutputNotes.tell(
      "\(output) is written, but its name was not flushed to the disk (\(errorText(number))): it may"
        + " not outlive a loss of power")
  }

  private static func flush(_ folder: String) -> Int32 {
    var descriptor: Int32 = -1
    let opened = uninterrupted {
      descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      return descriptor
    }
    guard opened == 0 else {
      // A folder that may be written but not read cannot be flushed.
      return opened == EACCES ? 0 : opened
    }
    defer { close(descriptor) }
    let number = uninterrupted { fsync(descriptor) }
    // Some network file systems flush no folders.
    return [EINVAL, ENOTSUP, EBADF, EROFS].contains(number) ? 0 : number
  }
}
