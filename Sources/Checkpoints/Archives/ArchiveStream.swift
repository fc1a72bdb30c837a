import Base
import CArchive

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An archive read from its start to its end by libarchive: its members, or the stream that a
/// compressed archive unpacks to.
struct ArchiveStream: ~Copyable {
  /// A regular file of the archive.
  struct Member {
    /// The name without `.` components; it has neither `..` nor a leading slash.
    let name: String
    let byteCount: Int
  }

  enum Content {
    case members
    /// The bytes that gzip or Zstandard unpack to, as if they were one member.
    case unpacked
  }

  private static let blockSize = 1 << 20
  // Macros with casts, which Swift does not import.
  private static let regularFile: mode_t = 0o100000
  private static let folder: mode_t = 0o040000
  private static let formatMask: Int32 = 0xFF0000
  private static let tarFormat: Int32 = 0x30000
  private static let zipFormat: Int32 = 0x50000

  let path: String
  /// Size of the archive in bytes.
  private let packed: Int
  private let handle: OpaquePointer
  private var names: Set<String> = []
  private var memberCount = 0
  /// Bytes that the members so far say they have.
  private var declared = 0

  /// Reads the file at a path. Members may not have more bytes than `ArchiveLimits.unpacked`; the
  /// caller counts what the archive unpacks to.
  init(_ path: String, _ content: Content) throws(FileError) {
    self.path = path
    packed = FileStamp(path: path)?.size ?? 0
    handle = try Self.reader(of: path, content) { handle in
      archive_read_open_filename(handle, path, Self.blockSize)
    }
  }

  /// Reads an archive in memory, which must outlive the stream. Blocks of stored members are then
  /// ranges of that memory. Checksums of members are passed over.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(FileError) {
    self.path = path
    packed = bytes.count
    handle = try Self.reader(of: path, .members) { handle in
      archive_read_set_format_option(handle, "zip", "ignorecrc32", "1")
      return archive_read_open_memory(handle, bytes.baseAddress, bytes.count)
    }
  }

  private static func reader(
    of path: String, _ content: Content, open: (OpaquePointer) -> Int32
  ) throws(FileError) -> OpaquePointer {
    guard let handle = archive_read_new() else {
      throw .archive(.damaged(reason: "out of memory"), file: path, place: .whole)
    }
    archive_read_support_filter_gzip(handle)
    archive_read_support_filter_zstd(handle)
    switch content {
    case .members:
      archive_read_support_format_tar(handle)
      // The central directory decides; reading without it would take a half for a whole.
      archive_read_support_format_zip_seekable(handle)
    case .unpacked:
      archive_read_support_format_raw(handle)
    }
    guard open(handle) == ARCHIVE_OK else {
      defer { archive_read_free(handle) }
      throw failure(of: handle, path)
    }
    return handle
  }

  deinit { archive_read_free(handle) }

  /// Whether gzip or Zstandard stands before the members; known once the first was read.
  var isCompressed: Bool { archive_filter_code(handle, 0) != ARCHIVE_FILTER_NONE }
  var isGzip: Bool { archive_filter_code(handle, 0) == ARCHIVE_FILTER_GZIP }
  var isTar: Bool { archive_format(handle) & Self.formatMask == Self.tarFormat }
  var isZip: Bool { archive_format(handle) & Self.formatMask == Self.zipFormat }
  /// Bytes of the file consumed.
  var consumed: Int { Int(clamping: archive_filter_bytes(handle, -1)) }

  // MARK: - Members

  /// The next regular file; nil at the end. Folders are passed over.
  mutating func next() throws(FileError) -> Member? {
    while true {
      var entry: OpaquePointer?
      switch archive_read_next_header(handle, &entry) {
      case ARCHIVE_EOF: return nil
      // A warning is about what is not used here, such as an owner's name.
      case ARCHIVE_OK, ARCHIVE_WARN: break
      default: throw failure()
      }
      memberCount += 1
      guard memberCount <= ArchiveLimits.members else {
        throw .archive(
          .tooManyMembers(limit: ArchiveLimits.members), file: path, place: .whole)
      }
      guard let entry else { throw failure() }
      if let member = try checked(entry) { return member }
    }
  }

  /// The stream that the archive unpacks to.
  mutating func openUnpacked() throws(FileError) {
    var entry: OpaquePointer?
    guard archive_read_next_header(handle, &entry) == ARCHIVE_OK else { throw failure() }
  }

  private mutating func checked(_ entry: OpaquePointer) throws(FileError) -> Member? {
    guard
      let text = (archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)).flatMap({
        String(validatingCString: $0)
      }), !text.isEmpty
    else { throw .archive(.nameNotText, file: path, place: .whole) }
    func fault(_ fault: ArchiveFault) -> FileError {
      .archive(fault, file: path, place: .member(text))
    }
    let parts = text.split(separator: "/").filter { $0 != "." }
    guard !text.hasPrefix("/"), !parts.contains("..") else { throw fault(.unsafeName) }
    guard archive_entry_hardlink(entry) == nil, archive_entry_symlink(entry) == nil else {
      throw fault(.link)
    }
    guard allows(entry) else {
      throw fault(.expandsTooFar(packed: packed, limit: ArchiveLimits.unpacked(from: packed)))
    }
    let type = archive_entry_filetype(entry)
    if type == Self.folder { return nil }
    guard type == Self.regularFile, !parts.isEmpty else { throw fault(.specialFile) }
    guard archive_entry_is_encrypted(entry) == 0 else { throw fault(.encrypted) }
    guard archive_entry_sparse_count(entry) == 0 else { throw fault(.sparse) }
    let size = archive_entry_size(entry)
    guard archive_entry_size_is_set(entry) != 0, size >= 0 else {
      throw fault(.damaged(reason: "a member has no size"))
    }
    let name = parts.joined(separator: "/")
    guard names.insert(name).inserted else { throw fault(.duplicateMember) }
    return Member(name: name, byteCount: Int(size))
  }

  /// Whether an archive of this size may hold as much as was read of it and this entry says it has.
  /// Asked before anything of the entry is read or passed over, which unpacks it as well.
  private mutating func allows(_ entry: OpaquePointer) -> Bool {
    let size =
      archive_entry_size_is_set(entry) != 0 ? max(Int(clamping: archive_entry_size(entry)), 0) : 0
    let read = max(Int(clamping: archive_filter_bytes(handle, 0)), 0)
    // What was read says nothing of members that are unpacked behind the directory of a zip
    // archive.
    let (sum, sumOverflows) = declared.addingReportingOverflow(size)
    let (end, endOverflows) = read.addingReportingOverflow(size)
    guard !sumOverflows, !endOverflows else { return false }
    declared = sum
    return max(sum, end) <= ArchiveLimits.unpacked(from: packed)
  }

  // MARK: - Bytes

  /// The next bytes of the current member, valid until the next call; nil at its end.
  mutating func block() throws(FileError) -> UnsafeRawBufferPointer? {
    var start: UnsafeRawPointer?
    var count = 0
    var offset: Int64 = 0
    switch archive_read_data_block(handle, &start, &count, &offset) {
    case ARCHIVE_EOF: return nil
    case ARCHIVE_OK: return UnsafeRawBufferPointer(start: start, count: count)
    default: throw failure()
    }
  }

  /// Calls `body` with all bytes of a member, block after block, and the bytes of the archive that
  /// were read for it so far.
  mutating func forEachBlock(
    of member: Member,
    _ body: (UnsafeRawBufferPointer, _ consumed: Int) throws(FileError) -> Void
  ) throws(FileError) {
    var found = 0
    while let bytes = try block() {
      found += bytes.count
      guard found <= member.byteCount else { break }
      try body(bytes, consumed)
    }
    guard found == member.byteCount else {
      throw .archive(
        .memberCutShort(expected: member.byteCount, found: found), file: path,
        place: .member(member.name))
    }
  }

  /// Where a member's bytes lie in the memory that the archive is read from; nil where they are
  /// stored in another form.
  mutating func range(
    of member: Member, in memory: UnsafeRawBufferPointer
  ) throws(FileError) -> Range<Int>? {
    guard member.byteCount > 0 else { return 0..<0 }
    guard let base = memory.baseAddress else { return nil }
    var range: Range<Int>?
    while range?.count ?? 0 < member.byteCount, let bytes = try block() {
      guard let first = bytes.baseAddress, first >= base,
        first + bytes.count <= base + memory.count
      else { return nil }
      let start = first - base
      guard range == nil || range?.upperBound == start else { return nil }
      range = (range?.lowerBound ?? start)..<(start + bytes.count)
    }
    guard let range, range.count == member.byteCount else {
      throw .archive(
        .memberCutShort(expected: member.byteCount, found: range?.count ?? 0), file: path,
        place: .member(member.name))
    }
    return range
  }

  private func failure() -> FileError { Self.failure(of: handle, path) }

  private static func failure(of handle: OpaquePointer, _ path: String) -> FileError {
    let reason = archive_error_string(handle).map { String(cString: $0) } ?? "unknown fault"
    return .archive(
      .damaged(reason: reason.replacing("\n", with: " ")), file: path, place: .whole)
  }
}
