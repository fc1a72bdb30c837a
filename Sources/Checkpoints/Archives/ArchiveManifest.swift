import Base
import Crypto
import OrderedCollections

/// MANIFEST.json, the last member of an archive that this program writes: SHA-256 and size of every
/// other member, where the model comes from and how it was made.
package struct ArchiveManifest: Sendable {
  package static let name = "MANIFEST.json"
  static let format = "ropeconv-archive"
  static let version = 1

  /// A member as the manifest states it.
  package struct Member: Sendable, Equatable {
    /// The name relative to the manifest's own folder.
    package let name: String
    package let byteCount: Int
    /// 64 hexadecimal digits in lower case.
    package let sha256: String
  }

  package let members: [Member]
  /// The whole text.
  package let json: JSONValue
  /// What stands before the stated names in the archive: a folder and a slash, or nothing.
  let prefix: String

  /// The stated digests by the members' names in the archive.
  package var digests: [String: String] {
    Dictionary(members.map { (prefix + $0.name, $0.sha256) }, uniquingKeysWith: { $1 })
  }

  /// The text of MANIFEST.json; `fields` are all but format, version and members.
  static func text(
    _ fields: OrderedDictionary<String, JSONValue>, members: [Member]
  ) -> [UInt8] {
    var object: OrderedDictionary<String, JSONValue> = [
      "format": .string(format), "format_version": JSONValue(version),
    ]
    object.merge(fields, uniquingKeysWith: { $1 })
    object["members"] = .array(
      members.map {
        .object([
          "name": .string($0.name), "bytes": JSONValue($0.byteCount),
          "sha256": .string($0.sha256),
        ])
      })
    return Array((JSONValue.object(object).serialized(pretty: true) + "\n").utf8)
  }

  /// Reads the manifest that the archive holds as `memberName`; errors name the path `archive`.
  init(_ json: JSONValue, memberName: String, archive: String) throws(FileError) {
    func fault(_ problem: String) -> FileError {
      .archive(
        .malformedManifest(problem: problem), file: archive, place: .member(memberName))
    }
    guard Self.isOurs(json) else { throw fault("expected the format '\(Self.format)'") }
    guard json["format_version"]?.int == Self.version else {
      throw fault("expected format_version \(Self.version)")
    }
    guard let list = json["members"]?.array else { throw fault("expected a list 'members'") }
    var members: [Member] = []
    for entry in list {
      guard let name = entry["name"]?.string, let bytes = entry["bytes"]?.int, bytes >= 0,
        let digest = entry["sha256"]?.string, digest.utf8.count == 64
      else { throw fault("expected name, bytes and sha256 of each member") }
      members.append(Member(name: name, byteCount: bytes, sha256: digest))
    }
    self.members = members
    self.json = json
    let folder = ArchiveContents.split(memberName).folder
    prefix = folder.isEmpty ? "" : folder + "/"
  }

  /// Whether JSON text of this name is a manifest of this program at all.
  static func isOurs(_ json: JSONValue) -> Bool { json["format"]?.string == format }

  /// Whether a member of this name can be the manifest.
  static func canBe(_ memberName: String) -> Bool {
    let (folder, file) = ArchiveContents.split(memberName)
    return file == name && !folder.contains("/")
  }

  /// The manifest among mapped members; nil where there is none of this program.
  static func find(
    in members: [(name: String, file: MappedFile)]
  ) throws(FileError) -> ArchiveManifest? {
    for (name, file) in members where canBe(name) && file.size <= ArchiveLimits.manifest {
      if file.stated != nil { _ = try SourceHash.digest(file) }
      let found = try file.withBytes(0..<file.size) { (text) throws(FileError) in
        try read(text, path: file.path, memberName: name, archive: file.path)
      }
      if let found { return found }
    }
    return nil
  }

  /// Reads the text of a member that can be the manifest.
  /// - Parameters:
  ///   - text: the member's bytes, which may be anything.
  ///   - path: what errors of JSON name.
  ///   - memberName: the member's name in the archive.
  ///   - archive: what errors of a manifest name.
  /// - Returns: nil for one of another program. Without the format's name in it no text is ours: it is not
  ///   read, be it JSON or not.
  /// - Throws: `FileError.json`, `ArchiveFault.malformedManifest`.
  static func read(
    _ text: UnsafeRawBufferPointer, path: String, memberName: String, archive: String
  ) throws(FileError) -> ArchiveManifest? {
    guard holdsFormat(text) else { return nil }
    let json = try JSONValue.parse(text, file: path)
    guard isOurs(json) else { return nil }
    return try ArchiveManifest(json, memberName: memberName, archive: archive)
  }

  /// Whether the format's name stands anywhere in a text.
  private static func holdsFormat(_ text: UnsafeRawBufferPointer) -> Bool {
    let mark = Array(format.utf8)
    guard text.count >= mark.count else { return false }
    for start in 0...(text.count - mark.count) where text[start] == mark[0] {
      if text[start..<(start + mark.count)].elementsEqual(mark) { return true }
    }
    return false
  }
}

extension SHA256 {
  /// The digest as 64 hexadecimal digits in lower case.
  func hexadecimal() -> String { SourceHash.hexadecimal(finalize()) }
}
