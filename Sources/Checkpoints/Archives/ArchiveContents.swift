import Base

/// An archive whose members can be read at random.
///
/// Members that are stored as they are, in `.tar` and in most `.zip` files that hold models, are
/// mapped where they lie. Compressed archives are unpacked once, to a temporary file without a name.
struct ArchiveContents {
  let path: String
  /// Regular files by their names in the archive.
  private(set) var members: [(name: String, file: MappedFile)] = []

  init(opening path: String) throws(FileError) {
    self.path = path
    let file = try MappedFile.open(path)
    guard file.size > 0 else { throw .input(.empty, file: path) }
    if file.withSpan({ $0.isGitLFSPointer }) { throw .input(.gitLFSPointer, file: path) }
    switch try Self.locate(in: file) {
    case .stored(let places):
      add(places, of: file)
      try takeManifest()
    case .compressed:
      let unpacked = try Self.unpack(file)
      guard case .stored(let places) = try Self.locate(in: unpacked) else {
        throw .archive(
          .damaged(reason: "a compressed archive inside a compressed file"), file: path,
          place: .whole)
      }
      try file.checkUnchanged()
      add(places, of: unpacked)
      try takeManifest()
      try checkMembers()
    case .compressedMembers:
      let (unpacked, places) = try Self.unpackMembers(file)
      try file.checkUnchanged()
      add(places, of: unpacked)
      try takeManifest()
      try checkMembers()
    }
  }

  private mutating func add(_ places: [Place], of file: MappedFile) {
    members = places.map { place -> (name: String, file: MappedFile) in
      let fault = FileError.archive(.memberChecksum, file: path, place: .member(place.name))
      return (
        place.name,
        file.member(
          place.range, path: path + "/" + place.name,
          stated: place.checksum.map { StatedSum(.crc32($0), otherwise: fault) })
      )
    }
  }

  // MARK: - Where members lie

  /// A member's bytes.
  struct Place {
    let name: String
    let range: Range<Int>
    /// The CRC-32 that a zip archive states of them; nil where none is found, of other archives, and of
    /// bytes that were compared when they were unpacked.
    var checksum: UInt32?
  }

  private enum Location {
    case stored([Place])
    /// The archive as a whole is compressed.
    case compressed
    /// Some members of a zip archive are.
    case compressedMembers
  }

  /// Finds the bytes of every member without reading them.
  private static func locate(in file: MappedFile) throws(FileError) -> Location {
    try file.withBytes(0..<file.size) { (memory) throws(FileError) in
      var stream = try ArchiveStream(memory, path: file.path)
      var places: [Place] = []
      var directory: [Int: UInt32]?
      while let member = try stream.next() {
        if stream.isCompressed { return .compressed }
        guard let range = try stream.range(of: member, in: memory) else {
          return .compressedMembers
        }
        var place = Place(name: member.name, range: range)
        if stream.isZip, !range.isEmpty {
          guard let header = ZipChecksum.header(endingAt: range.lowerBound, in: memory) else {
            throw .archive(
              .damaged(reason: "no header stands before the member"), file: file.path,
              place: .member(member.name))
          }
          place.checksum = ZipChecksum.stated(of: range, header: header, in: memory)
          if place.checksum == nil {
            let sums = directory ?? ZipChecksum.directory(in: memory)
            directory = sums
            place.checksum = sums[header]
          }
        }
        places.append(place)
      }
      if stream.isCompressed { return .compressed }
      if stream.isTar {
        try checkEnd(memory, after: places.last?.range.upperBound ?? 0, path: file.path)
      }
      return .stored(places)
    }
  }

  /// A tar archive ends with blocks of zeros; cut at the end of a member, it would look whole.
  private static func checkEnd(
    _ memory: UnsafeRawBufferPointer, after end: Int, path: String
  ) throws(FileError) {
    let block = 512
    let last = memory.count / block * block - block
    guard last >= end, memory[last..<(last + block)].allSatisfy({ $0 == 0 }) else {
      throw .archive(.endMissing, file: path, place: .whole)
    }
  }

  /// Gives each member the SHA-256 that a manifest of this program states of it, in place of a CRC-32.
  /// - Throws: `ArchiveFault.missingMember`, `.differsFromManifest` for a member of another size.
  private mutating func takeManifest() throws(FileError) {
    guard let manifest = try ArchiveManifest.find(in: members) else { return }
    let indices = Dictionary(
      members.indices.map { (members[$0].name, $0) }, uniquingKeysWith: { $1 })
    for stated in manifest.members {
      let name = manifest.prefix + stated.name
      let fault = FileError.archive(.differsFromManifest, file: path, place: .member(name))
      guard let index = indices[name] else {
        throw .archive(.missingMember, file: path, place: .member(name))
      }
      let file = members[index].file
      guard file.size == stated.byteCount else { throw fault }
      members[index].file = file.member(
        0..<file.size, path: file.path, stated: StatedSum(.sha256(stated.sha256), otherwise: fault))
    }
  }

  /// Unpacked bytes have just been written: whether they are the right ones costs little.
  private func checkMembers() throws(FileError) {
    for (_, file) in members where file.stated != nil { _ = try SourceHash.digest(file) }
  }

  // MARK: - The model

  /// The files of the one folder, or of the top level, that holds GGUF or safetensors files.
  func model() throws(FileError) -> FileSet {
    var folders: Set<String> = []
    for (name, _) in members {
      let (folder, file) = Self.split(name)
      let isWeights = file.hasSuffix(".gguf") || file.hasSuffix(".safetensors")
      // Hidden files are those that other systems leave beside the real ones.
      if isWeights, !file.hasPrefix("."), !folder.contains("/"), folder != "__MACOSX" {
        folders.insert(folder)
      }
    }
    guard let folder = folders.first else {
      throw .archive(.noModel, file: path, place: .whole)
    }
    guard folders.count == 1 else {
      throw .archive(.severalModels(folders: folders.sorted()), file: path, place: .whole)
    }
    var files: [String: MappedFile] = [:]
    for (name, file) in members {
      let split = Self.split(name)
      if split.folder == folder, !split.file.hasPrefix(".") { files[split.file] = file }
    }
    return FileSet(path: folder.isEmpty ? path : path + "/" + folder, members: files)
  }

  /// A member's folder, empty at the top level, and its name in it.
  static func split(_ name: String) -> (folder: String, file: String) {
    guard name.utf8.contains(UInt8(ascii: "/")) else { return ("", name) }
    return (Paths.folder(of: name), Paths.name(of: name))
  }
}
