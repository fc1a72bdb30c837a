import Foundation

/// A fault in finding or reading the data files of `formats/`.
package enum FormatError: Diagnostic {
  /// The folder of data files is neither beside the program nor where ROPECONV_FORMATS says.
  case resourcesMissing(searched: [String])
  /// A data file says something the program does not understand.
  case invalid(file: String, place: String, problem: String)
  /// A folder that should hold data files of families holds none.
  case noDataFiles(folder: String)
  /// No data file describes this architecture; the reason is the first thing in the file that
  /// nothing here computes, where that is known.
  case unsupportedArchitecture(file: String, name: String, reason: String?, known: [String])

  package var summary: String {
    switch self {
    case .resourcesMissing(let searched):
      "the data files of ropeconv were not found (searched \(searched.joined(separator: ", ")))"
    case .invalid(_, _, let problem): problem
    case .noDataFiles: "the folder holds no data file of a family (NAME.json)"
    case .unsupportedArchitecture(_, let name, let reason, let known):
      "architecture '\(name)' is not supported"
        + (reason.map { ": \($0)" } ?? " (known: \(known.joined(separator: ", ")))")
    }
  }

  package var file: String? {
    switch self {
    case .resourcesMissing: nil
    case .invalid(let file, _, _), .noDataFiles(let file),
      .unsupportedArchitecture(let file, _, _, _):
      file
    }
  }

  package var place: String? {
    switch self {
    case .invalid(_, let place, _): place.isEmpty ? nil : place
    default: nil
    }
  }

  package var hint: String? {
    switch self {
    case .resourcesMissing:
      "install with 'make install', or set ROPECONV_FORMATS to the folder holding 'architectures'"
    default: nil
    }
  }

  package var exitStatus: ExitStatus {
    switch self {
    case .resourcesMissing: .internalError
    default: .malformedData
    }
  }
}

/// The data files of `formats/`, found beside the program that uses them.
///
/// Searched in order: `ROPECONV_FORMATS`, the resource folder SwiftPM puts beside the executable or
/// the test image, and `../share/ropeconv` of an installed program.
package enum FormatResources {
  /// The folder that holds `architectures/`, `tokenizers/` and the others.
  package static func folder() throws -> String {
    try located.get()
  }

  /// SHA-256 of the data files in the folder that `ROPECONV_FORMATS` names; nil where the program's
  /// own are read.
  package static let chosenDigest: String? = {
    guard let chosen = EnvironmentVariable.formats.value, (try? folder()) == chosen else {
      return nil
    }
    return digest(of: chosen)
  }()

  /// What a folder of data files holds.
  private static let parts = ["architectures", "huggingface", "recognition", "tokenizers"]

  /// SHA-256 of the paths and hashes of all data files in a folder; another name, another byte or
  /// another file gives another one. What cannot be read or listed counts by its name.
  package static func digest(of folder: String) -> String {
    func files(_ path: String, _ depth: Int) -> [String] {
      guard let stamp = FileStamp(path: "\(folder)/\(path)") else { return [] }
      guard stamp.isFolder else { return stamp.isRegular ? [path] : [] }
      // Links can lead round in a circle.
      guard depth < 8 else { return [] }
      guard let names = folderNames("\(folder)/\(path)") else { return [path] }
      return names.flatMap { files("\(path)/\($0)", depth + 1) }
    }
    let lines = parts.flatMap { files($0, 0) }.map { path in
      let bytes = FileManager.default.contents(atPath: "\(folder)/\(path)")
      return "\(bytes.map { SourceHash.sha256(bytes: Array($0)) } ?? "unreadable") \(path)\n"
    }
    return SourceHash.sha256(text: lines.joined())
  }

  private static let located: Result<String, FormatError> = {
    var candidates: [String] = []
    if let chosen = EnvironmentVariable.formats.value {
      candidates.append(chosen)
    }
    for image in [imagePath(), Bundle.main.executablePath].compactMap({ $0 }) {
      let resolved = URL(fileURLWithPath: image).resolvingSymlinksInPath()
      let beside = resolved.deletingLastPathComponent()
      candidates.append(beside.appendingPathComponent("ropeconv_Base.resources").path)
      candidates.append(
        beside.deletingLastPathComponent().appendingPathComponent("share/ropeconv").path)
    }
    for candidate in candidates
    where FileManager.default.fileExists(atPath: candidate + "/architectures") {
      return .success(candidate)
    }
    return .failure(.resourcesMissing(searched: candidates))
  }()

  /// The executable or shared object that this code was linked into: for a test run that is the
  /// test bundle, not the toolchain's runner.
  private static func imagePath() -> String? {
    let address = UInt(bitPattern: #dsohandle)
    guard let maps = try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8) else {
      return Bundle.main.executablePath
    }
    for line in maps.split(separator: "\n") {
      // 55d0a0000000-55d0a0010000 r--p 00000000 fe:00 1234   /path/of/the/image
      let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
      let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard fields.count == 6, bounds.count == 2 else { continue }
      if (bounds[0]..<bounds[1]).contains(address) {
        return fields[5].trimmingCharacters(in: .whitespaces)
      }
    }
    return nil
  }

  /// The JSON of one data file, such as `tokenizers/pretokenizers.json`.
  package static func json(_ relativePath: String) throws -> JSONValue {
    try JSONValue.read(contentsOf: folder() + "/" + relativePath)
  }

  /// The names of the JSON files in one folder, sorted, without their extension.
  package static func list(_ relativeFolder: String) throws -> [String] {
    let path = try folder() + "/" + relativeFolder
    let members = FolderMembers.dataFiles
    return try members.names(in: path).map { String($0.dropLast(members.ending.count)) }.sorted()
  }
}
