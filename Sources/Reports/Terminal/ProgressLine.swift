import Foundation

/// A line that says how far a work is, as wide as there is room for.
package struct ProgressLine: Sendable {
  /// From 0 to 1.
  package var share: Double
  /// What is worked on, such as a model's name.
  package var subject = ""
  /// Units done of all, where the work has some.
  package var units: (done: Int, total: Int)?
  /// Tokens a second.
  package var rate: Double?
  /// Interim results and the like.
  package var detail = ""
  /// Seconds that are left.
  package var left: Double

  package init(share: Double, left: Double) {
    self.share = min(max(share, 0), 1)
    self.left = left
  }

  /// Letters of a bar.
  private static let bar = (least: 6, most: 28)
  /// Letters that a name is cut to before anything else gives way.
  private static let name = 20

  /// The parts behind the bar; what has nothing to say is left out.
  private var parts: [String] {
    [
      units.map { "\($0.done) of \($0.total)" } ?? "", detail,
      rate.map { "\(Format.fixed($0, 0)) tokens/s" } ?? "",
      "\(Format.duration(left)) left",
    ].filter { !$0.isEmpty }
  }

  /// For a terminal of so many columns: name, bar and the rest; the rate, the name and the detail go
  /// first where it is narrow.
  package func text(columns: Int) -> String {
    var line = self
    if line.subject.count > Self.name { line.subject = line.subject.prefix(Self.name - 1) + "…" }
    let percent =
      "\(Format.fixed(100 * share, 0).count < 3 ? " " : "")\(Format.fixed(100 * share, 0)) %"
    func rest(_ line: ProgressLine) -> String {
      ([percent] + line.parts).joined(separator: "  ")
    }
    func room(_ line: ProgressLine) -> Int {
      columns - 1 - rest(line).count - 3
        - (line.subject.isEmpty ? 0 : line.subject.count + 2)
    }
    if room(line) < Self.bar.least { line.rate = nil }
    if room(line) < Self.bar.least { line.subject = "" }
    if room(line) < Self.bar.least { line.detail = "" }
    let width = min(room(line), Self.bar.most)
    guard width >= Self.bar.least else { return String(rest(line).prefix(max(columns - 1, 1))) }
    let full = Int((share * Double(width)).rounded(.down))
    let bar = String(repeating: "#", count: full) + String(repeating: "-", count: width - full)
    return (line.subject.isEmpty ? "" : line.subject + "  ") + "[\(bar)] " + rest(line)
  }

  /// For a file or a pipe.
  package var text: String {
    let name = subject.isEmpty ? "" : "\(subject): "
    return name + (["\(Format.fixed(100 * share, 1)) %"] + parts).joined(separator: "  ")
  }
}
