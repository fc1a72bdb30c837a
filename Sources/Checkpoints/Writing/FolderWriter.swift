import OrderedCollections
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of a file that goes into a folder beside the weights.
public enum FileContents: Sendable {
  case bytes([UInt8])
  /// The bytes of an existing file, as they are.
  case copy(path: String)
}

/// Writes Hugging Face folders: model.safetensors, further files, and config.json last.
///
/// Everything is written to a hidden folder beside the output first. A new output is then renamed
/// as a whole. An existing one keeps its other files: its config.json is removed, the new files are
/// renamed into it and config.json is the last of them, so that at no moment the folder opens as a
/// mixture of the old model and the new.
public enum FolderWriter {
  /// Writes a folder. The same arguments give the same bytes.
  ///
  /// - Parameters:
  ///   - configuration: config.json, written with two spaces of indentation.
  ///   - extraFiles: plain names and contents; with neither config.json nor model.safetensors.
  ///   - force: whether files of an existing folder are replaced; an empty folder needs none.
  ///   - inputs: paths that must be neither the output nor one of its files.
  ///   - progress: called with the bytes of tensors written so far.
  /// - Returns: the bytes of all files.
  /// - Throws: `CheckpointError.output`, and what a tensor's `computed` throws.
  @discardableResult
  public static func write(
    to folder: String, configuration: JSONValue, tensors: [OutputTensor],
    extraFiles: [(String, FileContents)] = [], force: Bool, inputs: [String],
    progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    let output = Paths.withoutTrailingSlashes(folder)
    let layout = try SafetensorsLayout(metadata: ["format": "pt"], tensors: tensors, path: output)
    let names = try checkedNames(extraFiles, output)
    let extras = try extraFiles.map { name, contents in (name, try OpenContents(contents)) }
    let text = Array((configuration.serialized(pretty: true) + "\n").utf8)
    let sizes = extras.map(\.1.byteCount) + [layout.byteCount, text.count]
    let target = OutputTarget(
      path: output, force: force, inputs: inputs,
      sources: tensors.sources + extras.compactMap(\.1.file))
    try target.checkFolder(byteCount: sizes.reduce(0) { $0.addingReportingOverflow($1).0 })
    for name in names {
      try OutputTarget(
        path: output + "/" + name, force: force, inputs: inputs, sources: target.sources
      ).checkIsNoInput()
    }

    var staging = try StagingFolder(for: target)
    var total = try SafetensorsWriter.write(
      to: staging.file("model.safetensors"), tensors: tensors, force: false, inputs: [],
      progress: progress)
    for (name, contents) in extras {
      total += try contents.write(to: staging.file(name))
    }
    total += try OpenContents.bytes(text).write(to: staging.file("config.json"))
    try staging.move(names)
    return total
  }

  /// All names of the folder, config.json last.
  private static func checkedNames(
    _ extraFiles: [(String, FileContents)], _ output: String
  ) throws(CheckpointError) -> [String] {
    var names: OrderedSet = ["model.safetensors"]
    for (name, _) in extraFiles {
      let isPlain =
        !name.isEmpty && name != "." && name != ".."
        && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
      guard isPlain else {
        throw .output(
          .notStorable(problem: "\(quoted(name)) is not a plain file name"), file: output,
          place: .whole)
      }
      guard name != "config.json", names.append(name).inserted else {
        throw .output(.duplicateName, file: output, place: .key(name, byte: nil))
      }
    }
    return Array(names) + ["config.json"]
  }
}

/// Contents whose file is open, so that their size is known before anything is written.
private enum OpenContents {
  case bytes([UInt8])
  case file(MappedFile)

  init(_ contents: FileContents) throws(CheckpointError) {
    switch contents {
    case .bytes(let bytes): self = .bytes(bytes)
    case .copy(let path): self = .file(try MappedFile.open(path))
    }
  }

  var file: MappedFile? {
    if case .file(let file) = self { file } else { nil }
  }

  var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .file(let file): file.size
    }
  }

  func write(to path: String) throws(CheckpointError) -> Int {
    var output = try AtomicFile(
      creating: OutputTarget(path: path, force: false, inputs: [], sources: []),
      byteCount: byteCount)
    switch self {
    case .bytes(let bytes): try output.write(bytes)
    case .file(let file): try output.copy(0..<file.size, of: file)
    }
    return try output.commit()
  }
}
