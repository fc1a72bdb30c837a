/// A table of a page: the first column names the rows.
struct Table {
  struct Column {
    let title: String
    let isNumber: Bool

    static func text(_ title: String) -> Column { Column(title: title, isNumber: false) }
    static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
  }

  enum Cell: ExpressibleByStringLiteral {
    case text(String)
    /// A number and, on a line of its own, its standard error; `mark` says how it ranks.
    case measured(Format.Shown, mark: Mark? = nil)
    /// A picture, with its number beside it.
    case bar(Markup)

    init(stringLiteral value: String) { self = .text(value) }
  }

  /// The ends of a column.
  enum Mark: String {
    case best
    case worst
  }

  /// What screen readers call the table's frame, which scrolls sideways.
  let name: String
  let columns: [Column]
  let rows: [[Cell]]

  func markup() -> Markup {
    let heads = columns.map { column -> Markup in
      let kind: Markup = column.isNumber ? " class=\"n\"" : ""
      return "<th scope=\"col\"\(kind)>\(column.title)</th>"
    }
    let lines = rows.map { row -> Markup in
      let cells = zip(columns, row).enumerated().map { index, pair -> Markup in
        let kind: Markup = pair.0.isNumber ? " class=\"n\"" : ""
        return switch pair.1 {
        case .text(let text) where index == 0: "<th scope=\"row\"\(kind)>\(text)</th>"
        case .text(let text): "<td\(kind)>\(text)</td>"
        case .measured(let shown, let mark):
          measured(shown, mark)
        case .bar(let bar): "<td class=\"n bar\">\(bar)</td>"
        }
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="\(name)"><table>
      <thead><tr>\(heads.joined())</tr></thead>
      <tbody>
      \(lines.lines())
      </tbody></table></div>
      """
  }

  private func measured(_ shown: Format.Shown, _ mark: Mark?) -> Markup {
    let tag = mark.map { mark -> Markup in "<i>\(mark.rawValue)</i> " } ?? ""
    let error = shown.deviation.map { error -> Markup in "<small>\(error)</small>" } ?? ""
    let below: Markup = tag.isEmpty && error.isEmpty ? "" : "<br>\(tag)\(error)"
    let kind: Markup = mark.map { mark in "n \(mark.rawValue)" } ?? "n"
    return "<td class=\"\(kind)\">\(shown.number)\(below)</td>"
  }

  /// The table, folded, with a line that opens it.
  func details(_ summary: String) -> Markup {
    "<details><summary>\(summary)</summary>\n\(markup())\n</details>"
  }

  /// A share from -1 to 1 as a bar that starts at zero, with its number. Columns of shares that
  /// may be below zero keep room on the left.
  static func bar(_ share: Double, text: String, isSigned: Bool) -> Cell {
    let width = 96.0
    let zero = isSigned ? width / 2 : 0
    let length = share.isFinite ? min(max(share, isSigned ? -1 : 0), 1) * (width - zero) : 0
    let line: Markup =
      "<line x1=\"\(zero)\" x2=\"\(zero)\" y1=\"0\" y2=\"14\"/>"
    return .bar(
      """
      <svg width="\(width)" height="14" viewBox="0 0 \(width) 14" \
      preserveAspectRatio="none" aria-hidden="true">\
      <rect x="\(min(zero, zero + length))" y="2" width="\(abs(length))" height="10"/>\
      \(isSigned ? line : "")</svg> <span>\(text)</span>
      """)
  }
}

extension Sequence<Markup> {
  /// All of them, nothing between.
  func joined() -> Markup { reduce(into: Markup()) { $0 += $1 } }
}
