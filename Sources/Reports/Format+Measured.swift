import Evaluation
import Foundation

/// Numbers of a report: three digits, or as many as their standard error leaves certain.
extension Format {
  /// A number and its standard error with one exponent for both.
  package struct Shown: Equatable, Sendable {
    package let value: String
    /// Nil where there is none.
    package let error: String?
    /// Such as `10⁻³`, which both are times of; nil for numbers of a usual size.
    package let power: String?
    /// What follows the number, such as ` %`; empty for a plain one.
    private(set) var unit = ""

    init(value: String, error: String?, power: String?) {
      self.value = value
      self.error = error
      self.power = power
    }

    /// As one text: `15.23 ± 0.05`, `+0.33 % ± 0.67`, `(3.12 ± 0.04) × 10⁻³`.
    package var text: String {
      guard let power, let error else { return error.map { "\(number) ± \($0)" } ?? number }
      return "(\(value) ± \(error)) × \(power)\(unit)"
    }

    /// Both as percent.
    var percent: Shown {
      var shown = self
      shown.unit = value == "–" ? "" : " %"
      return shown
    }

    /// The number alone.
    var number: String { (power.map { "\(value) × \($0)" } ?? value) + unit }

    /// The error alone, with its sign; nil where there is none.
    var deviation: String? { error.map { "± \($0)" + (power.map { " × \($0)" } ?? "") } }

    /// Whether it looks like no number but zero.
    var isZero: Bool {
      value != "–" && !value.contains { $0.isNumber && $0 != "0" }
    }
  }

  /// A number with three digits, and its error with as many decimal places.
  /// - Parameters:
  ///   - value: the number.
  ///   - error: a standard error; not a number where there is none.
  ///   - isSigned: whether a number above zero has its sign.
  /// - Returns: what is shown of them; a dash for what is not finite.
  package static func shown(_ value: Double, error: Double = .nan, isSigned: Bool = false) -> Shown
  {
    guard value.isFinite, abs(value) < 1e300 else {
      return Shown(value: "–", error: nil, power: nil)
    }
    let hasError = error.isFinite && abs(error) < 1e300
    let size = max(abs(value), hasError ? abs(error) : 0)
    let exponent = size > 1e-290 ? Int(log10(size).rounded(.down)) : 0
    let power = (-2...5).contains(exponent) ? 0 : exponent
    let scale = pow(10, Double(power))
    let (scaled, deviation) = (value / scale, error / scale)
    var digits = max(0, 2 - (exponent - power))
    if hasError, deviation > 0 { digits = max(digits, certain(deviation)) }
    digits = min(digits, 6)
    return Shown(
      value: signed(scaled, digits, isSigned), error: hasError ? fixed(deviation, digits) : nil,
      power: power == 0 ? nil : "10\(superscript(power))")
  }

  static func shown(_ estimate: Estimate, isSigned: Bool = false) -> Shown {
    shown(estimate.value, error: estimate.error, isSigned: isSigned)
  }

  /// A change in percent: `+1.37 %`, and its error; of a million percent or more as `+1.37 × 10⁶ %`.
  package static func change(_ percent: Estimate) -> Shown {
    let (value, error) = (percent.value, percent.error.isFinite ? percent.error : 0)
    guard max(abs(value), error) < 1e6 else {
      return shown(value, error: percent.error, isSigned: true).percent
    }
    var digits = abs(value) < 9.995 ? 2 : 1
    if error > 0 { digits = min(max(digits, certain(error)), 4) }
    return Shown(
      value: signed(value, digits, true),
      error: percent.error.isFinite ? fixed(error, digits) : nil, power: nil
    ).percent
  }

  /// Decimals with which an error has one digit, or two where the first is a 1.
  private static func certain(_ error: Double) -> Int {
    let first = log10(error).rounded(.down)
    return Int(-first) + (error / pow(10, first) < 2 ? 1 : 0)
  }

  /// With a minus that is as wide as a plus; zero has no sign.
  private static func signed(_ value: Double, _ digits: Int, _ isSigned: Bool) -> String {
    let text = fixed(abs(value), digits)
    guard text.contains(where: { $0.isNumber && $0 != "0" }) else { return text }
    return (value < 0 ? "−" : isSigned ? "+" : "") + text
  }

  private static func superscript(_ number: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (number < 0 ? "⁻" : "")
      + String("\(abs(number))".compactMap { $0.wholeNumberValue.map { digits[$0] } })
  }
}
