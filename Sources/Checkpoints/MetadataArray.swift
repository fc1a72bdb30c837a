import Base

/// An array of a GGUF file's metadata, kept as the bytes it is stored as and decoded when asked.
///
/// A vocabulary has hundreds of thousands of strings: opening a file checks their extents and
/// leaves them where they are mapped.
public struct MetadataArray: Sendable, Equatable {
  private enum Storage: Sendable {
    case owned([UInt8])
    case mapped(MappedFile, Range<Int>)
  }

  /// The type of every element.
  public let elementType: MetadataType
  /// The number of elements.
  public let count: Int
  private let storage: Storage

  /// `range` holds exactly `count` elements; the reader has checked it.
  init(elementType: MetadataType, count: Int, file: MappedFile, range: Range<Int>) {
    self.elementType = elementType
    self.count = count
    storage = .mapped(file, range)
  }

  init(elementType: MetadataType, count: Int, bytes: [UInt8]) {
    self.elementType = elementType
    self.count = count
    storage = .owned(bytes)
  }

  /// Bytes of all elements as a GGUF file stores them, without the array's type and length.
  public var byteCount: Int {
    switch storage {
    case .owned(let bytes): bytes.count
    case .mapped(_, let range): range.count
    }
  }

  /// Calls `body` with the elements as a GGUF file stores them.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E)
    -> R
  {
    switch storage {
    case .owned(let bytes):
      return try bytes.span.bytes.withUnsafeBytes(body)
    case .mapped(let file, let range):
      return try file.withBytes(range, body)
    }
  }

  /// Whether both have the same type and length, and the same bytes as a GGUF file stores them.
  public static func == (left: MetadataArray, right: MetadataArray) -> Bool {
    left.elementType == right.elementType && left.count == right.count
      && left.withBytes { one in
        right.withBytes { other in one.count == other.count && one.elementsEqual(other) }
      }
  }
}

// MARK: - Making arrays

extension MetadataArray {
  /// Strings, stored as UTF-8.
  public static func strings(_ values: [String]) -> MetadataArray {
    strings(values.map { Array($0.utf8) })
  }

  /// Strings as bytes, which need not be UTF-8.
  public static func strings(_ values: [[UInt8]]) -> MetadataArray {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.reduce(0) { $0 + $1.count + 8 })
    for value in values {
      bytes.append(littleEndian: UInt64(value.count))
      bytes.append(contentsOf: value)
    }
    return MetadataArray(elementType: .string, count: values.count, bytes: bytes)
  }

  /// Numbers of type `float32`.
  public static func floats(_ values: [Float]) -> MetadataArray {
    integers(values.map(\.bitPattern), as: .float32)
  }
  /// Numbers of type `float64`.
  public static func doubles(_ values: [Double]) -> MetadataArray {
    integers(values.map(\.bitPattern), as: .float64)
  }
  /// Booleans, a byte each.
  public static func bools(_ values: [Bool]) -> MetadataArray {
    integers(values.map { $0 ? UInt8(1) : 0 }, as: .bool)
  }
  /// Integers of type `uint8`.
  public static func uint8(_ values: [UInt8]) -> MetadataArray { integers(values, as: .uint8) }
  /// Integers of type `int8`.
  public static func int8(_ values: [Int8]) -> MetadataArray { integers(values, as: .int8) }
  /// Integers of type `uint16`.
  public static func uint16(_ values: [UInt16]) -> MetadataArray { integers(values, as: .uint16) }
  /// Integers of type `int16`.
  public static func int16(_ values: [Int16]) -> MetadataArray { integers(values, as: .int16) }
  /// Integers of type `uint32`.
  public static func uint32(_ values: [UInt32]) -> MetadataArray { integers(values, as: .uint32) }
  /// Integers of type `int32`.
  public static func int32(_ values: [Int32]) -> MetadataArray { integers(values, as: .int32) }
  /// Integers of type `uint64`.
  public static func uint64(_ values: [UInt64]) -> MetadataArray { integers(values, as: .uint64) }
  /// Integers of type `int64`.
  public static func int64(_ values: [Int64]) -> MetadataArray { integers(values, as: .int64) }

  /// An array of arrays.
  public static func arrays(_ values: [MetadataArray]) -> MetadataArray {
    var bytes: [UInt8] = []
    for value in values {
      bytes.append(littleEndian: value.elementType.rawValue)
      bytes.append(littleEndian: UInt64(value.count))
      value.withBytes { bytes.append(contentsOf: $0) }
    }
    return MetadataArray(elementType: .array, count: values.count, bytes: bytes)
  }

  private static func integers<T: FixedWidthInteger>(
    _ values: [T], as type: MetadataType
  ) -> MetadataArray {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * MemoryLayout<T>.size)
    for value in values { bytes.append(littleEndian: value) }
    return MetadataArray(elementType: type, count: values.count, bytes: bytes)
  }
}

extension [UInt8] {
  /// Appends an integer's bytes, lowest first.
  mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
