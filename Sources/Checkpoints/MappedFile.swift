#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The owner of one read-only mapping and of the descriptor behind it.
struct FileMapping: ~Copyable, Sendable {
  /// Start of the mapping; nil for an empty file.
  nonisolated(unsafe) let base: UnsafeMutableRawPointer?
  let size: Int
  let descriptor: Int32

  deinit {
    if let base { munmap(base, size) }
    close(descriptor)
  }
}

/// One mapped file: owner of the mapping, which ends with the last reference.
///
/// The file's size is taken once, when it is opened, and every range is checked against it. If
/// another process cuts the file short afterwards, touching the lost pages raises SIGBUS, which the
/// program's handler turns into an error line.
public final class MappedFile: Sendable {
  /// What the program is about to do with a range.
  public enum Advice: Sendable {
    /// The range is needed soon: read ahead.
    case willNeed
    /// The range is not needed for now: its pages may be released.
    case dontNeed
    /// The range is read once, from its start to its end.
    case sequential
  }

  public let path: String
  /// Size in bytes when the file was opened.
  public let size: Int
  private let mapping: FileMapping

  /// The descriptor that the mapping was made from, for copies that never enter this process.
  var descriptor: Int32 { mapping.descriptor }

  private init(path: String, mapping: consuming FileMapping) {
    self.path = path
    size = mapping.size
    self.mapping = mapping
  }

  /// Opens and maps a regular file; an empty one is mapped as no bytes.
  ///
  /// - Throws: `CheckpointError.input` (`notFound`, `notReadable`, `notRegularFile`,
  ///   `systemError`).
  public static func open(_ path: String) throws(CheckpointError) -> MappedFile {
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
    guard let identity = FileIdentity(descriptor: descriptor), identity.isRegular,
      identity.size >= 0
    else {
      close(descriptor)
      throw .input(.notRegularFile, file: path)
    }
    guard identity.size > 0 else {
      return MappedFile(
        path: path, mapping: FileMapping(base: nil, size: 0, descriptor: descriptor))
    }
    guard let base = mmap(nil, identity.size, PROT_READ, MAP_SHARED, descriptor, 0),
      base != MAP_FAILED
    else {
      let number = errno
      close(descriptor)
      throw .input(.systemError(operation: "mmap", reason: errorText(number)), file: path)
    }
    return MappedFile(
      path: path, mapping: FileMapping(base: base, size: identity.size, descriptor: descriptor))
  }

  /// Calls `body` with the bytes of a range, which is clamped to the file.
  ///
  /// Ranges come from a tensor directory, which was checked against the size when it was made. The
  /// bytes have no particular alignment.
  public func withBytes<R, E: Error>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let range = range.clamped(to: 0..<size)
    return try body(
      UnsafeRawBufferPointer(
        start: mapping.base.map { UnsafeRawPointer($0) + range.lowerBound }, count: range.count))
  }

  /// Calls `body` with all bytes of the file as a bounds-checked span.
  func withSpan<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withBytes(0..<size) { (bytes) throws(E) -> R in try body(bytes.bytes) }
  }

  /// Tells the system what a range is about to be used for; never fails.
  public func advise(_ range: Range<Int>, _ advice: Advice) {
    let range = range.clamped(to: 0..<size)
    guard let base = mapping.base, !range.isEmpty else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = range.lowerBound / page * page
    let number =
      switch advice {
      case .willNeed: MADV_WILLNEED
      case .dontNeed: MADV_DONTNEED
      case .sequential: MADV_SEQUENTIAL
      }
    madvise(base + start, range.upperBound - start, Int32(number))
  }
}

/// open(2), under a name that does not meet `MappedFile.open`.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }
