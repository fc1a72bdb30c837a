import Foundation

/// One direction of a chart: which values it spans, where they stand and which are marked.
package struct Axis: Sendable {
  let isLogarithmic: Bool
  /// The ends, as logarithms to base 10 on a logarithmic axis.
  private let low: Double
  private let high: Double

  /// An axis over these values, with `padding` left free at both ends, as a share of the span; nil
  /// where none of them can be drawn.
  package init?(_ values: [Double], isLogarithmic: Bool, padding: Double) {
    let placed = values.compactMap { Self.place($0, isLogarithmic) }
    guard let least = placed.min(), let most = placed.max() else { return nil }
    let span = most - least
    // A single value gets room around it.
    let room = span > 0 ? span * padding : isLogarithmic ? 0.1 : max(abs(most) * 0.1, 0.5)
    self.isLogarithmic = isLogarithmic
    low = least - room
    high = most + room
  }

  /// Values beyond 1e300 cannot be drawn: spans of them overflow.
  private static func place(_ value: Double, _ isLogarithmic: Bool) -> Double? {
    guard value.isFinite, abs(value) < 1e300 else { return nil }
    guard isLogarithmic else { return value }
    return value > 0 ? log10(value) : nil
  }

  /// Where a value stands, 0 at the low end and 1 at the high one; nil where it cannot be drawn.
  func share(_ value: Double) -> Double? {
    Self.place(value, isLogarithmic).map { ($0 - low) / (high - low) }
  }

  /// Round values within the ends, about as many as asked for.
  package func ticks(about count: Int, atLeast smallestStep: Double = 0) -> [Double] {
    guard isLogarithmic else { return Self.even(low, high, count, smallestStep) }
    let decades = Int(low.rounded(.down))...Int(high.rounded(.up))
    for factors in [[1.0, 2, 5], [1.0]] {
      let ticks = decades.flatMap { decade in factors.map { $0 * pow(10, Double(decade)) } }
        .filter { (low...high).contains(log10($0)) }
      if ticks.count < 3 { break }
      if ticks.count <= count + 3 { return ticks }
    }
    guard high - low < 2 else {
      let step = max(1, decades.count / max(count, 1))
      return stride(from: decades.lowerBound, through: decades.upperBound, by: step)
        .filter { (low...high).contains(Double($0)) }.map { pow(10, Double($0)) }
    }
    // Less than two decades: even steps of the values themselves.
    return Self.even(pow(10, low), pow(10, high), count, smallestStep)
  }

  /// Steps of 1, 2 or 5 times a power of ten.
  private static func even(
    _ low: Double, _ high: Double, _ count: Int, _ smallest: Double
  ) -> [Double] {
    let rough = (high - low) / Double(max(count, 1))
    guard rough.isNormal, rough > 0 else { return [] }
    let power = pow(10, log10(rough).rounded(.down))
    let step = max([1, 2, 5, 10].map { $0 * power }.first { $0 >= 0.9 * rough } ?? rough, smallest)
    let first = (low / step).rounded(.up)
    return (0..<(2 * count + 2)).map { (first + Double($0)) * step }.filter { $0 <= high }
  }
}
