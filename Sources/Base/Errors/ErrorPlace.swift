/// The part of a file an error speaks of.
public enum ErrorPlace: Sendable, Equatable {
  /// The file as a whole.
  case whole
  /// A byte offset from the start of the file.
  case byte(Int)
  /// A metadata key or JSON key, and the byte offset where it or its value stands, if known.
  case key(String, byte: Int?)
  /// A tensor, and the byte offset of the number at fault, if known.
  case tensor(String, byte: Int?)
  /// A member of an archive.
  case member(String)

  /// The text of an error line's parentheses; nil for the whole file.
  public var description: String? {
    switch self {
    case .whole: nil
    case .byte(let offset): "byte \(offset)"
    case .key(let key, let byte): "key \(quoted(key))" + (byte.map { ", byte \($0)" } ?? "")
    case .tensor(let name, let byte):
      "tensor \(quoted(name))" + (byte.map { ", byte \($0)" } ?? "")
    case .member(let name): "member \(quoted(name))"
    }
  }
}

/// Text of a file as an error line shows it: quoted, control characters escaped, cut at 80.
package func quoted(_ text: String) -> String { "'\(printable(shortened(text, to: 80)))'" }

/// A text of at most so many scalars, and three points where it was longer.
package func shortened(_ text: String, to limit: Int) -> String {
  let scalars = text.unicodeScalars
  guard let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
    end < scalars.endIndex
  else { return text }
  return String(scalars[..<end]) + "..."
}
