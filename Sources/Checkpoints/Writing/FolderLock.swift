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
/// (`flock FOLDER ropeconv ...`): one that this process was started under is as good as its own. For
/// that of another, work is not begun; work that is done waits for it.
struct FolderLock {
  private let descriptor: Int32

  /// Waits for the folder; a file system without locks gives none. To be called while signals still end
  /// the process. After half a minute the wait is told.
  init(_ folder: String, for output: String) throws(FileError) {
    descriptor = try Self.take(folder) {
      OutputNotes.tell(
        "\(output) waits for another process, which holds a lock on \(quoted(folder))")
    }
  }

  /// Looks before the work whether the folder can be had at its end.
  /// - Throws: `FileError.output`, naming `output`, where another process keeps it for half a minute.
  static func check(_ folder: String, for output: String) throws(FileError) {
    let descriptor = try take(folder) { () throws(FileError) in
      throw .output(
        .cannotCreate(reason: "another process has held a lock on \(quoted(folder)) for 30 s"),
        file: output, place: .whole)
    }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Takes the lock of a folder.
  /// - Parameters:
  ///   - folder: where it lies.
  ///   - late: called once after half a minute.
  /// - Returns: a descriptor of the folder, which holds the lock; a negative number if there is no folder.
  /// - Throws: what `late` throws.
  private static func take(
    _ folder: String, late: () throws(FileError) -> Void
  ) throws(FileError) -> Int32 {
    var turns = 0
    while true {
      let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else { return descriptor }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
        // Another folder may have taken its place since it was opened.
        let own = FileStamp(descriptor: descriptor)
        if let now = FileStamp(path: folder), own?.isSameFile(as: now) == false {
          close(descriptor)
          continue
        }
        return descriptor
      }
      // A file system without locks, or a lock that is ours.
      let number = errno
      if number != EINTR, number != EWOULDBLOCK || isInherited(descriptor) { return descriptor }
      close(descriptor)
      turns += 1
      if turns == patience { try late() }
      usleep(10_000)
    }
  }

  /// Of a hundredth of a second each: to rename files and flush a folder takes less.
  private static let patience = 3_000

  func release() {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether a descriptor that whoever started this process left open holds the lock. Those that this
  /// process opens are closed when it starts another. Only the system knows of a lock: to ask for it would change it.
  private static func isInherited(_ descriptor: Int32) -> Bool {
    guard let folder = FileStamp(descriptor: descriptor) else { return false }
    return (Int32(3)..<1_024).contains { number in
      let flags = fcntl(number, F_GETFD)
      guard flags >= 0, flags & FD_CLOEXEC == 0,
        FileStamp(descriptor: number)?.isSameFile(as: folder) == true
      else { return false }
      return text(of: "/proc/self/fdinfo/\(number)").split(separator: "\n").contains {
        $0.hasPrefix("lock:") && $0.contains("FLOCK") && $0.contains("WRITE")
      }
    }
  }

  private static func text(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}
