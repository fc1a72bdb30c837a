import Base
import OrderedCollections
import Tensors

extension SafetensorsHeader {
  /// One tensor of the header, its numbers checked on their own.
  static func entry(
    _ member: JSONMember, file: MappedFile, dataStart: Int
  ) throws(FileError) -> TensorEntry {
    let name = member.key
    func fault(_ fault: SafetensorsFault) -> FileError {
      .safetensors(fault, file: file.path, place: .tensor(name, byte: nil))
    }
    guard !name.isEmpty else { throw fault(.emptyTensorName) }
    guard let fields = member.value.members else {
      throw fault(.malformedEntry(problem: "expected an object"))
    }
    for field in fields where !["dtype", "shape", "data_offsets"].contains(field.key) {
      throw fault(.malformedEntry(problem: "unknown field \(quoted(field.key))"))
    }
    guard let typeName = member.value["dtype"]?.string else {
      throw fault(.malformedEntry(problem: "expected a string 'dtype'"))
    }
    guard let type = ElementType.safetensorsTypes[typeName] else {
      throw fault(
        ElementType.unsupportedSafetensorsTypes.contains(typeName)
          ? .unsupportedType(found: typeName) : .unknownType(found: typeName))
    }
    guard let dimensions = member.value["shape"]?.array else {
      throw fault(.malformedEntry(problem: "expected a list 'shape'"))
    }
    var shape: [Int] = []
    for dimension in dimensions {
      guard let value = dimension.int, value >= 0 else {
        throw fault(.invalidDimension(found: dimension.serialized(pretty: false)))
      }
      shape.append(value)
    }
    guard let elements = elementCount(of: shape), let expected = type.byteCount(elements: elements)
    else { throw fault(.shapeOverflow(shape: shape)) }
    guard let offsets = member.value["data_offsets"] else {
      throw fault(.malformedEntry(problem: "expected a list 'data_offsets'"))
    }
    guard let pair = offsets.array, pair.count == 2, let begin = pair[0].int, let end = pair[1].int,
      begin >= 0, begin <= end
    else { throw fault(.invalidOffsets(found: offsets.serialized(pretty: false))) }
    guard end - begin == expected else {
      throw fault(.sizeMismatch(expected: expected, found: end - begin))
    }
    // The whole is checked against the file by `checkCoverage`; the sum itself must not overflow.
    guard end <= Int.max - dataStart else {
      throw fault(.missingBytes(count: end - (file.size - dataStart)))
    }
    return TensorEntry(
      name: name, type: type, shape: shape, file: file, offset: dataStart + begin,
      byteCount: expected)
  }

  /// The tensors cover the data section: no hole, no byte twice, none left over, none missing.
  static func checkCoverage(
    _ tensors: OrderedDictionary<String, TensorEntry>.Values, file: MappedFile, dataStart: Int
  ) throws(FileError) {
    let order = tensors.indices.sorted {
      (tensors[$0].offset, tensors[$0].range.upperBound, $0)
        < (tensors[$1].offset, tensors[$1].range.upperBound, $1)
    }
    var covered = dataStart
    var last: String?
    for index in order {
      let tensor = tensors[index]
      let place = ErrorPlace.tensor(tensor.name, byte: nil)
      if tensor.offset < covered {
        throw .safetensors(.overlap(other: last ?? ""), file: file.path, place: place)
      }
      if tensor.offset > covered {
        throw .safetensors(
          .hole(from: covered - dataStart, to: tensor.offset - dataStart), file: file.path,
          place: place)
      }
      covered = tensor.range.upperBound
      last = tensor.name
    }
    if covered > file.size {
      throw .safetensors(
        .missingBytes(count: covered - file.size), file: file.path,
        place: .tensor(last ?? "", byte: file.size))
    }
    if covered < file.size {
      throw .safetensors(
        .trailingBytes(count: file.size - covered), file: file.path, place: .byte(covered))
    }
  }
}
