import Base
import OrderedCollections

/// What one safetensors file says before its data: the directory of tensors and free metadata.
///
/// A file is 8 bytes with the header's length, the header (a JSON object, padded with spaces), and
/// the data, which the tensors cover byte for byte.
struct SafetensorsHeader {
  static let metadataKey = "__metadata__"
  static let lengthLimit = 100_000_000

  let file: MappedFile
  let metadata: OrderedDictionary<String, String>
  /// Tensors in the order of the header.
  let tensors: [TensorEntry]

  /// Reads and checks a file's header; no byte of tensor data is touched.
  init(reading file: MappedFile) throws(FileError) {
    self.file = file
    let start = try file.withSpan { (bytes) throws(FileError) in
      try Self.dataStart(bytes, file: file.path)
    }
    let header = try Self.parse(file, 8..<start)
    guard let members = header.members else {
      throw .safetensors(.headerNotObject, file: file.path, place: .byte(8))
    }
    var metadata: OrderedDictionary<String, String> = [:]
    var tensors: [TensorEntry] = []
    tensors.reserveCapacity(members.count)
    var names: Set<String> = []
    for member in members {
      if member.key == Self.metadataKey {
        metadata = try Self.metadata(member.value, file: file.path)
      } else {
        // Names that differ in Unicode normalization alone are one name for a dictionary.
        guard names.insert(member.key).inserted else {
          throw .safetensors(
            .duplicateTensor, file: file.path, place: .tensor(member.key, byte: nil))
        }
        tensors.append(try Self.entry(member, file: file, dataStart: start))
      }
    }
    try Self.checkCoverage(tensors, file: file, dataStart: start)
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

  private static func parse(
    _ file: MappedFile, _ range: Range<Int>
  ) throws(FileError) -> JSONValue {
    do {
      return try file.withBytes(range) { (bytes) throws(FileError) in
        try JSONValue.parse(
          bytes, file: file.path, at: range.lowerBound, wideIntegers: .refused)
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
