import Base

/// What is wrong with a GGUF file (`ggml/docs/gguf.md`).
public enum GGUFFault: Fault {
  /// The file ends inside the four bytes "GGUF".
  case magicCutShort(found: Int)
  /// The file starts with other bytes than "GGUF".
  case wrongMagic(found: String)
  /// The file is of a format that GGUF replaced (GGML, GGMF, GGJT).
  case olderFormat(name: String)
  /// The version is not 2 or 3.
  case unsupportedVersion(found: UInt32)
  /// The version's bytes are swapped: the file is big-endian.
  case bigEndian
  /// The file ends inside its header.
  case endOfFile(needed: UInt64, remaining: Int)
  /// More tensors are declared than the file has room for.
  case tensorCountTooLarge(found: UInt64, most: Int)
  /// More key-value pairs are declared than the file has room for.
  case keyCountTooLarge(found: UInt64, most: Int)

  /// A key has no characters.
  case emptyKey
  /// A key is longer than 65,535 bytes.
  case keyTooLong(found: UInt64, limit: Int)
  /// A key runs past the end of the file.
  case keyPastEnd(length: Int, remaining: Int)
  /// A key holds a byte that is not ASCII, or NUL.
  case keyNotASCII(byte: UInt8)
  /// A key stands twice in the file.
  case duplicateKey
  /// A value's type is not one of the thirteen.
  case unknownValueType(found: UInt32)
  /// The type of an array's elements is not one of the thirteen.
  case unknownElementType(found: UInt32)
  /// Arrays are nested deeper than the limit.
  case arraysTooDeep(limit: Int)
  /// An array's length is 2^63 or more.
  case arrayTooLong(found: UInt64)
  /// An array's length times its elements' size overflows.
  case arraySizeOverflow(count: Int, width: Int)
  /// An array's elements do not fit the rest of the file.
  case arrayPastEnd(count: Int, smallest: Int, remaining: Int)
  /// A string runs past the end of the file.
  case stringPastEnd(length: UInt64, remaining: Int)
  /// A string that is shown as text is not UTF-8.
  case invalidUTF8
  /// A bool is neither 0 nor 1.
  case invalidBool(found: UInt8)
  /// `general.alignment` is not an unsigned 32-bit integer.
  case alignmentType(found: MetadataType)
  /// `general.alignment` is not a power of two from 8 to the limit.
  case alignmentValue(found: UInt32, limit: Int)
  /// `general.architecture` is missing.
  case architectureMissing
  /// `general.architecture` is not a string.
  case architectureType(found: MetadataType)

  /// A tensor's name is empty.
  case emptyTensorName
  /// A tensor's name has 64 bytes or more.
  case tensorNameTooLong(found: UInt64, limit: Int)
  /// A tensor's name is not UTF-8 or holds NUL.
  case tensorNameNotText
  /// Two tensors have the same name.
  case duplicateTensor
  /// A tensor has more than four dimensions.
  case tooManyDimensions(found: UInt32, limit: Int)
  /// A dimension is 2^63 or more.
  case dimensionTooLarge(found: UInt64)
  /// The product of the dimensions overflows, or would without a zero among them.
  case elementCountOverflow(dimensions: [Int])
  /// The type's number is not one that GGUF ever had.
  case unknownTensorType(found: UInt32)
  /// The type was removed from GGUF.
  case removedTensorType(name: String)
  /// The type is known, but this program does not read it.
  case unsupportedTensorType(name: String)
  /// A row is not a whole number of blocks.
  case rowNotWholeBlocks(row: Int, block: Int)
  /// The size in bytes overflows.
  case byteSizeOverflow(elements: Int)
  /// The size rounded up to the alignment overflows.
  case paddingOverflow(bytes: Int, alignment: Int)
  /// The sizes of all tensors together overflow.
  case totalSizeOverflow
  /// A tensor's offset is not a multiple of the alignment.
  case misalignedOffset(found: UInt64, alignment: Int)
  /// Two tensors share bytes.
  case overlap(other: String)
  /// A tensor's bytes end after the file does.
  case tensorPastEnd(offset: UInt64, bytes: Int, available: Int)

  /// `split.no` is not below `split.count`.
  case shardNumber(found: Int, count: Int)
  /// A `split.*` key has a type or value that it cannot have.
  case splitKeyType
  /// The file is a later shard; a sharded model is opened by its first.
  case notFirstShard(number: Int, count: Int)
  /// The name of a first shard is not of the form NAME-00001-of-0000N.gguf.
  case shardName(count: Int)
  /// A shard's file is absent.
  case shardMissing(number: Int, count: Int)
  /// A shard says another number or count of shards than its place in the set.
  case shardMismatch(expected: Int, found: Int, key: String)
  /// The shards hold another number of tensors than `split.tensors.count`.
  case shardTensorCount(expected: Int, found: Int)
}

extension FileError {
  /// A GGUF file is malformed or holds what this program does not read.
  package static func gguf(_ fault: GGUFFault, file: String, place: ErrorPlace) -> FileError {
    FileError(fault, file: file, place: place)
  }
}
