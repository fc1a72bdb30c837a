import Base
import Foundation

/// Numbers as people read them.
package enum Format {
  /// Layers by their numbers, counted from 0.
  package static func layers(_ numbers: [Int]) -> String {
    "layer\(numbers.count == 1 ? "" : "s") " + numbers.map(String.init).joined(separator: ", ")
  }

  /// A number with so many digits after the point; what looks like zero has no sign.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    unsignedZero(String(format: "%.\(digits)f", value))
  }

  /// The same with a sign for numbers above zero too.
  package static func signed(_ value: Double, _ digits: Int) -> String {
    unsignedZero(String(format: "%+.\(digits)f", value))
  }

  /// A number's text without its sign where no digit is other than 0; an infinity keeps it.
  private static func unsignedZero(_ text: String) -> String {
    guard let first = text.first, "+-".contains(first),
      text.dropFirst().allSatisfy({ "0.".contains($0) })
    else { return text }
    return String(text.dropFirst())
  }

  /// A number with its standard error, as `3.51 +- 0.05`; the number alone where there is none.
  package static func measured(_ value: Double, error: Double, _ digits: Int) -> String {
    fixed(value, digits) + (error.isFinite ? " +- \(fixed(error, digits))" : "")
  }

  /// A number with six significant digits.
  package static func general(_ value: Double) -> String {
    unsignedZero(String(format: "%g", value))
  }

  /// A number with so many digits after the point, or six significant ones where it is large;
  /// a dash where it is not finite.
  package static func compact(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "–" }
    return abs(value) < 1e6 ? fixed(value, digits) : general(value)
  }

  /// A size in decimal units.
  package static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count) B" : String(format: "%.1f %@", value, units[unit])
  }

  /// Seconds as `1 h 02 min`, `3 min 04 s` or `5 s`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return String(format: "%d h %02d min", whole / 3600, whole / 60 % 60) }
    if whole >= 60 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
    return "\(whole) s"
  }

  /// A line broken at blanks where it is wider than a terminal of 80 columns; what follows stands below
  /// its value, `indent` letters from the left.
  package static func wrapped(_ line: String, indent: Int, columns: Int = 80) -> String {
    let blanks = line.prefix { $0 == " " }
    var lines: [String] = []
    var current = String(blanks)
    let words = line.dropFirst(blanks.count).split(
      separator: " ", omittingEmptySubsequences: false)
    for (index, word) in words.enumerated() {
      if index > 0, current.count + 1 + word.count > columns {
        lines.append(current)
        current = String(repeating: " ", count: indent) + word
      } else {
        current += (index == 0 ? "" : " ") + word
      }
    }
    return (lines + [current]).joined(separator: "\n")
  }

  /// The same for a line whose words may be wider than a terminal themselves: those are cut.
  package static func folded(_ line: String, indent: Int, columns: Int = 80) -> String {
    wrapped(line, indent: indent, columns: columns).split(separator: "\n").map { line in
      var (lines, rest) = ([String](), String(line))
      while rest.count > columns {
        lines.append(String(rest.prefix(columns)))
        rest = String(repeating: " ", count: indent) + rest.dropFirst(columns)
      }
      return (lines + [rest]).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  /// Lines of a name and its value, those wider than a terminal broken below the value; tables and
  /// other lines stay as they are.
  package static func wrapped(lines text: String, columns: Int) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard line.count > columns, let gap = line.firstRange(of: "  "),
        gap.lowerBound != line.startIndex,
        let value = line[gap.upperBound...].firstIndex(where: { $0 != " " })
      else { return String(line) }
      let indent = line.distance(from: line.startIndex, to: value)
      // Where a second column follows it is a row of a table.
      guard indent <= 16, line[value...].firstRange(of: "  ") == nil else { return String(line) }
      return wrapped(String(line), indent: indent, columns: columns)
    }.joined(separator: "\n")
  }

  /// Lines of a table: the first column to the left, the others to the right; no blanks at the ends of
  /// lines.
  package static func table(_ rows: [[String]]) -> String {
    let rows = rows.map { $0.map(printable) }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let line = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
