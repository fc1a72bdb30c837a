import Crypto
import Foundation

/// SHA-256 of files by their contents, at reading speed, each read once while it stays as it is.
///
/// Digests are remembered by path and stamp in a file, so that large models are not read again by
/// the next run.
package final class FileDigests {
  private struct Entry {
    let stamp: String
    let digest: String
    let isSettled: Bool
  }

  private static let kind = "file-digests"
  /// Where digests are kept.
  private let path: String
  private var known: [String: Entry] = [:]
  private var isChanged = false
  /// A file of another origin stays as it is.
  private var isOurs = true

  /// - Parameter path: the file to keep digests in; one that holds anything else is left alone.
  package init(keptIn path: String) {
    self.path = path
    guard FileStamp(path: path) != nil else { return }
    guard let json = try? JSONValue.read(contentsOf: path),
      json["kind"]?.string == Self.kind, let files = json["files"]?.object
    else {
      isOurs = false
      return
    }
    for (file, value) in files {
      guard let stamp = value["stamp"]?.string, let digest = value["sha256"]?.string else {
        continue
      }
      known[file] = Entry(stamp: stamp, digest: digest, isSettled: true)
    }
  }

  /// The digest of a regular file's contents; nil where it cannot be read or is not one, such as a
  /// pipe, whose contents are gone once they are read.
  package func digest(of file: String) -> String? {
    guard let stamp = FileStamp(path: file), stamp.isRegular else { return nil }
    if let entry = known[file], entry.stamp == stamp.text { return entry.digest }
    guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
    defer { try? handle.close() }
    var hash = SHA256()
    do {
      while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
        hash.update(data: data)
      }
    } catch {
      return nil
    }
    let digest = hash.finalize().map { String(format: "%02x", $0) }.joined()
    // What was written to while it was read has no contents to speak of.
    guard FileStamp(path: file)?.text == stamp.text else { return nil }
    known[file] = Entry(stamp: stamp.text, digest: digest, isSettled: stamp.isSettled)
    isChanged = true
    return digest
  }

  /// Keeps what was found out for the next run; files that have just changed are read again then.
  package func save() {
    guard isChanged, isOurs else { return }
    isChanged = false
    let files = known.filter(\.value.isSettled).sorted { $0.key < $1.key }.map { file, entry in
      (file, JSONValue.object(["stamp": .string(entry.stamp), "sha256": .string(entry.digest)]))
    }
    let json: JSONValue = [
      "kind": .string(Self.kind),
      "files": .object(.init(uniqueKeysWithValues: files)),
    ]
    // A run that cannot keep them is slower next time, no more.
    try? Data(json.serialized(pretty: true).utf8).write(
      to: URL(fileURLWithPath: path), options: .atomic)
  }
}
