import Base
import OrderedCollections

/// The header of a safetensors file to be written, padded to 8 bytes with spaces, and the size of the
/// whole: tensors follow in the order given, without gaps. The same arguments give the same bytes.
struct SafetensorsLayout: TensorFileLayout {
  /// Length and header.
  let header: [UInt8]
  let tensors: [OutputTensor]
  let byteCount: Int
  let alignment = 1

  /// - Parameters:
  ///   - metadata: `__metadata__`; readers of the ecosystem look for `"format": "pt"`.
  ///   - tensors: in the order of the file.
  ///   - path: the file, which errors name.
  /// - Throws: `FileError.output`.
  init(
    metadata: OrderedDictionary<String, String>, tensors: [OutputTensor], path: String
  ) throws(FileError) {
    var entries: OrderedDictionary<String, JSONValue> = [:]
    if !metadata.isEmpty {
      entries[SafetensorsHeader.metadataKey] = .object(metadata.mapValues { .string($0) })
    }
    var offset = 0
    for tensor in tensors {
      let place = ErrorPlace.tensor(tensor.name, byte: nil)
      guard let type = tensor.type.facts.safetensors else {
        throw .output(
          .typeNotStorable(type: tensor.type, container: "safetensors"), file: path, place: place)
      }
      guard !tensor.name.isEmpty, tensor.name != SafetensorsHeader.metadataKey else {
        throw .output(
          .notStorable(problem: "a tensor cannot have this name"), file: path, place: place)
      }
      guard let count = tensor.checkedByteCount else {
        throw .output(
          .shapeNotStorable(shape: tensor.shape, type: tensor.type), file: path, place: place)
      }
      let (end, overflow) = offset.addingReportingOverflow(count)
      guard !overflow else {
        throw .output(
          .notStorable(problem: "the size of all tensors overflows"), file: path, place: place)
      }
      let entry: JSONValue = [
        "dtype": .string(type), "shape": .array(tensor.shape.map(JSONValue.init)),
        "data_offsets": [JSONValue(offset), JSONValue(end)],
      ]
      guard entries.updateValue(entry, forKey: tensor.name) == nil else {
        throw .output(.duplicateName, file: path, place: place)
      }
      offset = end
    }
    var text = Array(JSONValue.object(entries).serialized(pretty: false).utf8)
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    guard text.count <= SafetensorsHeader.lengthLimit else {
      throw .output(
        .notStorable(problem: "the header would have \(text.count) bytes"), file: path,
        place: .whole)
    }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt64(text.count))
    bytes.append(contentsOf: text)
    header = bytes
    let (total, overflow) = offset.addingReportingOverflow(bytes.count)
    guard !overflow else {
      throw .output(
        .notStorable(problem: "the size of the file overflows"), file: path, place: .whole)
    }
    byteCount = total
    self.tensors = tensors
  }
}
