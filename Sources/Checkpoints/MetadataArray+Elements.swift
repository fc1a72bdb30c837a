extension MetadataArray {
  /// Calls `body` with the index and bytes of every string, in order; false for other types.
  @discardableResult
  public func forEachString(_ body: (Int, UnsafeRawBufferPointer) -> Void) -> Bool {
    guard elementType == .string else { return false }
    return withBytes { bytes in
      let span = bytes.bytes
      var reader = ByteReader(span)
      for index in 0..<count {
        guard let length = reader.integer(UInt64.self, in: span),
          let range = reader.skip(length)
        else { return false }
        body(index, UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
      return true
    }
  }

  /// The strings; nil for other types and if one of them is not UTF-8.
  public func strings() -> [String]? {
    var result: [String] = []
    result.reserveCapacity(count)
    let complete = forEachString { _, bytes in
      if let text = String(validating: bytes, as: UTF8.self) { result.append(text) }
    }
    return complete && result.count == count ? result : nil
  }

  /// The elements of an array of float32; nil for other types.
  public func floats() -> [Float]? {
    elementType == .float32 ? integers(UInt32.self) { Float(bitPattern: $0) } : nil
  }

  /// The elements of an array of bools; nil for other types.
  public func bools() -> [Bool]? {
    elementType == .bool ? integers(UInt8.self) { $0 != 0 } : nil
  }

  /// The elements of an array of any integer type; nil for other types and if one is 2^63 or more.
  public func ints() -> [Int]? {
    switch elementType {
    case .uint8: integers(UInt8.self) { Int($0) }
    case .int8: integers(Int8.self) { Int($0) }
    case .uint16: integers(UInt16.self) { Int($0) }
    case .int16: integers(Int16.self) { Int($0) }
    case .uint32: integers(UInt32.self) { Int($0) }
    case .int32: integers(Int32.self) { Int($0) }
    case .uint64: integers(UInt64.self) { Int(exactly: $0) }
    case .int64: integers(Int64.self) { Int($0) }
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// The elements of an array of any number type; nil for other types.
  public func doubles() -> [Double]? {
    switch elementType {
    case .float32: integers(UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float64: integers(UInt64.self) { Double(bitPattern: $0) }
    case .uint64: integers(UInt64.self) { Double($0) }
    default: ints()?.map(Double.init)
    }
  }

  /// The elements of an array of arrays; nil for other types.
  public func arrays() -> [MetadataArray]? {
    guard elementType == .array else { return nil }
    return withBytes { bytes in
      let span = bytes.bytes
      var reader = ByteReader(span)
      var result: [MetadataArray] = []
      for _ in 0..<count {
        guard let number = reader.integer(UInt32.self, in: span),
          let type = MetadataType(rawValue: number),
          let length = reader.integer(UInt64.self, in: span),
          let inner = Int(exactly: length),
          let range = MetadataArray.elements(type, count: inner, from: &reader, in: span)
        else { return nil }
        result.append(MetadataArray(elementType: type, count: inner, bytes: span.array(range)))
      }
      return result
    }
  }

  /// Passes over the elements of an array that was checked before.
  private static func elements(
    _ type: MetadataType, count: Int, from reader: inout ByteReader, in bytes: RawSpan
  ) -> Range<Int>? {
    let start = reader.offset
    if let width = type.width {
      return reader.skip(UInt64(count) * UInt64(width))
    }
    for _ in 0..<count {
      if type == .string {
        guard let length = reader.integer(UInt64.self, in: bytes), reader.skip(length) != nil
        else { return nil }
      } else {
        guard let number = reader.integer(UInt32.self, in: bytes),
          let inner = MetadataType(rawValue: number),
          let length = reader.integer(UInt64.self, in: bytes),
          let innerCount = Int(exactly: length),
          elements(inner, count: innerCount, from: &reader, in: bytes) != nil
        else { return nil }
      }
    }
    return start..<reader.offset
  }

  /// Decodes elements of one width; nil if `convert` gives nil for one of them.
  private func integers<T: FixedWidthInteger & BitwiseCopyable, Element>(
    _ type: T.Type, _ convert: (T) -> Element?
  ) -> [Element]? {
    withBytes { bytes in
      let span = bytes.bytes
      var reader = ByteReader(span)
      var result: [Element] = []
      result.reserveCapacity(count)
      for _ in 0..<count {
        guard let stored = reader.integer(type, in: span), let value = convert(stored)
        else { return nil }
        result.append(value)
      }
      return result
    }
  }
}
