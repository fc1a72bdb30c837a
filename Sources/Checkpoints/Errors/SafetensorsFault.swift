import Base

/// What is wrong with a safetensors file.
public enum SafetensorsFault: Fault {
  /// The file has fewer than the 8 bytes of the header's length.
  case tooShort(found: Int)
  /// The header is longer than the file.
  case headerPastEnd(length: Int, remaining: Int)
  /// The header is longer than 100,000,000 bytes.
  case headerTooLong(found: UInt64, limit: Int)
  /// The header is not UTF-8 text.
  case headerNotUTF8
  /// The header is JSON, but not an object.
  case headerNotObject
  /// `__metadata__` is longer than this program is ready to hold in memory.
  case metadataTooLong(found: Int, limit: Int)
  /// A tensor's entry is longer than that.
  case entryTooLong(found: Int, limit: Int)
  /// A tensor's name is empty.
  case emptyTensorName
  /// The header has a tensor twice.
  case duplicateTensor
  /// A tensor's entry is not an object of dtype, shape and data_offsets.
  case malformedEntry(problem: String)
  /// A dtype that the format does not have.
  case unknownType(found: String)
  /// A dtype that the format has, but this program does not read.
  case unsupportedType(found: String)
  /// A dimension is not an integer from 0.
  case invalidDimension(found: String)
  /// The size of the shape overflows, or would without a dimension of zero.
  case shapeOverflow(shape: [Int])
  /// data_offsets is not two integers from 0 in ascending order.
  case invalidOffsets(found: String)
  /// data_offsets hold another number of bytes than shape and dtype need.
  case sizeMismatch(expected: Int, found: Int)
  /// No tensor covers some bytes before this tensor.
  case hole(from: Int, to: Int)
  /// Two tensors share bytes.
  case overlap(other: String)
  /// Bytes follow the last tensor.
  case trailingBytes(count: Int)
  /// The last tensors' bytes end after the file does.
  case missingBytes(count: Int)
  /// `__metadata__` is not an object of strings.
  case metadataNotStrings

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .tooShort(let found):
      "is not a safetensors file: expected at least 8 bytes, found \(found)"
    case .headerPastEnd(let length, let remaining):
      "header of \(length) bytes runs past the end: \(remaining) remain"
    case .headerTooLong(let found, let limit):
      "header of \(found) bytes: at most \(limit) are allowed"
    case .metadataTooLong(let found, let limit):
      "__metadata__ of \(found) bytes: at most \(limit) are read"
    case .entryTooLong(let found, let limit):
      "tensor entry of \(found) bytes: at most \(limit) are read"
    case .headerNotUTF8: "header is not valid UTF-8"
    case .headerNotObject: "header is not a JSON object"
    case .emptyTensorName: "a tensor has an empty name"
    case .duplicateTensor: "two tensors have the same name"
    case .malformedEntry(let problem): "malformed tensor entry: \(problem)"
    case .unknownType(let found): "unknown dtype \(quoted(found))"
    case .unsupportedType(let found): "dtype \(found) is not supported"
    case .invalidDimension(let found): "dimension \(found): expected an integer from 0"
    case .shapeOverflow(let shape):
      "shape [\(shape.map(String.init).joined(separator: ", "))]: the size overflows, or would without a zero"
    case .invalidOffsets(let found):
      "data_offsets \(found): expected two integers from 0, in ascending order"
    case .sizeMismatch(let expected, let found):
      "data_offsets hold \(found) bytes: shape and dtype need \(expected)"
    case .hole(let from, let to): "no tensor covers the data bytes \(from)..<\(to)"
    case .overlap(let other): "shares bytes with tensor \(quoted(other))"
    case .trailingBytes(let count): "\(count) bytes follow the last tensor"
    case .missingBytes(let count): "the file ends \(count) bytes before its last tensor does"
    case .metadataNotStrings: "__metadata__ is not an object of strings"
    }
  }

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .tooShort, .headerPastEnd, .missingBytes: InputFault.cutShortHint
    default: nil
    }
  }
}

extension FileError {
  /// A safetensors file is malformed or holds what this program does not read.
  package static func safetensors(_ fault: SafetensorsFault, file: String, place: ErrorPlace)
    -> FileError
  {
    FileError(fault, file: file, place: place)
  }
}
