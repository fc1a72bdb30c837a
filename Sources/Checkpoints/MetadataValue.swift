/// The type of a metadata value, with its number in a GGUF file.
public enum MetadataType: UInt32, Sendable, CaseIterable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of one value; nil for strings and arrays, whose size varies.
  public var width: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// Bytes that one value takes at least: a string has its length, an array type and length.
  var smallestSize: Int {
    switch self {
    case .string: 8
    case .array: 12
    default: width ?? 1
    }
  }
}

/// One value of a GGUF file's metadata.
public enum MetadataValue: Sendable, Equatable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  case string(String)
  case array(MetadataArray)
  case uint64(UInt64)
  case int64(Int64)
  case float64(Double)

  /// The type that the file states for the value.
  public var type: MetadataType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .float32: .float32
    case .bool: .bool
    case .string: .string
    case .array: .array
    case .uint64: .uint64
    case .int64: .int64
    case .float64: .float64
    }
  }

  /// The text of a string; nil for other types.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The value of any integer type; nil for other types, and for integers of 2^63 or more.
  public var int: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// The value of any number, rounded where a double cannot hold it; nil for other types.
  public var double: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    case .uint64(let value): Double(value)
    default: int.map(Double.init)
    }
  }

  /// The value of a boolean; nil for other types.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The array; nil for other types.
  public var array: MetadataArray? {
    if case .array(let array) = self { array } else { nil }
  }

  /// An array of strings; nil for other types and if one of them is not UTF-8.
  public var strings: [String]? { array?.strings() }
  /// An array of any integer type; nil for other types and if one is 2^63 or more.
  public var ints: [Int]? { array?.ints() }
  /// The elements of an array of bools; nil for everything else.
  package var bools: [Bool]? { array?.bools() }
  /// An array of any number type; nil for other types.
  public var doubles: [Double]? { array?.doubles() }
}
