import Base
import Crypto

/// What an archive holds, read from its start to its end: no temporary file, whatever its size.
package struct ArchiveSurvey: Sendable {
  package struct Member: Sendable, Equatable {
    package let name: String
    package let byteCount: Int
    /// SHA-256 of the bytes; nil where they were not read.
    package let sha256: String?
  }

  package let path: String
  package let members: [Member]
  /// The archive's manifest; nil where it has none.
  package let manifest: ArchiveManifest?

  /// Reads an archive from its start to its end.
  /// - Parameters:
  ///   - path: the archive.
  ///   - hashing: whether every byte is read and summed.
  ///   - progress: called with the share of the archive that is read and the bytes so far.
  /// - Throws: `FileError.archive`.
  package init(
    of path: String, hashing: Bool, progress: ((Double, Int) -> Void)? = nil
  ) throws(FileError) {
    self.path = path
    let size = try MappedFile.open(path).size
    guard size > 0 else { throw .input(.empty, file: path) }
    var stream = try ArchiveStream(path, .members)
    var members: [Member] = []
    var manifest: ArchiveManifest?
    var total = 0
    while let member = try stream.next() {
      let isManifest =
        ArchiveManifest.canBe(member.name) && member.byteCount <= ArchiveLimits.manifest
      guard hashing || isManifest else {
        members.append(Member(name: member.name, byteCount: member.byteCount, sha256: nil))
        continue
      }
      var hash = SHA256()
      var text: [UInt8] = []
      try stream.forEachBlock(of: member) { (bytes, consumed) throws(FileError) in
        hash.update(bufferPointer: bytes)
        if isManifest { text.append(contentsOf: bytes) }
        total += bytes.count
        progress?(Double(consumed) / Double(size), total)
      }
      members.append(
        Member(name: member.name, byteCount: member.byteCount, sha256: hash.hexadecimal()))
      if isManifest {
        let found = try text.span.bytes.withUnsafeBytes { (text) throws(FileError) in
          try ArchiveManifest.read(
            text, path: path + "/" + member.name, memberName: member.name, archive: path)
        }
        if let found {
          guard manifest == nil else {
            throw .archive(.manifestCount(found: 2), file: path, place: .whole)
          }
          manifest = found
        }
      }
    }
    self.members = members
    self.manifest = manifest
  }

  /// A member held against the manifest.
  package struct Finding: Sendable, Equatable {
    package enum Status: String, Sendable {
      case same, size, sha256, missing, extra
    }
    package let name: String
    /// Bytes in the archive; nil for a member that is missing.
    package let byteCount: Int?
    package let sha256: String?
    package let status: Status
  }

  /// Every member of the archive or of its manifest, in the order of their names.
  /// - Throws: `ArchiveFault.manifestCount` without a manifest.
  package func findings() throws(FileError) -> [Finding] {
    guard let manifest else {
      throw .archive(.manifestCount(found: 0), file: path, place: .whole)
    }
    var stated: [String: ArchiveManifest.Member] = [:]
    for member in manifest.members { stated[manifest.prefix + member.name] = member }
    var findings: [Finding] = []
    for member in members where member.name != manifest.prefix + ArchiveManifest.name {
      let expected = stated.removeValue(forKey: member.name)
      let status: Finding.Status =
        switch expected {
        case nil: .extra
        case let expected? where expected.byteCount != member.byteCount: .size
        case let expected? where expected.sha256 != member.sha256: .sha256
        default: .same
        }
      findings.append(
        Finding(
          name: member.name, byteCount: member.byteCount, sha256: member.sha256, status: status))
    }
    for name in stated.keys {
      findings.append(Finding(name: name, byteCount: nil, sha256: nil, status: .missing))
    }
    return findings.sorted { $0.name < $1.name }
  }
}
