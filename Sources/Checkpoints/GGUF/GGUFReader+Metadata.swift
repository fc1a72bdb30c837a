import Base
import OrderedCollections

extension GGUFReader {
  mutating func readMetadata(
    count: Int, _ bytes: RawSpan
  ) throws(FileError) -> OrderedDictionary<String, MetadataValue> {
    var metadata = OrderedDictionary<String, MetadataValue>()
    metadata.reserveCapacity(min(count, 1024))
    for _ in 0..<count {
      let start = reader.offset
      let key = try readKey(bytes)
      let typeOffset = reader.offset
      let number = try integer(UInt32.self, bytes, of: .key(key, byte: typeOffset))
      guard let type = MetadataType(rawValue: number) else {
        throw fault(.unknownValueType(found: number), .key(key, byte: typeOffset))
      }
      let value = try readValue(type, key: key, bytes)
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw fault(.duplicateKey, .key(key, byte: start))
      }
    }
    return metadata
  }

  private mutating func readKey(_ bytes: RawSpan) throws(FileError) -> String {
    let start = reader.offset
    let length = try integer(UInt64.self, bytes)
    guard length > 0 else { throw fault(.emptyKey, at: start) }
    guard length <= UInt64(GGUFLimits.keyLength) else {
      throw fault(.keyTooLong(found: length, limit: GGUFLimits.keyLength), at: start)
    }
    guard let range = reader.skip(length) else {
      throw fault(.keyPastEnd(length: Int(length), remaining: reader.remaining), at: start)
    }
    for offset in range {
      if let byte = bytes.byte(offset), byte == 0 || byte >= 0x80 {
        throw fault(.keyNotASCII(byte: byte), at: offset)
      }
    }
    return bytes.text(range) ?? ""
  }

  private mutating func readValue(
    _ type: MetadataType, key: String, _ bytes: RawSpan
  ) throws(FileError) -> MetadataValue {
    let place = ErrorPlace.key(key, byte: reader.offset)
    switch type {
    case .uint8: return .uint8(try integer(UInt8.self, bytes, of: place))
    case .int8: return .int8(try integer(Int8.self, bytes, of: place))
    case .uint16: return .uint16(try integer(UInt16.self, bytes, of: place))
    case .int16: return .int16(try integer(Int16.self, bytes, of: place))
    case .uint32: return .uint32(try integer(UInt32.self, bytes, of: place))
    case .int32: return .int32(try integer(Int32.self, bytes, of: place))
    case .uint64: return .uint64(try integer(UInt64.self, bytes, of: place))
    case .int64: return .int64(try integer(Int64.self, bytes, of: place))
    case .float32:
      return .float32(Float(bitPattern: try integer(UInt32.self, bytes, of: place)))
    case .float64:
      return .float64(Double(bitPattern: try integer(UInt64.self, bytes, of: place)))
    case .bool:
      let byte = try integer(UInt8.self, bytes, of: place)
      guard byte <= 1 else { throw fault(.invalidBool(found: byte), place) }
      return .bool(byte == 1)
    case .string:
      guard let text = bytes.text(try skipString(key: key, bytes)) else {
        throw fault(.invalidUTF8, place)
      }
      return .string(text)
    case .array: return .array(try readArray(key: key, bytes))
    }
  }

  private mutating func readArray(
    key: String, _ bytes: RawSpan
  ) throws(FileError) -> MetadataArray {
    let (type, count) = try readArrayHead(key: key, bytes)
    let start = reader.offset
    try skipElements(type, count: count, depth: 1, key: key, bytes)
    return MetadataArray(
      elementType: type, count: count, file: file, range: start..<reader.offset)
  }

  /// An array's type and length, the length checked against the rest of the file.
  private mutating func readArrayHead(
    key: String, _ bytes: RawSpan
  ) throws(FileError) -> (MetadataType, Int) {
    let place = ErrorPlace.key(key, byte: reader.offset)
    let number = try integer(UInt32.self, bytes, of: place)
    guard let type = MetadataType(rawValue: number) else {
      throw fault(.unknownElementType(found: number), place)
    }
    let length = try integer(UInt64.self, bytes, of: place)
    guard let count = Int(exactly: length) else {
      throw fault(.arrayTooLong(found: length), place)
    }
    let smallest = type.smallestSize
    let (size, overflow) = count.multipliedReportingOverflow(by: smallest)
    guard !overflow else {
      throw fault(.arraySizeOverflow(count: count, width: smallest), place)
    }
    guard size <= reader.remaining else {
      throw fault(
        .arrayPastEnd(count: count, smallest: smallest, remaining: reader.remaining), place)
    }
    return (type, count)
  }

  /// Passes over an array's elements, checking what could not be decoded later.
  private mutating func skipElements(
    _ type: MetadataType, count: Int, depth: Int, key: String, _ bytes: RawSpan
  ) throws(FileError) {
    switch type {
    case .string:
      for _ in 0..<count { _ = try skipString(key: key, bytes) }
    case .array:
      guard depth < GGUFLimits.arrayDepth else {
        throw fault(
          .arraysTooDeep(limit: GGUFLimits.arrayDepth), .key(key, byte: reader.offset))
      }
      for _ in 0..<count {
        let (inner, innerCount) = try readArrayHead(key: key, bytes)
        try skipElements(inner, count: innerCount, depth: depth + 1, key: key, bytes)
      }
    case .bool:
      for _ in 0..<count {
        let place = ErrorPlace.key(key, byte: reader.offset)
        let byte = try integer(UInt8.self, bytes, of: place)
        guard byte <= 1 else { throw fault(.invalidBool(found: byte), place) }
      }
    default:
      // The head was checked against the rest of the file, so this is inside it.
      _ = reader.skip(UInt64(count) * UInt64(type.width ?? 0))
    }
  }

  private mutating func skipString(
    key: String, _ bytes: RawSpan
  ) throws(FileError) -> Range<Int> {
    guard let length = reader.integer(UInt64.self, in: bytes) else {
      throw fault(
        .endOfFile(needed: 8, remaining: reader.remaining), .key(key, byte: reader.offset))
    }
    guard let range = reader.skip(length) else {
      throw fault(
        .stringPastEnd(length: length, remaining: reader.remaining),
        .key(key, byte: reader.offset - 8))
    }
    return range
  }
}
