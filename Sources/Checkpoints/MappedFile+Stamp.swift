#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What tells whether a file is the one it was: a write, a replacement or a copy changes one of these.
public struct FileStamp: Sendable, Equatable {
  public let device: UInt64
  public let inode: UInt64
  public let size: Int
  /// Last change of the contents, in nanoseconds since 1970.
  public let modified: Int64
  /// Last change of contents or attributes, which no program can set back.
  public let changed: Int64
}

extension MappedFile {
  /// The stamp of the mapped file itself, whatever stands at its path by now; nil for a member of an
  /// archive.
  public var stamp: FileStamp? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, start == 0, Int(status.st_size) == size else {
      return nil
    }
    #if canImport(Darwin)
      let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
    #else
      let (modified, changed) = (status.st_mtim, status.st_ctim)
    #endif
    func nanoseconds(_ time: timespec) -> Int64 {
      Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
    return FileStamp(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      inode: UInt64(truncatingIfNeeded: status.st_ino), size: size,
      modified: nanoseconds(modified), changed: nanoseconds(changed))
  }
}
