import Base

/// What is wrong with an archive.
public enum ArchiveFault: Fault {
  /// The archive library cannot read on: cut short, a wrong checksum, or no archive at all.
  case damaged(reason: String)
  /// A tar archive ends without the zeros that mark its end.
  case endMissing
  /// A gzip stream's checksum is not that of its contents.
  case checksum
  /// A gzip file ends with the length and the checksum of less than it unpacks to.
  case severalStreams
  /// A member's CRC-32 in a zip archive is not that of its bytes.
  case memberChecksum
  /// A member's bytes end before its declared size.
  case memberCutShort(expected: Int, found: Int)
  /// A member's name is not UTF-8 text, or empty.
  case nameNotText
  /// A member's name leads out of the archive: absolute, or with `..`.
  case unsafeName
  /// Two members have the same name.
  case duplicateMember
  /// A member is a symbolic or hard link.
  case link
  /// A member is a device, a pipe or another special file.
  case specialFile
  /// A member is stored with holes, which cannot be mapped.
  case sparse
  /// A member is encrypted.
  case encrypted
  /// There are more members than the limit.
  case tooManyMembers(limit: Int)
  /// The archive unpacks to more than the limit for its size.
  case expandsTooFar(packed: Int, limit: Int)
  /// The folder for temporary files has no room for the unpacked archive.
  case noTemporarySpace(folder: String, needed: Int, free: Int)
  /// The file for the unpacked archive cannot be created or written.
  case temporaryFile(folder: String, reason: String)
  /// No member at the top level or in a folder there is a GGUF or safetensors file.
  case noModel
  /// Models lie in more than one folder.
  case severalModels(folders: [String])
  /// There is no MANIFEST.json, or there are several.
  case manifestCount(found: Int)
  /// MANIFEST.json is not one that this program wrote.
  case malformedManifest(problem: String)
  /// A member has not the size or SHA-256 that the manifest states.
  case differsFromManifest
  /// The manifest states a member that the archive does not hold.
  case missingMember

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .damaged(let reason): "the archive cannot be read: \(reason)"
    case .endMissing: "the archive is cut short: expected zeros at its end"
    case .checksum: "the archive is damaged: its checksum is not that of its contents"
    case .severalStreams:
      "the archive holds several gzip streams, whose checksums cannot all be compared, or its end is"
        + " damaged"
    case .memberChecksum: "the member is damaged: its checksum is not that of its bytes"
    case .memberCutShort(let expected, let found):
      "the archive is cut short: expected \(expected) bytes, found \(found)"
    case .nameNotText: "a member's name is not UTF-8 text"
    case .unsafeName: "the member's name leads out of the archive"
    case .duplicateMember: "two members have the same name"
    case .link: "the member is a link: expected regular files"
    case .specialFile: "the member is a special file: expected regular files"
    case .sparse: "the member is stored as a sparse file, which cannot be read here"
    case .encrypted: "the member is encrypted"
    case .tooManyMembers(let limit): "the archive has more than \(limit) members"
    case .expandsTooFar(let packed, let limit):
      "the archive's \(packed) bytes unpack to more than \(limit), which no model does"
    case .noTemporarySpace(let folder, let needed, let free):
      "unpacking needs at least \(needed) bytes in \(quoted(folder)), which has \(free) free"
    case .temporaryFile(let folder, let reason):
      "cannot be unpacked in \(quoted(folder)): \(reason)"
    case .noModel: "the archive holds no model: expected GGUF or safetensors files in one folder"
    case .severalModels(let folders):
      "the archive holds models in \(folders.count) folders: "
        + folders.prefix(3).map { quoted($0.isEmpty ? "." : $0) }.joined(separator: ", ")
    case .manifestCount(let found): "expected one MANIFEST.json in the archive, found \(found)"
    case .malformedManifest(let problem): "malformed manifest: \(problem)"
    case .differsFromManifest: "the member is not what the archive's manifest states"
    case .missingMember: "the archive's manifest states this member, but it is missing"
    }
  }

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .noTemporarySpace:
      "name a folder with more room in TMPDIR, or unpack the archive and give what is in it"
    case .severalStreams: "pack it again as one: gzip -dc FILE | gzip > OTHER"
    case .severalModels: "unpack the archive and give one of the models"
    default: nil
    }
  }

  /// The exit status of a command that ends with it.
  public var exitStatus: ExitStatus {
    switch self {
    case .noTemporarySpace, .temporaryFile: .inputOutput
    default: .malformedData
    }
  }
}

extension FileError {
  /// An archive is malformed, or holds what no model needs.
  package static func archive(_ fault: ArchiveFault, file: String, place: ErrorPlace) -> FileError {
    FileError(fault, file: file, place: place)
  }
}
