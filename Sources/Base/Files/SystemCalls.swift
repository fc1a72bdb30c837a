#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The text of an error number, such as "No space left on device".
package func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }

/// The names in a folder, sorted; nil if it cannot be listed.
package func folderNames(_ path: String) -> [String]? {
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
package enum OptionalCalls {
  package typealias CopyFileRange =
    @convention(c) (
      Int32, UnsafeMutablePointer<Int64>?, Int32, UnsafeMutablePointer<Int64>?, Int, UInt32
    ) -> Int
  package typealias SyncFileRange = @convention(c) (Int32, Int64, Int64, UInt32) -> Int32
  package typealias RenameAt =
    @convention(c) (
      Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, UInt32
    ) -> Int32
  package typealias ListAttributes =
    @convention(c) (UnsafePointer<CChar>?, UnsafeMutablePointer<CChar>?, Int) -> Int

  /// copy_file_range(2).
  package static let copyFileRange: CopyFileRange? = symbol("copy_file_range").map {
    unsafeBitCast($0, to: CopyFileRange.self)
  }
  /// sync_file_range(2).
  package static let syncFileRange: SyncFileRange? = symbol("sync_file_range").map {
    unsafeBitCast($0, to: SyncFileRange.self)
  }
  /// renameat2(2), or renameatx_np(2) on Darwin.
  package static let renameAt: RenameAt? = (symbol("renameat2") ?? symbol("renameatx_np")).map {
    unsafeBitCast($0, to: RenameAt.self)
  }
  /// listxattr(2) of Linux; Darwin's, which takes more, says nothing of who may do what.
  package static let listAttributes: ListAttributes? = {
    #if canImport(Darwin)
      nil
    #else
      symbol("listxattr").map { unsafeBitCast($0, to: ListAttributes.self) }
    #endif
  }()

  private static func symbol(_ name: String) -> UnsafeMutableRawPointer? {
    #if canImport(Darwin)
      dlsym(UnsafeMutableRawPointer(bitPattern: -2), name)
    #else
      dlsym(nil, name)
    #endif
  }
}
