import Base
import OrderedCollections

/// What one safetensors file says before its data: the directory of tensors and free metadata.
///
/// A file is 8 bytes with the header's length, the header (a JSON object, padded with spaces), and
/// the data, which the tensors cover byte for byte.
struct SafetensorsHeader {
  static let metadataKey = "__metadata__"
  static let lengthLimit = 100_000_000
  /// Bytes of the text of `__metadata__`: what is read of it takes many times as many.
  static let metadataLimit = 4 << 20
  /// Bytes of the text of a tensor's entry.
  static let entryLimit = 1 << 16
  /// The most memory that a member's value may take, in bytes.
  private static let memoryLimit = 256 << 20

  let file: MappedFile
  let metadata: OrderedDictionary<String, String>
  /// Tensors by name, in the order of the header.
  let tensors: OrderedDictionary<String, TensorEntry>

  /// Reads and checks a file's header; no byte of tensor data is touched.
  init(reading file: MappedFile) throws(FileError) {
    self.file = file
    let start = try file.withSpan { (bytes) throws(FileError) in
      try Self.dataStart(bytes, file: file.path)
    }
    var metadata: OrderedDictionary<String, String> = [:]
    var tensors: OrderedDictionary<String, TensorEntry> = [:]
    try Self.forEachMember(file, 8..<start) { (key, value, length) throws(FileError) in
      if key == Self.metadataKey {
        guard let value else {
          throw .safetensors(
            .metadataTooLong(found: length, limit: Self.metadataLimit), file: file.path,
            place: .key(key, byte: nil))
        }
        metadata = try Self.metadata(value, file: file.path)
        return
      }
      guard let value else {
        throw .safetensors(
          .entryTooLong(found: length, limit: Self.entryLimit), file: file.path,
          place: .tensor(key, byte: nil))
      }
      let entry = try Self.entry(
        JSONMember(key: key, value: value), file: file, dataStart: start)
      // Names that differ in Unicode normalization alone are one name for a dictionary.
      guard tensors.updateValue(entry, forKey: key) == nil else {
        throw .safetensors(.duplicateTensor, file: file.path, place: .tensor(key, byte: nil))
      }
    }
    try Self.checkCoverage(tensors.values, file: file, dataStart: start)
    self.metadata = metadata
    self.tensors = tensors
  }

  private static func dataStart(_ bytes: RawSpan, file: String) throws(FileError) -> Int {
    guard bytes.byteCount > 0 else { throw .input(.empty, file: file) }
    if bytes.isGitLFSPointer { throw .input(.gitLFSPointer, file: file) }
    var reader = ByteReader(bytes)
    guard let length = reader.integer(UInt64.self, in: bytes) else {
      throw .safetensors(.tooShort(found: bytes.byteCount), file: file, place: .byte(0))
    }
    guard length <= UInt64(lengthLimit) else {
      throw .safetensors(
        .headerTooLong(found: length, limit: lengthLimit), file: file, place: .byte(0))
    }
    guard let range = reader.skip(length) else {
      throw .safetensors(
        .headerPastEnd(length: Int(length), remaining: reader.remaining), file: file,
        place: .byte(0))
    }
    return range.upperBound
  }

  /// Calls `body` for each member of the header, never with more than one in memory.
  private static func forEachMember(
    _ file: MappedFile, _ range: Range<Int>,
    _ body: (_ key: String, _ value: JSONValue?, _ length: Int) throws(FileError) -> Void
  ) throws(FileError) {
    do throws(FileError) {
      let isObject = try file.withBytes(range) { (bytes) throws(FileError) in
        try JSONValue.forEachMember(
          of: bytes, file: file.path, at: range.lowerBound,
          limit: { $0 == metadataKey ? metadataLimit : entryLimit }, memory: memoryLimit, body)
      }
      guard isObject else {
        throw FileError.safetensors(.headerNotObject, file: file.path, place: .byte(8))
      }
    } catch {
      switch (error.fault as? JSONFault, error.part) {
      case (.invalidUTF8, let place):
        throw .safetensors(.headerNotUTF8, file: file.path, place: place)
      // Equal keys inside one tensor's entry are a fault of the JSON text.
      case (.duplicateKey, .key(let name, let byte))
      where !["dtype", "shape", "data_offsets"].contains(name):
        throw .safetensors(.duplicateTensor, file: file.path, place: .tensor(name, byte: byte))
      default: throw error
      }
    }
  }

  private static func metadata(
    _ value: JSONValue, file: String
  ) throws(FileError) -> OrderedDictionary<String, String> {
    var result: OrderedDictionary<String, String> = [:]
    guard let members = value.members else {
      throw .safetensors(.metadataNotStrings, file: file, place: .key(metadataKey, byte: nil))
    }
    for member in members {
      guard let text = member.value.string else {
        throw .safetensors(.metadataNotStrings, file: file, place: .key(member.key, byte: nil))
      }
      result[member.key] = text
    }
    return result
  }
}
