import Foundation

/// SHA-256 digests of files by their contents, those of large files remembered by path and stamp, so
/// that a model of many gigabytes is not read again for each evaluation or step of a plan. A folder
/// that cannot be written changes nothing but the time taken.
package struct DigestMemory: Sendable {
  /// Where digests are kept, a file for each; nil: nowhere.
  let folder: String?
  /// Smaller files are read again faster than it is worth remembering them.
  let smallest: Int
  /// Seconds after a change from which on another one would show in the file's times.
  let settling: Int64

  package init(folder: String?, smallest: Int = 64 << 20, settling: Int64 = 2) {
    self.folder = folder
    self.smallest = smallest
    self.settling = settling
  }

  /// `$XDG_CACHE_HOME/ropeconv` or `~/.cache/ropeconv`.
  package static let standard: DigestMemory = {
    let environment = ProcessInfo.processInfo.environment
    func path(_ name: String) -> String? {
      environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    let cache = path("XDG_CACHE_HOME") ?? path("HOME").map { "\($0)/.cache" }
    return DigestMemory(folder: cache.map { "\($0)/ropeconv/digests" })
  }()

  /// The digest of an open file.
  /// - Throws: what `SourceHash.digest` throws.
  package func digest(of file: MappedFile) throws(FileError) -> Data {
    guard file.size >= smallest, let folder, let stamp = file.stamp else {
      return try SourceHash.digest(file)
    }
    let path = URL(fileURLWithPath: file.path).standardizedFileURL.path
    let entry = "\(folder)/\(SourceHash.sha256(text: path)).json"
    let facts: JSONValue = ["path": .string(path), "stamp": .string(stamp.text)]
    if let known = try? JSONValue.read(contentsOf: entry), known["file"] == facts,
      let digest = known["sha256"]?.string.flatMap(Self.bytes)
    {
      return digest
    }
    let digest = try SourceHash.digest(file)
    // A file that changes while it is read, or did so too short a time ago for its times to tell,
    // is not remembered.
    if file.stamp == stamp, stamp.isSettled(for: settling) {
      let known: JSONValue = ["file": facts, "sha256": .string(SourceHash.hexadecimal(digest))]
      try? FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      try? Data(known.serialized(pretty: true).utf8).write(
        to: URL(fileURLWithPath: entry), options: .atomic)
    }
    return digest
  }

  /// The digest of the regular file at a path, in hexadecimal; nil where it cannot be read, is not
  /// one, such as a pipe, whose contents are gone once they are read, or changes meanwhile: such a
  /// file has no contents to speak of.
  package func hexadecimal(ofFileAt path: String) -> String? {
    guard let file = try? MappedFile.open(path), let stamp = file.stamp,
      let found = try? digest(of: file), FileStamp(path: path) == stamp
    else { return nil }
    return SourceHash.hexadecimal(found)
  }

  private static func bytes(_ text: String) -> Data? {
    let digits = Array(text.utf8).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == 64, text.utf8.count == 64 else { return nil }
    return Data((0..<32).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) })
  }
}
