import Base
import OrderedCollections

/// A file laid out before it is written: its size is known, and it can go to any sink.
protocol FileLayout: Sendable {
  var byteCount: Int { get }
  /// The input files that bytes are copied from.
  var sources: [MappedFile] { get }

  /// The file's first bytes where they were not known before the rest was written: as many as the
  /// header that was written in their place. Nil where that one stands.
  func lateHeader() throws -> [UInt8]?

  /// Writes exactly `byteCount` bytes; `progress` is called with the bytes written so far.
  func write<Sink: ByteSink & ~Copyable>(
    to sink: inout Sink, progress: ((Int) -> Void)?
  ) throws
}

extension FileLayout {
  func lateHeader() throws -> [UInt8]? { nil }

  /// Writes a file of its own, which appears complete or not at all; one that is staged waits in a
  /// folder that is flushed when it is full. It takes the place of older sets of shards, where given.
  ///
  /// - Returns: the bytes of the file.
  func write(
    to path: String, force: Bool, inputs: OutputInputs, isStaged: Bool = false,
    replacing sets: OldShards? = nil, progress: ((Int) -> Void)?
  ) throws -> Int {
    if !isStaged { try FolderLock.check(Paths.folder(of: path), for: path) }
    var file = try AtomicFile(
      creating: OutputTarget(path: path, force: force, inputs: inputs, sources: sources),
      byteCount: byteCount)
    try write(to: &file, progress: progress)
    if let header = try lateHeader() { try file.overwrite(header, at: 0) }
    return try file.commit(isStaged: isStaged, replacing: sets)
  }
}

/// A header, and after it tensors in the order of `tensors`.
protocol TensorFileLayout: FileLayout {
  var header: [UInt8] { get }
  var tensors: [OutputTensor] { get }
  /// Header and tensors are padded with zeros to a multiple of it.
  var alignment: Int { get }
}

extension TensorFileLayout {
  var sources: [MappedFile] { tensors.sources }

  func write<Sink: ByteSink & ~Copyable>(
    to sink: inout Sink, progress: ((Int) -> Void)?
  ) throws {
    try sink.write(header)
    try sink.pad(to: alignment)
    progress?(sink.byteCount)
    for tensor in tensors {
      try tensor.write(to: &sink)
      try sink.pad(to: alignment)
      progress?(sink.byteCount)
    }
  }
}

extension [any FileLayout] {
  /// The bytes of all files; the largest number there is where the sum overflows.
  var totalByteCount: Int {
    reduce(0) { sum, layout in
      let (next, overflow) = sum.addingReportingOverflow(layout.byteCount)
      return overflow ? .max : next
    }
  }
}

/// What a file of a folder or of an archive holds.
package enum FileContents: Sendable {
  case bytes([UInt8])
  /// The bytes of an existing file, as they are.
  case copy(MappedFile)
  /// A GGUF file, as `GGUFWriter` writes it.
  case gguf(metadata: OrderedDictionary<String, MetadataValue>, tensors: [OutputTensor])
  /// A safetensors file, as `SafetensorsLayout` has it.
  case safetensors(metadata: OrderedDictionary<String, String>, tensors: [OutputTensor])

  /// The layout of the file; errors name the output `path`.
  func layout(for path: String) throws(FileError) -> any FileLayout {
    switch self {
    case .bytes(let bytes): BytesLayout(bytes: bytes)
    case .copy(let file): CopyLayout(file: file)
    case .gguf(let metadata, let tensors):
      try GGUFLayout(metadata: metadata, tensors: tensors, path: path)
    case .safetensors(let metadata, let tensors):
      try SafetensorsLayout(metadata: metadata, tensors: tensors, path: path)
    }
  }
}

private struct BytesLayout: FileLayout {
  let bytes: [UInt8]
  var byteCount: Int { bytes.count }
  var sources: [MappedFile] { [] }

  func write<Sink: ByteSink & ~Copyable>(
    to sink: inout Sink, progress: ((Int) -> Void)?
  ) throws {
    try sink.write(bytes)
  }
}

private struct CopyLayout: FileLayout {
  let file: MappedFile
  var byteCount: Int { file.size }
  var sources: [MappedFile] { [file] }

  func write<Sink: ByteSink & ~Copyable>(
    to sink: inout Sink, progress: ((Int) -> Void)?
  ) throws {
    try sink.copy(0..<file.size, of: file)
  }
}
