/// A number and its standard error.
package struct Estimate: Sendable, Equatable {
  package let value: Double
  package let error: Double

  package init(value: Double, error: Double) {
    self.value = value
    self.error = error
  }
}

extension Estimate {
  /// The mean of numbers, taken as independent draws; the error is not a number for a single one.
  package init(meanOf values: [Double]) {
    let moments = Moments(values)
    self.init(value: moments.mean, error: moments.error)
  }

  /// The standard error of the mean of numbers that have standard errors of their own.
  static func errorOfMean(_ errors: [Double]) -> Double {
    errors.reduce(0) { $0 + $1 * $1 }.squareRoot() / Double(errors.count)
  }
}

/// Mean and standard error of numbers.
package struct Moments: Sendable {
  package let mean: Double
  /// `sqrt(var / (n - 1))`
  package let error: Double

  package init(_ values: [Double]) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + $1 * $1 } / count
    self.mean = mean
    error = (max(squares - mean * mean, 0) / (count - 1)).squareRoot()
  }

  /// The covariance of the means of two lists.
  static func covariance(_ one: [Double], _ two: [Double]) -> Double {
    let count = Double(one.count)
    let product = zip(one, two).reduce(0) { $0 + $1.0 * $1.1 } / count
    let means = one.reduce(0, +) / count * (two.reduce(0, +) / count)
    return (product - means) / (count - 1)
  }
}
