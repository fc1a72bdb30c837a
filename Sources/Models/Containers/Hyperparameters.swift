import Base
import Checkpoints

/// Reads a checkpoint's hyper-parameters by the names its architecture's data file gives them.
struct Hyperparameters {
  let checkpoint: Checkpoint
  let architecture: Architecture
  let side: Architecture.Side
  /// What stands before every GGUF key: the architecture's name, or `<name>-rotary`.
  let prefix: String

  /// The value of a hyper-parameter as JSON, its fallback where the file says nothing, or nil.
  func value(_ parameter: Hyperparameter) -> JSONValue? {
    guard let keys = architecture.hyperparameters[parameter] else { return nil }
    switch side {
    case .gguf:
      for key in keys.gguf {
        let name = ggufKey(key)
        if let value = checkpoint.metadata[name] { return JSONValue(metadata: value) }
      }
    case .huggingface:
      for key in keys.huggingface {
        if let value = checkpoint.configuration?[key], value != .null { return value }
      }
    }
    return keys.fallback
  }

  /// The full GGUF key: keys of our own carry their own prefix.
  func ggufKey(_ key: String) -> String {
    key.hasPrefix("ropeconv.") ? key : "\(prefix).\(key)"
  }

  /// The key to name in an error.
  func name(_ parameter: Hyperparameter) -> String {
    let keys = architecture.hyperparameters[parameter]
    return switch side {
    case .gguf: keys?.gguf.first.map(ggufKey) ?? parameter.rawValue
    case .huggingface: keys?.huggingface.first ?? parameter.rawValue
    }
  }

  func failure(_ parameter: Hyperparameter, _ problem: String) -> ModelError {
    .hyperparameter(file: checkpoint.path, key: name(parameter), problem: problem)
  }

  /// A whole number of at least `minimum`; nil where absent. A list must hold one value throughout.
  func optionalInteger(
    _ parameter: Hyperparameter, minimum: Int = 1
  ) throws(ModelError) -> Int? {
    guard var found = value(parameter) else { return nil }
    if let list = found.array {
      guard let first = list.first, list.allSatisfy({ $0 == first }) else {
        throw failure(parameter, "differs between layers, which is not supported")
      }
      found = first
    }
    guard let number = found.int else { throw failure(parameter, "is not a whole number") }
    guard number >= minimum, number <= 1 << 31 else {
      throw failure(parameter, "is \(number), expected at least \(minimum)")
    }
    return number
  }

  func integer(_ parameter: Hyperparameter, minimum: Int = 1) throws(ModelError) -> Int {
    guard let number = try optionalInteger(parameter, minimum: minimum) else {
      throw failure(parameter, "is missing")
    }
    return number
  }

  /// A number that is finite in float32 too, which GGUF keeps it in; nil where absent.
  func optionalNumber(_ parameter: Hyperparameter) throws(ModelError) -> Double? {
    guard let found = value(parameter) else { return nil }
    guard let number = found.double, Float(number).isFinite else {
      throw failure(parameter, "is not a finite number")
    }
    return number
  }

  /// A positive finite number.
  func positive(_ parameter: Hyperparameter, default fallback: Double) throws(ModelError) -> Double
  {
    let number = try optionalNumber(parameter) ?? fallback
    guard Float(number) > 0 else {
      throw failure(parameter, "is \(number), expected a positive number")
    }
    return number
  }

  func flag(_ parameter: Hyperparameter) -> Bool? {
    value(parameter)?.bool
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
    } else if let numbers = metadata.ints {
      self = .array(numbers.map { .integer(Int64($0)) })
    } else if let numbers = metadata.doubles {
      self = .array(numbers.map { .number($0) })
    } else {
      self = .null
    }
  }
}
