import Base

/// The families of models that are read: those whose data files come with the program, and those of
/// a folder of the user's.
package struct ArchitectureCatalog: Sendable {
  /// What comes with the program.
  package static let builtIn = ArchitectureCatalog(added: [])

  /// Families of the user's own files.
  private let added: [Architecture]
  /// Models that attend by a module whose rotation is known to be wrong are read as if it were
  /// right.
  package var assumesCorrectRotation = false

  private init(added: [Architecture]) { self.added = added }

  /// The families of the program and those of a folder with files `NAME.json`.
  ///
  /// - Parameter folder: the user's folder; every data file in it is read, whatever is asked for.
  /// - Throws: `FileError` where there is no such folder; `FormatError`, naming file and place, for
  ///   what a data file may not say. A name, a `model_type` or keys to be recognized by that
  ///   another file has too are refused: which of the two counted could not be seen from a result.
  package init(adding folder: String) throws {
    guard let stamp = FileStamp(path: folder) else {
      throw FileError.input(.notFound, file: folder)
    }
    guard stamp.isFolder, let names = folderNames(folder) else {
      throw FileError.input(.notReadable(reason: "not a folder that can be listed"), file: folder)
    }
    var claims = ArchitectureClaims()
    for name in try Architecture.names() {
      try claims.add(Architecture(named: name), file: Architecture.file(of: name))
    }
    var added: [Architecture] = []
    let members = FolderMembers.dataFiles
    for name in names where members.include(name) {
      let path = Paths.withoutTrailingSlashes(folder) + "/" + name
      let file = try MappedFile.open(path)
      let architecture = try Architecture(
        JSONValue.read(file), name: String(name.dropLast(members.ending.count)), file: path,
        origin: Architecture.DataFile(path: path, sha256: SourceHash.sha256([file])))
      try claims.add(architecture, file: path)
      added.append(architecture)
    }
    guard !added.isEmpty else { throw FormatError.noDataFiles(folder: folder) }
    self.added = added
  }

  /// The family that a GGUF file names; nil where none has the name.
  func named(_ name: String) throws -> Architecture? {
    if let own = added.first(where: { $0.name == name }) { return own }
    return try Architecture.names().contains(name) ? try Architecture(named: name) : nil
  }

  /// The family that reads a config.json of this `model_type`; nil for none.
  func reading(modelType: String, in configuration: JSONValue?) throws -> Architecture? {
    try first { $0.reads(modelType: modelType, in: configuration) }
  }

  /// The family whose own keys are all in a config.json that names no model; nil for none.
  func recognized(in configuration: JSONValue) throws -> Architecture? {
    try first { architecture in
      !architecture.recognizedBy.isEmpty
        && architecture.recognizedBy.allSatisfy { configuration[$0] != nil }
    }
  }

  private func first(where fits: (Architecture) -> Bool) throws -> Architecture? {
    if let own = added.first(where: fits) { return own }
    return try Architecture.names().lazy.map { try Architecture(named: $0) }.first(where: fits)
  }

  /// The members of config.json by which some family states one of these.
  func members(of parameters: [Hyperparameter]) throws -> Set<String> {
    let families = try Architecture.names().map { try Architecture(named: $0) } + added
    return Set(
      families.flatMap { family in
        parameters.flatMap { family.keys(of: $0, on: .huggingface) }
      })
  }

  /// The names of all families, as GGUF files state them.
  func names() throws -> [String] { (try Architecture.names() + added.map(\.name)).sorted() }

  /// Every `model_type` that some family reads.
  func modelTypes() throws -> [String] {
    let shipped = try Architecture.names().flatMap { try Architecture(named: $0).modelTypes }
    return Set(shipped + added.flatMap(\.modelTypes)).sorted()
  }
}

/// Which data file a name, a `model_type` or keys to be recognized by belong to.
private struct ArchitectureClaims {
  private var files: [String: String] = [:]
  /// Files that read some folders of a `model_type` alone, and leave others to such a file.
  private var shared: [String: String] = [:]

  mutating func add(_ architecture: Architecture, file: String) throws(FormatError) {
    typealias Key = Architecture.Key
    try claim(Key.name, architecture.name, shown: architecture.name, file: file)
    for type in architecture.modelTypes {
      let told = Set(architecture.toldBy).sorted().joined(separator: "\n")
      let whole = "\(type)\n\(told)"
      guard let members = architecture.readWhere[type] else {
        if let other = shared[whole] { throw taken(Key.modelTypes, type, by: other, file: file) }
        try claim(Key.modelTypes, whole, shown: type, file: file)
        continue
      }
      if let other = files["\(Key.modelTypes.rawValue)\n\(whole)"] {
        throw taken(Key.modelTypes, type, by: other, file: file)
      }
      shared[whole] = file
      let values = members.map { key, accepted in
        key + JSONValue.array(accepted).serialized(pretty: false)
      }
      try claim(
        Key.modelTypes, ([whole] + values.sorted()).joined(separator: "\n"), shown: type,
        file: file)
    }
    let keys = Set(architecture.recognizedBy).sorted()
    if !keys.isEmpty {
      try claim(
        Key.recognizedBy, keys.joined(separator: "\n"), shown: keys.joined(separator: ", "),
        file: file)
    }
  }

  private mutating func claim(
    _ key: Architecture.Key, _ value: String, shown: String, file: String
  ) throws(FormatError) {
    if let other = files.updateValue(file, forKey: "\(key.rawValue)\n\(value)") {
      throw taken(key, shown, by: other, file: file)
    }
  }

  private func taken(
    _ key: Architecture.Key, _ shown: String, by other: String, file: String
  ) -> FormatError {
    .invalid(file: file, place: key.rawValue, problem: "'\(shown)' belongs to \(other) already")
  }
}
