import Base
import CArchive

/// tar archives, plain or compressed, by libarchive.
///
/// The format is ustar with pax headers only where a name or size needs one. Compression is at
/// level 1: weights hardly shrink further at any other.
final class TarEncoder: ArchiveEncoder {
  /// The file that libarchive's callback writes to, and the error it met there.
  private final class Output {
    var file: AtomicFile
    var failure: FileError?

    init(_ file: consuming AtomicFile) { self.file = file }
  }

  private let handle: OpaquePointer
  private let output: Output
  private var isClosed = false

  init(
    _ file: consuming AtomicFile, kind: ArchiveKind, threads: Int
  ) throws(FileError) {
    let path = file.path
    guard let handle = archive_write_new() else {
      throw .output(
        .systemError(operation: "archive_write_new", reason: "out of memory"), file: path,
        place: .whole)
    }
    self.handle = handle
    output = Output(file)
    try check(archive_write_set_format_pax_restricted(handle))
    switch kind {
    case .tarZstandard:
      try check(archive_write_add_filter_zstd(handle))
      try set("zstd", "compression-level", "1")
      // One worker and many give the same bytes; none at all would give others.
      try set("zstd", "threads", String(max(threads, 1)))
    case .tarGzip:
      try check(archive_write_add_filter_gzip(handle))
      try set("gzip", "compression-level", "1")
      try set("gzip", "timestamp", nil)
    case .tar, .zip: break
    }
    // No blocks: the file has a buffer of its own, and no zeros follow the last byte.
    try check(archive_write_set_bytes_per_block(handle, 0))
    try check(archive_write_set_bytes_in_last_block(handle, 1))
    let client = Unmanaged.passUnretained(output).toOpaque()
    try check(
      archive_write_open(
        handle, client, nil,
        { _, client, bytes, count in
          guard let client else { return -1 }
          let output = Unmanaged<Output>.fromOpaque(client).takeUnretainedValue()
          do throws(FileError) {
            try output.file.write(UnsafeRawBufferPointer(start: bytes, count: count))
            return count
          } catch {
            output.failure = error
            return -1
          }
        }, nil))
  }

  deinit {
    // Without this, freeing an archive that failed would try to complete it.
    if !isClosed { archive_write_fail(handle) }
    archive_write_free(handle)
  }

  func begin(_ name: String, byteCount: Int) throws(FileError) {
    guard let entry = archive_entry_new() else { throw fault("out of memory") }
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname_utf8(entry, name)
    archive_entry_set_size(entry, Int64(byteCount))
    archive_entry_set_filetype(entry, 0o100000)
    archive_entry_set_perm(entry, 0o644)
    archive_entry_set_mtime(entry, 0, 0)
    archive_entry_set_uid(entry, 0)
    archive_entry_set_gid(entry, 0)
    try check(archive_write_header(handle, entry))
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    let written = archive_write_data(handle, start, bytes.count)
    guard written == bytes.count else {
      throw output.failure ?? fault("\(written) of \(bytes.count) bytes were written")
    }
  }

  func end() throws(FileError) { try check(archive_write_finish_entry(handle)) }

  func finish() throws(FileError) -> Int {
    try check(archive_write_close(handle))
    isClosed = true
    return try output.file.commit()
  }

  private func set(_ filter: String, _ key: String, _ value: String?) throws(FileError) {
    try check(archive_write_set_filter_option(handle, filter, key, value))
  }

  /// A warning is about a name that the system's language cannot show.
  private func check(_ status: Int32) throws(FileError) {
    guard status == ARCHIVE_OK || status == ARCHIVE_WARN else {
      throw output.failure
        ?? fault(archive_error_string(handle).map { String(cString: $0) } ?? "unknown fault")
    }
  }

  private func fault(_ reason: String) -> FileError {
    .output(
      .systemError(operation: "writing the archive", reason: reason), file: output.file.path,
      place: .whole)
  }
}
