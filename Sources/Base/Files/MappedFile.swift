#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The owner of one read-only mapping and of the descriptor behind it.
private final class FileMapping: Sendable {
  /// Start of the mapping; nil for an empty file.
  nonisolated(unsafe) let base: UnsafeMutableRawPointer?
  let descriptor: Int32
  /// The file as it was when it was opened.
  let opened: FileStamp
  /// Where it was opened; nil for one without a name.
  let path: String?

  var size: Int { opened.size }

  /// Takes the descriptor over; errors name the file by `shown`.
  init(
    base: UnsafeMutableRawPointer?, descriptor: Int32, opened: FileStamp, path: String?,
    shown: String
  ) {
    self.base = base
    self.descriptor = descriptor
    self.opened = opened
    self.path = path
    if let base { MappingRegistry.register(base, opened.size, shown) }
  }

  /// Whether the file is what it was, and no other one stands at its path. One that was removed still
  /// holds what was read.
  var isUnchanged: Bool {
    guard let path else { return true }
    guard FileStamp(descriptor: descriptor)?.isUnchanged(since: opened) == true else {
      return false
    }
    return FileStamp(path: path)?.isSameFile(as: opened) ?? true
  }

  deinit {
    if let base {
      MappingRegistry.unregister(base)
      munmap(base, size)
    }
    close(descriptor)
  }
}

/// One mapped file, or one member of a mapped archive; the mapping ends with the last of them.
///
/// The file's size is taken once, when it is opened, and every range is checked against it. If
/// another process cuts the file short afterwards, touching the lost pages raises SIGBUS, which the
/// program's handler turns into an error line.
package final class MappedFile: Sendable {
  /// What the program is about to do with a range.
  package enum Advice: Sendable {
    /// The range is needed soon: read ahead.
    case willNeed
    /// The range is not needed for now: its pages may be released.
    case dontNeed
    /// The range is read once, from its start to its end.
    case sequential
  }

  /// The path, for a member of an archive the archive's path and the member's name.
  package let path: String
  /// Size in bytes when the file was opened.
  package let size: Int
  private let mapping: FileMapping
  /// Where the bytes begin in the mapping and in the descriptor's file: 0 but for members.
  package let start: Int
  /// What the archive that the file is a member of states of its bytes; nil where it states nothing.
  package let stated: StatedSum?

  /// The descriptor that the mapping was made from, for copies that never enter this process.
  package var descriptor: Int32 { mapping.descriptor }

  private init(
    path: String, mapping: FileMapping, range: Range<Int>, stated: StatedSum? = nil
  ) {
    self.path = path
    self.stated = stated
    self.mapping = mapping
    start = range.lowerBound
    size = range.count
  }

  /// Opens and maps a regular file; an empty one is mapped as no bytes.
  ///
  /// - Throws: `FileError.input` (`notFound`, `notReadable`, `isFolder`, `notRegularFile`,
  ///   `systemError`).
  package static func open(_ path: String) throws(FileError) -> MappedFile {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    let descriptor = systemOpen(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let number = errno
      switch number {
      case ENOENT, ENOTDIR, ENAMETOOLONG: throw .input(.notFound, file: path)
      case EACCES, EPERM, ELOOP:
        throw .input(.notReadable(reason: errorText(number)), file: path)
      case ENXIO, ENODEV: throw .input(.notRegularFile, file: path)
      default:
        throw .input(.systemError(operation: "open", reason: errorText(number)), file: path)
      }
    }
    return try map(descriptor, path: path, isNamed: true)
  }

  /// Maps an open regular file; the descriptor is taken over, whatever comes of it.
  /// - Parameters:
  ///   - descriptor: the open file.
  ///   - path: what errors call it.
  ///   - isNamed: whether it lies at that path; no other process knows of one that has no name.
  /// - Returns: the mapped file.
  /// - Throws: `InputFault.isFolder`, `.notRegularFile`, or the error of the system.
  package static func map(
    _ descriptor: Int32, path: String, isNamed: Bool = false
  ) throws(FileError) -> MappedFile {
    let stamp = FileStamp(descriptor: descriptor)
    guard let identity = stamp, identity.isRegular, identity.size >= 0 else {
      close(descriptor)
      throw .input(stamp?.isFolder == true ? .isFolder : .notRegularFile, file: path)
    }
    var base: UnsafeMutableRawPointer?
    if identity.size > 0 {
      base = mmap(nil, identity.size, PROT_READ, MAP_SHARED, descriptor, 0)
      guard base != nil, base != MAP_FAILED else {
        let number = errno
        close(descriptor)
        throw .input(.systemError(operation: "mmap", reason: errorText(number)), file: path)
      }
    }
    let mapping = FileMapping(
      base: base, descriptor: descriptor, opened: identity, path: isNamed ? path : nil, shown: path)
    return MappedFile(path: path, mapping: mapping, range: 0..<identity.size)
  }

  /// Whether the file has no name of its own, as one that an archive was unpacked to.
  package var isUnnamed: Bool { mapping.path == nil }

  /// Refuses a file that has changed since it was opened: its size, its time or the file at its path is
  /// another.
  /// - Throws: `FileError.input` (`changedWhileRead`).
  package func checkUnchanged() throws(FileError) {
    guard mapping.isUnchanged else {
      throw .input(.changedWhileRead, file: mapping.path ?? path)
    }
  }

  /// A range of the file, clamped to it, as a file of its own.
  /// - Parameters:
  ///   - range: bytes of this file.
  ///   - path: what errors call the member.
  ///   - stated: what is stated of its bytes, which are not read here.
  /// - Returns: the member, whose mapping is this file's.
  package func member(
    _ range: Range<Int>, path: String, stated: StatedSum? = nil
  ) -> MappedFile {
    let range = range.clamped(to: 0..<size)
    return MappedFile(
      path: path, mapping: mapping,
      range: (start + range.lowerBound)..<(start + range.upperBound), stated: stated)
  }

  /// Reads bytes from an offset into the start of a buffer, without mapping them into memory.
  ///
  /// - Parameters:
  ///   - offset: where in the file to begin, in bytes.
  ///   - count: bytes wanted, at least 1 and at most those of the buffer.
  ///   - buffer: receives the bytes at its start.
  /// - Returns: the number of bytes read, at least 1.
  /// - Throws: `FileError.input` (`systemError`, `truncatedWhileRead`).
  package func read(
    at offset: Int, count: Int, into buffer: inout [UInt8]
  ) throws(FileError) -> Int {
    let wanted = min(count, buffer.count, max(size - offset, 0))
    let found = buffer.withUnsafeMutableBytes { buffer in
      var found = 0
      repeat {
        found = pread(descriptor, buffer.baseAddress, wanted, off_t(start + offset))
      } while found < 0 && errno == EINTR
      return found
    }
    guard found >= 0 else {
      throw .input(.systemError(operation: "read", reason: errorText(errno)), file: path)
    }
    guard found > 0 else {
      throw .input(.truncatedWhileRead(expected: count, found: 0), file: path)
    }
    return found
  }

  /// Calls `body` with the bytes of a range, which is clamped to the file.
  ///
  /// Ranges come from a tensor directory, which was checked against the size when it was made. The
  /// bytes have no particular alignment.
  package func withBytes<R, E: Error>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let range = range.clamped(to: 0..<size)
    return try body(
      UnsafeRawBufferPointer(
        start: mapping.base.map { UnsafeRawPointer($0) + start + range.lowerBound },
        count: range.count))
  }

  /// Calls `body` with all bytes of the file as a bounds-checked span.
  package func withSpan<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withBytes(0..<size) { (bytes) throws(E) -> R in try body(bytes.bytes) }
  }

  /// Tells the system what a range is about to be used for; never fails.
  package func advise(_ range: Range<Int>, _ advice: Advice) {
    let range = range.clamped(to: 0..<size)
    guard let base = mapping.base, !range.isEmpty else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (start + range.lowerBound) / page * page
    let number =
      switch advice {
      case .willNeed: MADV_WILLNEED
      case .dontNeed: MADV_DONTNEED
      case .sequential: MADV_SEQUENTIAL
      }
    madvise(base + first, start + range.upperBound - first, Int32(number))
  }
}

/// open(2), under a name that does not meet `MappedFile.open`.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 {
  while true {
    let descriptor = open(path, flags)
    if descriptor >= 0 || errno != EINTR { return descriptor }
  }
}
