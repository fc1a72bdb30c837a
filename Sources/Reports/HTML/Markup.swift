/// HTML or SVG text that is safe by construction.
///
/// What stands in a literal is markup; an interpolated string is text and is escaped, so that no
/// name from a file can become an element or an attribute. Interpolated markup stays as it is.
struct Markup: Sendable, Equatable, ExpressibleByStringInterpolation {
  private(set) var text: String

  init() { text = "" }

  init(stringLiteral value: String) { text = value }

  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  /// Text that is not markup.
  init(escaping plain: String) { text = Self.escaped(plain) }

  var isEmpty: Bool { text.isEmpty }

  static func + (one: Markup, other: Markup) -> Markup {
    var sum = one
    sum += other
    return sum
  }

  static func += (one: inout Markup, other: Markup) { one.text += other.text }

  /// Plain text for a place between tags or in a quoted attribute. Control characters, which HTML
  /// and XML do not allow, become replacement characters.
  static func escaped(_ plain: String) -> String {
    var result = ""
    for scalar in plain.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text: String

    init(literalCapacity: Int, interpolationCount: Int) {
      text = ""
      text.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ plain: String) { text += Markup.escaped(plain) }
    mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    mutating func appendInterpolation(_ number: Int) { text += String(number) }
    /// A coordinate: a tenth of a pixel is exact enough and keeps pages small.
    mutating func appendInterpolation(_ coordinate: Double) { text += Format.fixed(coordinate, 1) }
  }
}

extension Sequence<Markup> {
  /// All of them, one a line.
  func lines() -> Markup {
    var result = Markup()
    for (index, part) in enumerated() {
      if index > 0 { result += "\n" }
      result += part
    }
    return result
  }
}
