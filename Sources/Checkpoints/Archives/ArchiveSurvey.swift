import Crypto

/// What an archive holds, read from its start to its end: no temporary file, whatever its size.
public struct ArchiveSurvey: Sendable {
  public struct Member: Sendable, Equatable {
    public let name: String
    public let byteCount: Int
    /// SHA-256 of the bytes; nil where they were not read.
    public let sha256: String?
  }

  public let path: String
  public let members: [Member]
  /// The archive's manifest; nil where it has none.
  public let manifest: ArchiveManifest?

  /// - Parameters:
  ///   - hashing: whether every byte is read and summed.
  ///   - progress: called with the share of the archive that is read and the bytes so far.
  /// - Throws: `CheckpointError.archive`.
  public init(
    of path: String, hashing: Bool, progress: ((Double, Int) -> Void)? = nil
  ) throws(CheckpointError) {
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
      try stream.forEachBlock(of: member) { (bytes, consumed) throws(CheckpointError) in
        hash.update(bufferPointer: bytes)
        if isManifest { text.append(contentsOf: bytes) }
        total += bytes.count
        progress?(Double(consumed) / Double(size), total)
      }
      members.append(
        Member(name: member.name, byteCount: member.byteCount, sha256: hash.hexadecimal()))
      if isManifest {
        let json = try JSONValue.parse(text, file: path + "/" + member.name)
        if ArchiveManifest.isOurs(json) {
          guard manifest == nil else {
            throw .archive(.manifestCount(found: 2), file: path, place: .whole)
          }
          manifest = try ArchiveManifest(json, memberName: member.name, archive: path)
        }
      }
    }
    self.members = members
    self.manifest = manifest
  }

  /// A member held against the manifest.
  public struct Finding: Sendable, Equatable {
    public enum Status: String, Sendable {
      case same, size, sha256, missing, extra
    }
    public let name: String
    /// Bytes in the archive; nil for a member that is missing.
    public let byteCount: Int?
    public let sha256: String?
    public let status: Status
  }

  /// Every member of the archive or of its manifest, in the order of their names.
  /// - Throws: `ArchiveFault.manifestCount` without a manifest.
  public func findings() throws(CheckpointError) -> [Finding] {
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
