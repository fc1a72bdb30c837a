#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The text of an error number, such as "No space left on device".
func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }

/// What stands at a path.
struct FileIdentity: Equatable {
  let device: UInt64
  let inode: UInt64
  let isRegular: Bool
  let isFolder: Bool
  let size: Int

  private init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    isRegular = status.st_mode & S_IFMT == S_IFREG
    isFolder = status.st_mode & S_IFMT == S_IFDIR
    size = Int(status.st_size)
  }

  /// The file or folder a path leads to, following symbolic links; nil if there is none.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// What stands at a path itself: a symbolic link is not followed.
  init?(linkItself path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  func isSameFile(as other: FileIdentity) -> Bool {
    device == other.device && inode == other.inode
  }
}

/// The names in a folder, sorted; nil if it cannot be listed.
func folderNames(_ path: String) -> [String]? {
  guard let folder = opendir(path) else { return nil }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(
        to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)
      ) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Functions of the C library that its headers only show to GNU or Darwin sources, found by name;
/// nil where the system does not have them.
enum OptionalCalls {
  typealias CopyFileRange =
    @convention(c) (
      Int32, UnsafeMutablePointer<Int64>?, Int32, UnsafeMutablePointer<Int64>?, Int, UInt32
    ) -> Int
  typealias SyncFileRange = @convention(c) (Int32, Int64, Int64, UInt32) -> Int32
  typealias RenameAt =
    @convention(c) (
      Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, UInt32
    ) -> Int32

  /// copy_file_range(2).
  static let copyFileRange: CopyFileRange? = symbol("copy_file_range").map {
    unsafeBitCast($0, to: CopyFileRange.self)
  }
  /// sync_file_range(2).
  static let syncFileRange: SyncFileRange? = symbol("sync_file_range").map {
    unsafeBitCast($0, to: SyncFileRange.self)
  }
  /// renameat2(2), or renameatx_np(2) on Darwin.
  static let renameAt: RenameAt? = (symbol("renameat2") ?? symbol("renameatx_np")).map {
    unsafeBitCast($0, to: RenameAt.self)
  }

  private static func symbol(_ name: String) -> UnsafeMutableRawPointer? {
    #if canImport(Darwin)
      dlsym(UnsafeMutableRawPointer(bitPattern: -2), name)
    #else
      dlsym(nil, name)
    #endif
  }
}

/// Paths as text. A slash is found by its byte: a combining mark may follow it in a name.
enum Paths {
  private static let slash = UInt8(ascii: "/")

  /// The folder of a path: "." for a plain name.
  static func folder(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let index = trimmed.utf8.lastIndex(of: slash) else { return "." }
    return index == trimmed.startIndex ? "/" : String(trimmed[..<index])
  }

  /// The last component of a path.
  static func name(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let index = trimmed.utf8.lastIndex(of: slash) else { return trimmed }
    return String(trimmed[trimmed.utf8.index(after: index)...])
  }

  /// A path without links, whose last name need not be there.
  static func resolved(_ path: String, links: Int = 40) -> String {
    let folder = realpath(Self.folder(of: path), nil)
    defer { free(folder) }
    guard let folder else { return path }
    let joined = String(cString: folder) + "/" + name(of: path)
    var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink(joined, &target, Int(PATH_MAX))
    guard count > 0, links > 0 else { return joined }
    let next = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return resolved(
      next.utf8.first == slash ? next : String(cString: folder) + "/" + next, links: links - 1)
  }

  static func withoutTrailingSlashes(_ path: String) -> String {
    var trimmed = path.utf8[...]
    while trimmed.count > 1, trimmed.last == slash { trimmed.removeLast() }
    return String(Substring(trimmed))
  }
}
