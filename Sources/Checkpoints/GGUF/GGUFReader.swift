import Base
import OrderedCollections

/// Reads the header of one GGUF file, version 2 or 3, little-endian (`ggml/docs/gguf.md`).
///
/// The bytes are passed to each call: a span cannot be stored. Its length never changes.
struct GGUFReader {
  let file: MappedFile
  var reader: ByteReader

  init(file: MappedFile, bytes: RawSpan) {
    self.file = file
    reader = ByteReader(bytes)
  }

  mutating func header(_ bytes: RawSpan, isModel: Bool) throws(FileError) -> GGUFHeader {
    try checkMagic(bytes)
    let version = try readVersion(bytes)
    let tensorCount = try integer(UInt64.self, bytes)
    let keyCount = try integer(UInt64.self, bytes)
    try checkCounts(tensors: tensorCount, keys: keyCount)
    let metadata = try readMetadata(count: Int(keyCount), bytes)
    let alignment = try alignment(in: metadata)
    if isModel { try checkArchitecture(in: metadata) }
    let records = try readTensors(count: Int(tensorCount), alignment: alignment, bytes)
    let entries = try locate(records, alignment: alignment)
    return GGUFHeader(file: file, version: version, metadata: metadata, tensors: entries)
  }

  // MARK: - Fixed part

  private mutating func checkMagic(_ bytes: RawSpan) throws(FileError) {
    guard bytes.byteCount > 0 else { throw .input(.empty, file: file.path) }
    let start = bytes.array(0..<4)
    guard bytes.byteCount >= 4 else {
      if GGUFLimits.magic.starts(with: start) {
        throw fault(.magicCutShort(found: bytes.byteCount), at: 0)
      }
      throw fault(.wrongMagic(found: Self.show(start)), at: 0)
    }
    guard start != GGUFLimits.magic else {
      _ = reader.skip(4)
      return
    }
    if bytes.isGitLFSPointer { throw .input(.gitLFSPointer, file: file.path) }
    // The formats before GGUF had their magic as a 32-bit number, so its letters are reversed.
    let name = String(decoding: start.reversed(), as: UTF8.self).uppercased()
    if ["GGML", "GGMF", "GGJT", "GGLA", "GGSN"].contains(name) {
      throw fault(.olderFormat(name: name), at: 0)
    }
    throw fault(.wrongMagic(found: Self.show(start)), at: 0)
  }

  private static func show(_ bytes: [UInt8]) -> String {
    if bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) {
      return "'\(String(decoding: bytes, as: UTF8.self))'"
    }
    return "bytes "
      + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }

  private mutating func readVersion(_ bytes: RawSpan) throws(FileError) -> Int {
    let start = reader.offset
    let version = try integer(UInt32.self, bytes)
    if GGUFLimits.versions.contains(version) { return Int(version) }
    if version != 0, version & 0xFFFF == 0 { throw fault(.bigEndian, at: start) }
    throw fault(.unsupportedVersion(found: version), at: start)
  }

  private func checkCounts(tensors: UInt64, keys: UInt64) throws(FileError) {
    let mostTensors = reader.remaining / GGUFLimits.smallestTensorRecord
    guard tensors <= UInt64(mostTensors) else {
      throw fault(.tensorCountTooLarge(found: tensors, most: mostTensors), at: reader.offset - 16)
    }
    let mostKeys = reader.remaining / GGUFLimits.smallestKeyRecord
    guard keys <= UInt64(mostKeys) else {
      throw fault(.keyCountTooLarge(found: keys, most: mostKeys), at: reader.offset - 8)
    }
  }

  private func alignment(
    in metadata: OrderedDictionary<String, MetadataValue>
  ) throws(FileError) -> Int {
    let key = GGUFKey.alignment
    guard let value = metadata[key] else { return GGUFLimits.defaultAlignment }
    guard case .uint32(let alignment) = value else {
      throw fault(.alignmentType(found: value.type), .key(key, byte: nil))
    }
    guard GGUFLimits.isAlignment(alignment) else {
      throw fault(
        .alignmentValue(found: alignment, limit: GGUFLimits.largestAlignment),
        .key(key, byte: nil))
    }
    return Int(alignment)
  }

  /// Later shards of a set carry no metadata of the model.
  private func checkArchitecture(
    in metadata: OrderedDictionary<String, MetadataValue>
  ) throws(FileError) {
    let key = GGUFKey.architecture
    guard let value = metadata[key] else {
      if let number = metadata[Shards.numberKey]?.int, number > 0 { return }
      throw fault(.architectureMissing, .key(key, byte: nil))
    }
    guard value.string != nil else {
      throw fault(.architectureType(found: value.type), .key(key, byte: nil))
    }
  }

  // MARK: - Reading with errors

  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ bytes: RawSpan, of place: ErrorPlace? = nil
  ) throws(FileError) -> T {
    guard let value = reader.integer(type, in: bytes) else {
      throw fault(
        .endOfFile(needed: UInt64(MemoryLayout<T>.size), remaining: reader.remaining),
        place ?? .byte(reader.offset))
    }
    return value
  }

  func fault(_ fault: GGUFFault, at offset: Int) -> FileError {
    .gguf(fault, file: file.path, place: .byte(offset))
  }

  func fault(_ fault: GGUFFault, _ place: ErrorPlace) -> FileError {
    .gguf(fault, file: file.path, place: place)
  }
}

extension RawSpan {
  /// The text Git LFS leaves in place of a large file starts with its version line.
  var isGitLFSPointer: Bool {
    let start = Array("version https://git-lfs.github.com/spec/".utf8)
    return byteCount >= start.count && array(0..<start.count) == start
  }
}
