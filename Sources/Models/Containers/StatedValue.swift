import Base
import Checkpoints

/// A fact of a model on its way into a container, before it takes the types of one.
enum StatedValue: Sendable, Equatable {
  case whole(Int)
  case number(Double)
  /// A number that float32 would round too far; only keys of our own hold such.
  case precise(Double)
  case flag(Bool)
  case text(String)
  case flags([Bool])
  case wholes([Int])
  /// One for each layer, which is stated as one number where they agree.
  case ofLayers([Int])
  case texts([String])
  case numbers([Float])
  /// Said to be absent, which only config.json can.
  case nothing

  /// Whether it lies within what `metadata` types it as: whole numbers within uint32, those of a list
  /// within int32, others within float32.
  var fitsMetadata: Bool {
    switch self {
    case .whole(let value): UInt32(exactly: value) != nil
    case .wholes(let values): values.allSatisfy { Int32(exactly: $0) != nil }
    case .number(let value): Float(value).isFinite
    case .ofLayers(let values):
      (values.agreed.map { Self.whole($0) } ?? .wholes(values)).fitsMetadata
    case .precise, .flag, .text, .flags, .texts, .numbers, .nothing: true
    }
  }

  /// As the ecosystem's converter types it in GGUF. What does not fit is the nearest number that does;
  /// `GGUFFields.checkFit` refuses to write it.
  var metadata: MetadataValue? {
    switch self {
    case .whole(let value): .uint32(UInt32(clamping: value))
    case .number(let value): .float32(Float(value))
    case .precise(let value): .float64(value)
    case .flag(let value): .bool(value)
    case .text(let value): .string(value)
    case .flags(let values): .array(.bools(values))
    case .texts(let values): .array(.strings(values))
    case .wholes(let values): .array(.int32(values.map { Int32(clamping: $0) }))
    case .numbers(let values): .array(.floats(values))
    case .ofLayers(let values):
      (values.agreed.map { Self.whole($0) } ?? .wholes(values)).metadata
    case .nothing: nil
    }
  }

  var json: JSONValue {
    switch self {
    case .whole(let value): .integer(Int64(value))
    case .number(let value), .precise(let value): .number(value)
    case .flag(let value): .bool(value)
    case .text(let value): .string(value)
    case .flags(let values): .array(values.map { .bool($0) })
    case .wholes(let values): .array(values.map { .integer(Int64($0)) })
    case .texts(let values): .array(values.map { .string($0) })
    case .numbers(let values): .array(values.map { .number(Double($0)) })
    case .ofLayers(let values): (values.agreed.map { Self.whole($0) } ?? .wholes(values)).json
    case .nothing: .null
    }
  }
}

extension JSONValue {
  /// A metadata value as JSON: what a hyper-parameter can be.
  package init(metadata: MetadataValue) {
    if let flag = metadata.bool {
      self = .bool(flag)
    } else if let text = metadata.string {
      self = .string(text)
    } else if let number = metadata.int {
      self = .integer(Int64(number))
    } else if let number = metadata.double {
      self = .number(number)
    } else if let texts = metadata.strings {
      self = .array(texts.map { .string($0) })
    } else if let flags = metadata.bools {
      self = .array(flags.map { .bool($0) })
    } else if let numbers = metadata.ints {
      self = .array(numbers.map { .integer(Int64($0)) })
    } else if let numbers = metadata.doubles {
      self = .array(numbers.map { .number($0) })
    } else {
      self = .null
    }
  }
}
