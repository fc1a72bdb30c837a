import OrderedCollections

/// A JSON value (RFC 8259) with its objects' keys in the order of the text.
package enum JSONValue: Sendable, Equatable {
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

  /// The member of an object with this key, compared by bytes; nil for other values.
  package subscript(_ key: String) -> JSONValue? {
    switch self {
    case .object(let object): object[key]
    case .members(let members): members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    default: nil
    }
  }

  package var isNull: Bool {
    if case .null = self { true } else { false }
  }

  package var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// An integer that fits; nil for numbers written with fraction or exponent.
  package var int: Int? {
    switch self {
    case .integer(let value): Int(exactly: value)
    case .unsigned(let value): Int(exactly: value)
    default: nil
    }
  }

  /// Any number; an integer of more than 53 bits is rounded.
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  package var array: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  /// An object's members; nil for other values and for the rare `members` object, which a
  /// dictionary cannot hold.
  package var object: OrderedDictionary<String, JSONValue>? {
    if case .object(let object) = self { object } else { nil }
  }

  /// The members of any object, in the order of the text; nil for other values.
  ///
  /// A vocabulary is read through this: its keys are told apart by their bytes.
  package var members: [JSONMember]? {
    switch self {
    case .object(let object): object.map { JSONMember(key: $0.key, value: $0.value) }
    case .members(let members): members
    default: nil
    }
  }
}

/// One member of a JSON object.
package struct JSONMember: Sendable, Equatable {
  package let key: String
  package let value: JSONValue

  package init(key: String, value: JSONValue) {
    self.key = key
    self.value = value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// The last of two equal keys counts.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(OrderedDictionary(elements, uniquingKeysWith: { $1 }))
  }

  package init(_ value: Int) { self = .integer(Int64(value)) }
}
