import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file without a name in the folder for temporary files: its room is free again when it is closed,
/// however the program ends.
package struct NamelessFile: ~Copyable, Sendable {
  /// Where it could not be made, and why.
  package struct Failure: Error {
    /// The system's number of what went wrong.
    package let number: Int32
  }

  /// The folder for temporary files: `TMPDIR`, or /tmp.
  package static var folder: String {
    let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    return named.isEmpty ? "/tmp" : named
  }

  let descriptor: Int32

  /// Makes the file, which nobody else may read.
  package init() throws(Failure) {
    // Past a file size limit, write then fails with EFBIG instead of ending the process.
    signal(SIGXFSZ, SIG_IGN)
    let name = TemporaryName.new(for: Self.folder + "/ropeconv")
    TemporaryRegistry.register(name)
    defer { TemporaryRegistry.unregister(name) }
    let opened = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard opened >= 0 else { throw Failure(number: errno) }
    guard unlink(name) == 0 else {
      let number = errno
      close(opened)
      throw Failure(number: number)
    }
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// Writes all bytes at an offset, or, where that is nil, after those that were written without one.
  /// - Returns: 0, or the number of the error.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) -> Int32 {
    writeAll(bytes, to: descriptor, at: offset)
  }

  /// Reads as many bytes as there is room for.
  /// - Returns: 0, or the number of the error: `EIO` where the file ends before.
  package func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) -> Int32 {
    var found = 0
    while found < bytes.count {
      let count = pread(
        descriptor, bytes.baseAddress.map { $0 + found }, bytes.count - found,
        off_t(offset + found))
      if count > 0 {
        found += count
      } else if count == 0 {
        return EIO
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
