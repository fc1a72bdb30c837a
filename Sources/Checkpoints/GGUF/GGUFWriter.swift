import Base
import OrderedCollections

/// Writes GGUF version 3 files as the `gguf` Python package lays them out: header, key-value pairs,
/// tensor records, zeros up to the alignment, then every tensor followed by zeros up to it.
package enum GGUFWriter {
  /// Writes a file through a temporary one beside it. The same arguments give the same bytes.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - metadata: keys and values in the order of the file; with
  ///     `general.architecture`, unless `general.type` says that it is no model.
  ///     `general.alignment` (uint32) sets the alignment, 32 without it.
  ///   - tensors: in the order of the file; at most four dimensions and 63 bytes of name each.
  ///   - force: whether an existing file is replaced.
  ///   - inputs: paths that must not be the output, nor any link to it.
  ///   - progress: called with the bytes written so far, after the header and after each tensor.
  /// - Returns: the bytes of the file.
  /// - Throws: `FileError.output`, and what a tensor's `computed` throws.
  @discardableResult
  package static func write(
    to path: String, metadata: OrderedDictionary<String, MetadataValue>, tensors: [OutputTensor],
    force: Bool, inputs: OutputInputs, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    try write(
      to: path, metadata: LateMetadata(early: metadata, final: nil), tensors: tensors,
      force: force, inputs: inputs, progress: progress)
  }

  /// The same for metadata of which some values are known only when all tensors are written.
  /// - Throws: also `OutputFault.contentsSize` where the late metadata have another size.
  @discardableResult
  package static func write(
    to path: String, metadata: LateMetadata, tensors: [OutputTensor], force: Bool,
    inputs: OutputInputs, replacing sets: OldShards? = nil, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    try GGUFLayout(metadata: metadata, tensors: tensors, path: path)
      .write(to: path, force: force, inputs: inputs, replacing: sets, progress: progress)
  }

  /// Metadata that are completed at the end, such as by a digest that is computed meanwhile.
  package struct LateMetadata: Sendable {
    /// What takes as many bytes as the metadata.
    let early: OrderedDictionary<String, MetadataValue>
    /// The metadata, asked for after the last tensor; nil where the early ones are final.
    let final: (@Sendable () throws -> OrderedDictionary<String, MetadataValue>)?

    package init(
      early: OrderedDictionary<String, MetadataValue>,
      final: (@Sendable () throws -> OrderedDictionary<String, MetadataValue>)?
    ) {
      self.early = early
      self.final = final
    }

    /// The metadata with further keys.
    func adding(_ fields: OrderedDictionary<String, MetadataValue>) -> LateMetadata {
      let early = early.merging(fields) { $1 }
      guard let final else { return LateMetadata(early: early, final: nil) }
      return LateMetadata(early: early) { try final().merging(fields) { $1 } }
    }
  }
}

/// The header of a GGUF file to be written, and the size of the whole.
struct GGUFLayout: TensorFileLayout {
  let alignment: Int
  let header: [UInt8]
  let tensors: [OutputTensor]
  let byteCount: Int
  private var late: (@Sendable () throws -> [UInt8])?

  init(
    metadata: GGUFWriter.LateMetadata, tensors: [OutputTensor], path: String
  ) throws(FileError) {
    try self.init(metadata: metadata.early, tensors: tensors, path: path)
    if let final = metadata.final {
      let expected = header.count
      late = {
        let header = try GGUFLayout(metadata: final(), tensors: tensors, path: path).header
        guard header.count == expected else {
          throw FileError.output(
            .contentsSize(expected: expected, found: header.count), file: path, place: .whole)
        }
        return header
      }
    }
  }

  func lateHeader() throws -> [UInt8]? { try late?() }

  init(
    metadata: OrderedDictionary<String, MetadataValue>, tensors: [OutputTensor], path: String
  ) throws(FileError) {
    func fault(_ problem: String, _ place: ErrorPlace) -> FileError {
      .output(.notStorable(problem: problem), file: path, place: place)
    }
    alignment = try Self.alignment(in: metadata, path: path)
    // Shards after the first have no metadata of the model.
    let isLaterShard = (metadata[Shards.numberKey]?.int ?? 0) > 0
    let isModel = (metadata[GGUFKey.type]?.string ?? "model") == "model"
    guard isLaterShard || !isModel || metadata[GGUFKey.architecture]?.string != nil else {
      throw fault(
        "the metadata names no architecture", .key(GGUFKey.architecture, byte: nil))
    }
    var bytes = GGUFLimits.magic
    bytes.append(littleEndian: UInt32(3))
    bytes.append(littleEndian: UInt64(tensors.count))
    bytes.append(littleEndian: UInt64(metadata.count))
    for (key, value) in metadata {
      guard !key.isEmpty, key.utf8.count <= GGUFLimits.keyLength,
        key.utf8.allSatisfy({ $0 > 0 && $0 < 0x80 })
      else {
        throw fault("a key must be 1 to 65,535 ASCII characters", .key(key, byte: nil))
      }
      bytes.append(ggufString: key)
      bytes.append(littleEndian: value.type.rawValue)
      bytes.append(ggufValue: value)
    }
    var names: Set<String> = []
    var offset = 0
    for tensor in tensors {
      let place = ErrorPlace.tensor(tensor.name, byte: nil)
      guard names.insert(tensor.name).inserted else {
        throw .output(.duplicateName, file: path, place: place)
      }
      let length = tensor.name.utf8.count
      guard length > 0, length <= GGUFLimits.tensorNameLength, !tensor.name.utf8.contains(0) else {
        throw fault("a tensor's name must be 1 to 63 bytes without NUL", place)
      }
      guard let number = tensor.type.facts.ggml else {
        throw .output(
          .typeNotStorable(type: tensor.type, container: "GGUF"), file: path, place: place)
      }
      guard tensor.shape.count <= GGUFLimits.dimensions, let count = tensor.checkedByteCount,
        let padded = roundedUp(count, to: alignment)
      else {
        throw .output(
          .shapeNotStorable(shape: tensor.shape, type: tensor.type), file: path, place: place)
      }
      bytes.append(ggufString: tensor.name)
      bytes.append(littleEndian: UInt32(tensor.shape.count))
      for dimension in tensor.shape.reversed() { bytes.append(littleEndian: UInt64(dimension)) }
      bytes.append(littleEndian: number)
      bytes.append(littleEndian: UInt64(offset))
      let (sum, overflow) = offset.addingReportingOverflow(padded)
      guard !overflow else { throw fault("the size of all tensors overflows", place) }
      offset = sum
    }
    header = bytes
    let (total, overflow) = offset.addingReportingOverflow(
      roundedUp(bytes.count, to: alignment) ?? Int.max)
    guard !overflow else { throw fault("the size of the file overflows", .whole) }
    byteCount = total
    self.tensors = tensors
  }

  private static func alignment(
    in metadata: OrderedDictionary<String, MetadataValue>, path: String
  ) throws(FileError) -> Int {
    guard let value = metadata[GGUFKey.alignment] else { return GGUFLimits.defaultAlignment }
    guard case .uint32(let alignment) = value, GGUFLimits.isAlignment(alignment) else {
      throw .output(
        .notStorable(
          problem: "alignment must be a uint32, a power of two from "
            + "\(GGUFLimits.smallestAlignment) to \(GGUFLimits.largestAlignment)"),
        file: path, place: .key(GGUFKey.alignment, byte: nil))
    }
    return Int(alignment)
  }
}

extension [UInt8] {
  mutating func append(ggufString text: String) {
    append(littleEndian: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }

  /// A value without its type.
  mutating func append(ggufValue value: MetadataValue) {
    switch value {
    case .uint8(let number): append(littleEndian: number)
    case .int8(let number): append(littleEndian: number)
    case .uint16(let number): append(littleEndian: number)
    case .int16(let number): append(littleEndian: number)
    case .uint32(let number): append(littleEndian: number)
    case .int32(let number): append(littleEndian: number)
    case .uint64(let number): append(littleEndian: number)
    case .int64(let number): append(littleEndian: number)
    case .float32(let number): append(littleEndian: number.bitPattern)
    case .float64(let number): append(littleEndian: number.bitPattern)
    case .bool(let flag): append(flag ? 1 : 0)
    case .string(let text): append(ggufString: text)
    case .array(let array):
      append(littleEndian: array.elementType.rawValue)
      append(littleEndian: UInt64(array.count))
      array.withBytes { append(contentsOf: $0) }
    }
  }
}
