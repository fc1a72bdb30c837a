import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file without a name where an archive is unpacked, no larger than an archive of its size may grow.
struct TemporaryFile: ~Copyable {
  /// Free space is asked for once for so many bytes, and so many are left to others.
  private static let reserve = 64 << 20
  private static let alignment = 64

  private(set) var byteCount = 0
  private let archive: String
  private let packed: Int
  private let limit: Int
  private let file: NamelessFile
  private var checkedUpTo = 0

  /// A file without a name for the contents of `archive`; how much it may hold depends on the size
  /// `packed`, in bytes, of the archive.
  init(for archive: String, packed: Int) throws(FileError) {
    do throws(NamelessFile.Failure) { file = try NamelessFile() } catch {
      throw Self.failure(error.number, of: archive)
    }
    self.archive = archive
    self.packed = packed
    limit = ArchiveLimits.unpacked(from: packed)
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try reserve(bytes.count)
    let number = file.write(bytes)
    guard number == 0 else { throw Self.failure(number, of: archive) }
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
      let free = OutputTarget.freeSpace(in: NamelessFile.folder)
    {
      let needed = end - byteCount + Self.reserve
      guard needed <= free else {
        throw .archive(
          .noTemporarySpace(
            folder: NamelessFile.folder, needed: byteCount + needed, free: free),
          file: archive, place: .whole)
      }
    }
    checkedUpTo = end + Self.reserve / 2
  }

  /// The file as a mapping under the archive's path.
  func mapped() throws(FileError) -> MappedFile {
    let copy = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw Self.failure(errno, of: archive) }
    return try MappedFile.map(copy, path: archive)
  }

  private static func failure(_ number: Int32, of archive: String) -> FileError {
    .archive(
      .temporaryFile(folder: NamelessFile.folder, reason: errorText(number)), file: archive,
      place: .whole)
  }
}
