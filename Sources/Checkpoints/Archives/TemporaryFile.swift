import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file without a name in the folder for temporary files, where an archive is unpacked: its room
/// is free again when it is closed, however the program ends.
struct TemporaryFile: ~Copyable {
  /// Free space is asked for once for so many bytes, and so many are left to others.
  private static let reserve = 64 << 20
  private static let alignment = 64

  private(set) var byteCount = 0
  private let archive: String
  private let folder: String
  private let packed: Int
  private let limit: Int
  private let descriptor: Int32
  private var checkedUpTo = 0

  /// A file without a name for the contents of `archive`; how much it may hold depends on the size
  /// `packed`, in bytes, of the archive.
  init(for archive: String, packed: Int) throws(FileError) {
    let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    folder = named.isEmpty ? "/tmp" : named
    let name = TemporaryName.new(for: folder + "/ropeconv")
    TemporaryRegistry.register(name)
    defer { TemporaryRegistry.unregister(name) }
    descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .archive(
        .temporaryFile(folder: folder, reason: errorText(errno)), file: archive, place: .whole)
    }
    unlink(name)
    // Past a file size limit, write then fails with EFBIG instead of ending the process.
    signal(SIGXFSZ, SIG_IGN)
    self.archive = archive
    self.packed = packed
    limit = ArchiveLimits.unpacked(from: packed)
  }

  deinit { close(descriptor) }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try reserve(bytes.count)
    var written = 0
    while written < bytes.count {
      if let number = WriteFaults.next() { throw failure(number) }
      let count = systemWrite(
        descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if count > 0 {
        written += count
      } else if count == 0 || errno != EINTR {
        throw failure(count == 0 ? ENOSPC : errno)
      }
    }
    byteCount += bytes.count
  }

  /// Zeros up to where a member may begin.
  mutating func align() throws(FileError) {
    let zeros = [UInt8](repeating: 0, count: -byteCount & (Self.alignment - 1))
    try zeros.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try write(bytes) }
  }

  /// Checks that so many further bytes are within the limit and have room.
  mutating func reserve(_ count: Int) throws(FileError) {
    let (end, overflow) = byteCount.addingReportingOverflow(count)
    guard !overflow, end <= limit else {
      throw .archive(.expandsTooFar(packed: packed, limit: limit), file: archive, place: .whole)
    }
    guard end > checkedUpTo else { return }
    if WriteFaults.current?.ignoresFreeSpace != true,
      let free = OutputTarget.freeSpace(in: folder)
    {
      let needed = end - byteCount + Self.reserve
      guard needed <= free else {
        throw .archive(
          .noTemporarySpace(folder: folder, needed: byteCount + needed, free: free), file: archive,
          place: .whole)
      }
    }
    checkedUpTo = end + Self.reserve / 2
  }

  /// The file as a mapping under the archive's path.
  func mapped() throws(FileError) -> MappedFile {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw failure(errno) }
    return try MappedFile.map(copy, path: archive)
  }

  private func failure(_ number: Int32) -> FileError {
    .archive(
      .temporaryFile(folder: folder, reason: errorText(number)), file: archive, place: .whole)
  }
}

/// write(2), under a name that does not meet the methods above.
private func systemWrite(_ descriptor: Int32, _ base: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, base, count)
}
