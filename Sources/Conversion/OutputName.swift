import Base
import Checkpoints
import Rotary

/// The output's path where none was given.
package enum OutputName {
  /// `<stem>.<sites>.<ext>` beside the input; of a model in shards the stem is that of all. A type
  /// that was asked for stands where the ecosystem's names have it, `<stem>.<sites>-Q4_K_M.gguf`,
  /// and the source's own leaves the stem.
  /// Nil `sites` stay as they are: `<stem>-Q4_K_M.gguf`, `<stem>.keep.<ext>`. Of a safetensors file
  /// it is the folder `<stem>.<sites>/`. Nothing is written into a hub's cache: of a snapshot there,
  /// the output is named as the model and stands in the current folder.
  /// - Throws: `InputFault.notReadable` for a snapshot that cannot be listed.
  package static func beside(
    _ input: String, sites: RotarySites?, type: OutputTypes
  ) throws(FileError) -> String {
    // Not by NSString, which traps on a path of one character (Swift 6.3 on Linux).
    let path = Paths.withoutTrailingSlashes(input)
    let snapshot = HubCache.name(ofSnapshot: path)
    let last = Paths.name(of: snapshot ?? path)
    let folder = snapshot == nil ? path.utf8.dropLast(last.utf8.count) : "".utf8[...]
    let isFolder = FileStamp(path: path)?.isFolder == true
    var (stem, ending) = isFolder ? (last, "/") : split(last)
    // A snapshot of one GGUF file is that file.
    if snapshot != nil, ending == "/", try holdsGGUF(path) { ending = ".gguf" }
    // Beside the input lies its config.json, which would be the output's too.
    if ending.lowercased() == ".safetensors" { ending = "/" }
    if let encoding = type.encodingName {
      // As llama.cpp's tools name types, at the end of a stem.
      stem.replace(/[-.](?i:BF16|F16|F32|I?Q[0-9]_[0-9A-Z_]+)$/, with: "")
      stem += (sites.map { ".\($0.name)" } ?? "") + "-\(encoding)"
      if type.isQuantized, ending == "/" { ending = ".gguf" }
    } else {
      stem += "." + (sites?.name ?? "keep")
    }
    return String(Substring(folder)) + stem + ending
  }

  private static func holdsGGUF(_ folder: String) throws(FileError) -> Bool {
    let names = try listedNames(folder)
    return names.contains { $0.hasSuffix(".gguf") } && !names.contains(ModelFolder.configuration)
  }

  /// A file's name without its ending, and the ending; `.gguf` where it has none.
  private static func split(_ name: String) -> (String, String) {
    if let archive = ArchiveKind.split(name) { return (archive.stem, archive.ending) }
    let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) ?? name.startIndex
    let ending = name[dot...]
    guard dot > name.startIndex, ending != "." else { return (name, ".gguf") }
    var stem = String(name[..<dot])
    // The number of a shard says nothing of a whole model, which is what is written.
    stem = Shards.parse(stem, fileEnding: "")?.stem ?? stem
    return (stem, String(ending))
  }
}

extension OutputTypes {
  /// The type as names of files have it; nil for `keep`.
  fileprivate var encodingName: String? {
    switch self {
    case .keep: nil
    case .type(let type): type.rawValue.uppercased()
    case .mix(let mix, _): mix.rawValue.uppercased()
    }
  }

  fileprivate var isQuantized: Bool {
    if case .mix = self { true } else { false }
  }
}
