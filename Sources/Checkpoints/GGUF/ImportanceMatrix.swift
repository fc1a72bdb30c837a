import Base
import OrderedCollections
import Tensors

/// How much errors count in each column of a model's matrices: sums of the squared inputs that a text
/// gave them, in the GGUF form of llama-imatrix.
///
/// Each matrix has two float32 tensors: `NAME.in_sum2`, [matrices, columns], a stack of experts having
/// several, and `NAME.counts`, [matrices, 1], the rows that were summed.
public struct ImportanceMatrix: Sendable {
  /// What is known of one tensor.
  package struct Entry: Sendable, Equatable {
    /// [matrices, columns]
    package let sums: [Float]
    /// One for each matrix, or one for all.
    package let counts: [Int]

    package init(sums: [Float], counts: [Int]) {
      self.sums = sums
      self.counts = counts
    }

    /// Mean squares, [matrices, columns]; 1 for a matrix that no row went to.
    package var means: [Float] {
      let width = max(sums.count / max(counts.count, 1), 1)
      return sums.indices.map { index in
        let count = counts[index / width]
        return count > 0 ? sums[index] / Float(count) : 1
      }
    }
  }

  /// By the names of tensors, ascending.
  package let entries: OrderedDictionary<String, Entry>
  /// Names of the texts it was made of.
  package let texts: [String]
  package let chunks: Int
  /// Tokens of a chunk.
  package let chunkLength: Int
  /// The file it was read from; nil where it was made here.
  package let file: MappedFile?

  package init(
    entries: OrderedDictionary<String, Entry>, texts: [String], chunks: Int, chunkLength: Int
  ) {
    self.entries = entries
    self.texts = texts
    self.chunks = chunks
    self.chunkLength = chunkLength
    file = nil
  }

  private static let kind = "imatrix"
  private static let textsKey = "imatrix.datasets"
  private static let chunksKey = "imatrix.chunk_count"
  private static let chunkLengthKey = "imatrix.chunk_size"
  private static let sumsEnding = ".in_sum2"
  private static let countsEnding = ".counts"

  /// Reads a file.
  /// - Throws: `ImportanceFault` for a file that is none or is not whole, and the faults of GGUF.
  public init(reading path: String) throws(FileError) {
    let file = try MappedFile.open(path)
    guard file.withSpan({ $0.array(0..<4) }) == GGUFLimits.magic else {
      throw FileError(ImportanceFault.notGGUF, file: path)
    }
    let header = try GGUFHeader(reading: file, isModel: false)
    guard let chunks = header.metadata[Self.chunksKey]?.int,
      let chunkLength = header.metadata[Self.chunkLengthKey]?.int,
      case .array(let texts)? = header.metadata[Self.textsKey], texts.elementType == .string
    else { throw FileError(ImportanceFault.notImportance, file: path) }
    var sums: [String: TensorEntry] = [:]
    var counts: [String: TensorEntry] = [:]
    for tensor in header.tensors {
      if tensor.name.hasSuffix(Self.sumsEnding) {
        sums[String(tensor.name.dropLast(Self.sumsEnding.count))] = tensor
      } else if tensor.name.hasSuffix(Self.countsEnding) {
        counts[String(tensor.name.dropLast(Self.countsEnding.count))] = tensor
      }
    }
    var entries: OrderedDictionary<String, Entry> = [:]
    for name in Set(sums.keys).union(counts.keys).sorted() {
      func fault(_ fault: ImportanceFault) -> FileError {
        FileError(fault, file: path, place: .tensor(name, byte: nil))
      }
      guard let sums = sums[name], let counts = counts[name] else { throw fault(.unpaired) }
      guard sums.type == .f32, counts.type == .f32, counts.elementCount > 0,
        sums.elementCount > 0, sums.elementCount % counts.elementCount == 0
      else { throw fault(.shape(sums: sums.shape, counts: counts.shape)) }
      let values = Self.floats(sums)
      let rows = Self.floats(counts)
      guard values.allSatisfy({ $0.isFinite && $0 >= 0 }),
        rows.allSatisfy({ $0 >= 0 && $0 < 0x1p62 })
      else { throw fault(.values) }
      entries[name] = Entry(sums: values, counts: rows.map { Int($0.rounded()) })
    }
    guard !entries.isEmpty else { throw FileError(ImportanceFault.empty, file: path) }
    self.entries = entries
    self.texts = texts.strings() ?? []
    self.chunks = chunks
    self.chunkLength = chunkLength
    self.file = file
  }

  private static func floats(_ tensor: TensorEntry) -> [Float] {
    tensor.withBytes { bytes in
      (0..<tensor.elementCount).map {
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
      }
    }
  }

  /// What a model that was quantized by it states of it, as llama-quantize does; of files the name alone.
  package var statements: OrderedDictionary<String, MetadataValue> {
    var statements: OrderedDictionary<String, MetadataValue> = [:]
    if let file { statements["quantize.imatrix.file"] = .string(Paths.name(of: file.path)) }
    if let text = texts.first {
      statements["quantize.imatrix.dataset"] = .string(Paths.name(of: text))
    }
    statements["quantize.imatrix.entries_count"] = .uint32(UInt32(clamping: entries.count))
    if chunks > 0 {
      statements["quantize.imatrix.chunks_count"] = .uint32(UInt32(clamping: chunks))
    }
    return statements
  }

  /// Writes a file, as llama-imatrix lays it out.
  package func write(to path: String, force: Bool, inputs: OutputInputs) throws {
    let metadata: OrderedDictionary<String, MetadataValue> = [
      GGUFKey.type: .string(Self.kind), Self.textsKey: .array(.strings(texts)),
      Self.chunksKey: .uint32(UInt32(clamping: chunks)),
      Self.chunkLengthKey: .uint32(UInt32(clamping: chunkLength)),
    ]
    func tensor(_ name: String, _ shape: [Int], _ values: [Float]) throws -> OutputTensor {
      let bytes = try values.withUnsafeBufferPointer { try Encoding.encode($0, as: .f32) }
      return OutputTensor(name: name, type: .f32, shape: shape, contents: .computed { bytes })
    }
    let tensors = try entries.flatMap { name, entry in
      let matrices = entry.counts.count
      return [
        try tensor(name + Self.sumsEnding, [matrices, entry.sums.count / matrices], entry.sums),
        try tensor(name + Self.countsEnding, [matrices, 1], entry.counts.map { Float($0) }),
      ]
    }
    try GGUFWriter.write(
      to: path, metadata: metadata, tensors: tensors, force: force, inputs: inputs)
  }
}

/// What can be wrong with an importance matrix.
public enum ImportanceFault: Fault {
  /// The file is not in the form of GGUF.
  case notGGUF
  /// The file is one of GGUF without the keys of an importance matrix.
  case notImportance
  case empty
  /// Of a tensor's sums and counts there is only one.
  case unpaired
  /// Sums and counts are not float32 numbers of shapes that fit each other.
  case shape(sums: [Int], counts: [Int])
  /// A sum or count is not a number from 0 up.
  case values
  /// There is another number of columns than the model's tensor has.
  case columns(found: Int, expected: Int)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .notGGUF: "is not an importance matrix in the form of GGUF"
    case .notImportance: "holds no importance matrix: expected the keys of llama-imatrix"
    case .empty: "holds no sums of any tensor"
    case .unpaired: "expected sums and counts, found one of them"
    case .shape(let sums, let counts):
      "sums of shape \(sums) and counts of shape \(counts) in float32 were expected to fit"
    case .values: "sums and counts must be numbers from 0 up"
    case .columns(let found, let expected):
      "counts \(found) columns, the model's tensor has \(expected)"
    }
  }

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .columns: "use a matrix that was made of this model"
    default: nil
    }
  }
}
