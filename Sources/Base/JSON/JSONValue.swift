import OrderedCollections

/// A JSON value (RFC 8259) with its objects' keys in the order of the text.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number written without fraction or exponent.
  case integer(Int64)
  /// A number written without fraction or exponent, from 2^63 to 2^64 - 1.
  case unsigned(UInt64)
  /// A number written with fraction or exponent, or an integer beyond 64 bits where such are read.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(OrderedDictionary<String, JSONValue>)
  /// An object in which two keys differ only in their Unicode normalization, as those of a
  /// vocabulary may: a dictionary of Swift strings would take them for one.
  case members([JSONMember])

  /// The member of an object with this key; nil for other values. The key may be written in another
  /// Unicode normalization, except in a `members` object, whose keys are compared by bytes.
  public subscript(_ key: String) -> JSONValue? {
    switch self {
    case .object(let object): object[key]
    case .members(let members): members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    default: nil
    }
  }

  /// Whether the value is `null`.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// The text of a string; nil for other values.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// An integer that fits; nil for numbers written with fraction or exponent.
  public var int: Int? {
    switch self {
    case .integer(let value): Int(exactly: value)
    case .unsigned(let value): Int(exactly: value)
    default: nil
    }
  }

  /// Any number; an integer of more than 53 bits is rounded.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The value of `true` or `false`; nil for other values.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The elements of an array; nil for other values.
  public var array: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  /// An object's members; nil for other values and for the rare `members` object, which a
  /// dictionary cannot hold.
  public var object: OrderedDictionary<String, JSONValue>? {
    if case .object(let object) = self { object } else { nil }
  }

  /// The members of any object, in the order of the text; nil for other values.
  ///
  /// A vocabulary is read through this: its keys are told apart by their bytes.
  public var members: [JSONMember]? {
    switch self {
    case .object(let object): object.map { JSONMember(key: $0.key, value: $0.value) }
    case .members(let members): members
    default: nil
    }
  }
}

/// One member of a JSON object.
public struct JSONMember: Sendable, Equatable {
  /// The key, unescaped.
  public let key: String
  /// The key's value.
  public let value: JSONValue

  /// A member with this key and value.
  public init(key: String, value: JSONValue) {
    self.key = key
    self.value = value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A number written with fraction or exponent.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// The last of two equal keys counts.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(OrderedDictionary(elements, uniquingKeysWith: { $1 }))
  }

  package init(_ value: Int) { self = .integer(Int64(value)) }
}
