import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Two processes that change files of one folder take turns, so that what is there is always what one
/// of them wrote.
///
/// It is the lock of flock(2) on the folder itself, which ends with the process. Users take it too
/// (`flock FOLDER ropeconv ...`): one that this process was started under is as good as its own, and
/// one of others is waited for only so long.
struct FolderLock {
  private let descriptor: Int32

  /// Waits for the folder; a file system without locks gives none. To be called while signals still end
  /// the process.
  /// - Throws: `FileError.output`, naming `output`, where another process keeps it for half a minute.
  init(_ folder: String, for output: String) throws(FileError) {
    descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    var turns = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      guard errno == EWOULDBLOCK, !Self.isInherited(descriptor) else { return }
      guard turns < Self.patience else {
        close(descriptor)
        throw .output(
          .cannotCreate(
            reason: "another process has held a lock on \(quoted(folder)) for \(turns / 100) s"),
          file: output, place: .whole)
      }
      turns += 1
      usleep(10_000)
    }
  }

  /// Of a hundredth of a second each: to rename files and flush a folder takes less.
  private static let patience = 3_000

  func release() {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether a descriptor that whoever started this process left open holds the lock. Those that this
  /// process opens are closed when it starts another.
  private static func isInherited(_ descriptor: Int32) -> Bool {
    var (folder, other) = (stat(), stat())
    guard fstat(descriptor, &folder) == 0 else { return false }
    return (Int32(3)..<1_024).contains { number in
      let flags = fcntl(number, F_GETFD)
      return flags >= 0 && flags & FD_CLOEXEC == 0 && fstat(number, &other) == 0
        && other.st_dev == folder.st_dev && other.st_ino == folder.st_ino
        && flock(number, LOCK_EX | LOCK_NB) == 0
    }
  }
}
