#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The text of an error number, such as "No space left on device".
package func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }

/// One system call moves at most so many bytes, so that a fault or signal is met soon.
package let largestTransfer = 1 << 25

/// Writes all bytes by write(2), or by pwrite(2) where they have a place; each call is an operation that
/// `WriteFaults` counts.
/// - Parameters:
///   - bytes: what is written.
///   - descriptor: the open file.
///   - offset: the byte of the file where they go; nil: where the descriptor stands.
/// - Returns: 0, or the number of the error, with any part of the bytes written: `ENOSPC` where the system
///   takes none and names no error.
package func writeAll(
  _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil
) -> Int32 {
  var written = 0
  while written < bytes.count {
    let start = bytes.baseAddress.map { $0 + written }
    let size = min(bytes.count - written, largestTransfer)
    let count: Int
    let number: Int32
    if let fault = WriteFaults.next() {
      (count, number) = (fault == 0 ? 0 : -1, fault)
    } else {
      if let offset {
        count = pwrite(descriptor, start, size, off_t(offset + written))
      } else {
        count = write(descriptor, start, size)
      }
      number = errno
    }
    if count > 0 {
      written += count
    } else if count == 0 {
      return ENOSPC
    } else if number == EAGAIN {
      // Somebody made a stream not wait: then this waits in its place.
      var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&wanted, 1, -1)
    } else if number != EINTR {
      return number
    }
  }
  return 0
}

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

/// The names in a folder, sorted.
/// - Throws: `InputFault.notReadable` where it cannot be listed.
package func listedNames(_ path: String) throws(FileError) -> [String] {
  guard let names = folderNames(path) else {
    throw .input(.notReadable(reason: "the folder cannot be listed"), file: path)
  }
  return names
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
