import Base
import OrderedCollections

/// Writes archives: members in the order of their names, then MANIFEST.json, streamed into a
/// temporary file beside the output that is renamed when it is complete.
///
/// The same arguments give the same bytes, whatever the number of threads: times, owners and modes
/// are fixed, and Zstandard shares its work out in pieces that do not depend on who does them.
package enum ArchiveWriter {
  /// Writes an archive of the kind that the path's ending names.
  ///
  /// - Parameters:
  ///   - path: the archive.
  ///   - folder: a folder in the archive that holds all members; nil for the top level.
  ///   - members: plain names and contents.
  ///   - fields: those of MANIFEST.json beside the members' sizes and digests.
  ///   - force: whether an existing file is replaced.
  ///   - inputs: paths that must not be the output, nor any link to it.
  ///   - threads: at work on the compression.
  ///   - progress: called with the bytes of members so far, before any compression.
  /// - Returns: the bytes of the archive.
  /// - Throws: `FileError.output`, and what a tensor's `computed` throws.
  @discardableResult
  package static func write(
    to path: String, folder: String? = nil, members: [(String, FileContents)],
    manifest fields: OrderedDictionary<String, JSONValue>, force: Bool, inputs: OutputInputs,
    threads: Int = 1, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    guard let kind = ArchiveKind(path: path) else {
      throw FileError.output(
        .notStorable(problem: "the name does not end as an archive's does"), file: path,
        place: .whole)
    }
    try checkNames(members.map(\.0) + (folder.map { [$0] } ?? []), path)
    let sorted = members.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    let layouts = try sorted.map { (_, contents) throws(FileError) in
      try contents.layout(for: path)
    }
    let target = OutputTarget(
      path: path, force: force, inputs: inputs, sources: layouts.flatMap(\.sources))
    // Compression is not known to gain anything: the bound is the size without it.
    let file = try AtomicFile(
      creating: target, byteCount: bound(layouts.totalByteCount, members: members.count))
    let encoder: any ArchiveEncoder =
      kind == .zip ? ZipEncoder(file) : try TarEncoder(file, kind: kind, threads: threads)

    let prefix = folder.map { $0 + "/" } ?? ""
    var stated: [ArchiveManifest.Member] = []
    var total = 0
    for ((name, _), layout) in zip(sorted, layouts) {
      var sink = try MemberSink(
        prefix + name, byteCount: layout.byteCount, in: encoder, path: path)
      try layout.write(to: &sink) { progress?(total + $0) }
      stated.append(
        .init(name: name, byteCount: layout.byteCount, sha256: try sink.finish()))
      total += layout.byteCount
      progress?(total)
    }
    let text = ArchiveManifest.text(fields, members: stated)
    var sink = try MemberSink(
      prefix + ArchiveManifest.name, byteCount: text.count, in: encoder, path: path)
    try sink.write(text)
    _ = try sink.finish()
    return try encoder.finish()
  }

  private static func checkNames(_ names: [String], _ path: String) throws(FileError) {
    var seen: Set<String> = []
    for name in names {
      guard Paths.isPlainName(name), name != ArchiveManifest.name, name.utf8.count <= 255 else {
        throw .output(
          .notStorable(problem: "\(quoted(name)) cannot be a member's name"), file: path,
          place: .whole)
      }
      guard seen.insert(name).inserted else {
        throw .output(.duplicateName, file: path, place: .key(name, byte: nil))
      }
    }
  }

  /// Bytes of an archive at most: each member's header, name and padding are below 4 kB, and so is
  /// its entry in the manifest.
  private static func bound(_ bytes: Int, members: Int) -> Int {
    let (sum, overflow) = bytes.addingReportingOverflow((members + 2) << 13)
    return overflow ? .max : sum
  }
}

/// A format of archives: members one after the other, their sizes known before their bytes.
protocol ArchiveEncoder: AnyObject {
  func begin(_ name: String, byteCount: Int) throws(FileError)
  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)
  func end() throws(FileError)
  /// Completes the archive and gives it its name; its size in bytes.
  func finish() throws(FileError) -> Int
}
