/// A limit that a number of a result is held against; a number that is none keeps no limit.
package struct Threshold: Sendable {
  private enum Side { case least, most }

  private let name: String
  private let value: Double
  private let digits: Int
  private let limit: Double
  private let side: Side

  private init(_ name: String, _ value: Double, digits: Int, _ side: Side, _ limit: Double) {
    self.name = name
    self.value = value
    self.digits = digits
    self.side = side
    self.limit = limit
  }

  /// A value, shown with so many digits, that is to be no more than the limit.
  package static func most(
    _ limit: Double, of name: String, _ value: Double, digits: Int
  ) -> Threshold {
    Threshold(name, value, digits: digits, .most, limit)
  }

  /// A value, shown with so many digits, that is to be no less than the limit.
  package static func least(
    _ limit: Double, of name: String, _ value: Double, digits: Int
  ) -> Threshold {
    Threshold(name, value, digits: digits, .least, limit)
  }

  package var isMet: Bool {
    switch side {
    case .least: value >= limit
    case .most: value <= limit
    }
  }

  /// Why it is missed, in a line that has `limitName` before the limit; nil where it is met.
  package func missed(limitName: String) -> String? {
    guard !isMet else { return nil }
    let words = side == .most ? "above" : "below"
    return
      "\(name) \(Format.fixed(value, digits)) is \(words) \(limitName) \(Format.general(limit))"
  }
}
