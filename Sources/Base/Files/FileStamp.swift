#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file as the file system tells it from others, and from itself before a change: a write, a
/// replacement or a copy changes one of these.
package struct FileStamp: Sendable, Equatable {
  package let device: UInt64
  package let inode: UInt64
  package let size: Int
  package let isRegular: Bool
  package let isFolder: Bool
  /// Last change of the contents, in nanoseconds since 1970.
  package let modified: Int64
  /// Last change of contents or attributes, which no program can set back.
  package let changed: Int64

  private init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    size = Int(status.st_size)
    isRegular = status.st_mode & S_IFMT == S_IFREG
    isFolder = status.st_mode & S_IFMT == S_IFDIR
    #if canImport(Darwin)
      let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
    #else
      let (modified, changed) = (status.st_mtim, status.st_ctim)
    #endif
    func nanoseconds(_ time: timespec) -> Int64 {
      Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
    self.modified = nanoseconds(modified)
    self.changed = nanoseconds(changed)
  }

  /// The file or folder a path leads to, following symbolic links; nil if there is none.
  package init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// What stands at a path itself: a symbolic link is not followed.
  package init?(linkItself path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  package init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  package func isSameFile(as other: FileStamp) -> Bool {
    device == other.device && inode == other.inode
  }

  /// Whether both are one file with the same contents: attributes and links may have changed.
  package func isUnchanged(since other: FileStamp) -> Bool {
    isSameFile(as: other) && size == other.size && modified == other.modified
  }

  /// Whether the last change is more than so many seconds ago.
  package func isSettled(for seconds: Int64) -> Bool {
    max(modified, changed) / 1_000_000_000 < Int64(time(nil)) - seconds
  }

  /// The stamp in one line, to compare with one kept in a file.
  package var text: String { "\(size) \(device):\(inode) \(modified) \(changed)" }
}

extension MappedFile {
  /// The stamp of the mapped file itself, whatever stands at its path by now; nil for a member of an
  /// archive.
  package var stamp: FileStamp? {
    guard let stamp = FileStamp(descriptor: descriptor), start == 0, stamp.size == size else {
      return nil
    }
    return stamp
  }
}
