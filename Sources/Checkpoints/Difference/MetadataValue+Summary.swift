extension MetadataValue {
  /// Longest text that is shown whole.
  private static let longest = 100

  /// The value on one line; long texts and arrays by their size.
  var summary: String {
    switch self {
    case .string(let text):
      text.utf8.count <= Self.longest && !text.contains(where: \.isNewline)
        ? "\"\(text)\"" : "text of \(text.utf8.count) bytes"
    case .bool(let value): String(value)
    case .float32(let value): "\(value)"
    case .float64(let value): "\(value)"
    case .uint64(let value): "\(value)"
    case .array(let array): array.summary
    default: int.map(String.init) ?? ""
    }
  }
}

extension MetadataArray {
  /// Most elements that are shown.
  private static let most = 8

  fileprivate var summary: String {
    guard count <= Self.most, let numbers = ints() else {
      return "array of \(count) \(elementType)"
    }
    return "[\(numbers.map(String.init).joined(separator: ", "))]"
  }
}
