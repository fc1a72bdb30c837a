import Base

extension GGUFFault {
  /// One line: what was found, and what was expected.
  public var summary: String {
    headerSummary ?? metadataSummary ?? tensorSummary ?? shardSummary ?? "malformed GGUF file"
  }

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .olderFormat: "convert it again with a converter that writes GGUF"
    case .bigEndian: "convert it again for little-endian machines"
    case .removedTensorType, .unsupportedTensorType:
      "quantize the model to a type this program reads, such as q8_0 or q4_k"
    case .notFirstShard: "give the first shard"
    case .magicCutShort, .endOfFile, .tensorCountTooLarge, .keyCountTooLarge, .keyPastEnd,
      .arrayPastEnd, .stringPastEnd, .tensorPastEnd:
      InputFault.cutShortHint
    default: nil
    }
  }

  private var headerSummary: String? {
    switch self {
    case .magicCutShort(let found):
      "the file ends inside the magic: expected 4 bytes 'GGUF', found \(found)"
    case .wrongMagic(let found): "is not a GGUF file: expected 'GGUF', found \(found)"
    case .olderFormat(let name): "is a \(name) file, a format that GGUF replaced"
    case .unsupportedVersion(let found): "GGUF version \(found): expected 2 or 3"
    case .bigEndian: "is a big-endian GGUF file: expected little-endian"
    case .endOfFile(let needed, let remaining):
      "the file ends inside the header: expected \(needed) more bytes, found \(remaining)"
    case .tensorCountTooLarge(let found, let most):
      "\(found) tensors declared: the file has room for at most \(most)"
    case .keyCountTooLarge(let found, let most):
      "\(found) metadata keys declared: the file has room for at most \(most)"
    default: nil
    }
  }

  private var metadataSummary: String? {
    switch self {
    case .emptyKey: "empty metadata key"
    case .keyTooLong(let found, let limit):
      "metadata key of \(found) bytes: at most \(limit) are allowed"
    case .keyPastEnd(let length, let remaining):
      "metadata key of \(length) bytes runs past the end: \(remaining) remain"
    case .keyNotASCII(let byte):
      "metadata key holds byte 0x\(String(byte, radix: 16)): expected ASCII without NUL"
    case .duplicateKey: "metadata key stands twice"
    case .unknownValueType(let found): "metadata value of type \(found): expected 0 to 12"
    case .unknownElementType(let found): "array elements of type \(found): expected 0 to 12"
    case .arraysTooDeep(let limit): "metadata arrays nested more than \(limit) deep"
    case .arrayTooLong(let found): "array of \(found) elements: expected fewer than 2^63"
    case .arraySizeOverflow(let count, let width):
      "array of \(count) elements of \(width) bytes: the size overflows"
    case .arrayPastEnd(let count, let smallest, let remaining):
      "array of \(count) elements of at least \(smallest) bytes runs past the end: "
        + "\(remaining) remain"
    case .stringPastEnd(let length, let remaining):
      "string of \(length) bytes runs past the end: \(remaining) remain"
    case .invalidUTF8: "string is not valid UTF-8"
    case .invalidBool(let found): "bool has the value \(found): expected 0 or 1"
    case .alignmentType(let found): "alignment has type \(found): expected uint32"
    case .alignmentValue(let found, let limit):
      "alignment \(found): expected a power of two from 8 to \(limit)"
    case .architectureMissing: "the metadata names no architecture"
    case .architectureType(let found): "architecture has type \(found): expected string"
    default: nil
    }
  }

  private var tensorSummary: String? {
    switch self {
    case .emptyTensorName: "a tensor has an empty name"
    case .tensorNameTooLong(let found, let limit):
      "tensor name of \(found) bytes: at most \(limit) are allowed"
    case .tensorNameNotText: "tensor name is not UTF-8 text without NUL"
    case .duplicateTensor: "two tensors have the same name"
    case .tooManyDimensions(let found, let limit):
      "tensor with \(found) dimensions: at most \(limit) are allowed"
    case .dimensionTooLarge(let found): "dimension \(found): expected less than 2^63"
    case .elementCountOverflow(let dimensions):
      "dimensions \(dimensions.map(String.init).joined(separator: " x ")): the product overflows, or"
        + " would without a zero"
    case .unknownTensorType(let found): "unknown tensor type \(Int32(bitPattern: found))"
    case .removedTensorType(let name): "tensor type \(name) was removed from GGUF"
    case .unsupportedTensorType(let name): "tensor type \(name) is not supported"
    case .rowNotWholeBlocks(let row, let block):
      "row of \(row) elements: expected a multiple of the block of \(block)"
    case .byteSizeOverflow(let elements): "size in bytes of \(elements) elements overflows"
    case .paddingOverflow(let bytes, let alignment):
      "size \(bytes) padded to \(alignment) overflows"
    case .totalSizeOverflow: "the sizes of all tensors together overflow"
    case .misalignedOffset(let found, let alignment):
      "tensor offset \(found): expected a multiple of \(alignment)"
    case .overlap(let other): "shares bytes with tensor \(quoted(other))"
    case .tensorPastEnd(let offset, let bytes, let available):
      "tensor of \(bytes) bytes at offset \(offset) runs past the end: "
        + "the file has \(available) bytes of data"
    default: nil
    }
  }

  private var shardSummary: String? {
    switch self {
    case .shardNumber(let found, let count):
      "shard number \(found): expected less than the count of \(count)"
    case .splitKeyType: "expected an unsigned integer"
    case .notFirstShard(let number, let count):
      "is shard \(number + 1) of \(count): a sharded model is opened by its first shard"
    case .shardName(let count):
      "is the first of \(count) shards: expected a name ending in "
        + Shards.suffix(number: 0, count: count)
    case .shardMissing(let number, let count): "shard \(number + 1) of \(count) is missing"
    case .shardMismatch(let expected, let found, let key):
      "shard has \(key) \(found): expected \(expected)"
    case .shardTensorCount(let expected, let found):
      "the shards hold \(found) tensors: split.tensors.count says \(expected)"
    default: nil
    }
  }
}
