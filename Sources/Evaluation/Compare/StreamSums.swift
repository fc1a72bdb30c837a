/// Differences of two residual streams at one place.
struct StreamSums {
  private var count = 0
  private var maximum = 0.0
  private var sum = 0.0
  private var squares = 0.0

  init() {}

  /// Those of `count` numbers; the first stream is the measure.
  init(_ one: UnsafePointer<Float>, _ other: UnsafePointer<Float>, count: Int) {
    self.count = count
    for element in 0..<count {
      let (a, b) = (Double(one[element]), Double(other[element]))
      let difference = abs(a - b)
      if difference > maximum || difference.isNaN { maximum = difference }
      sum += a
      squares += a * a
    }
  }

  /// The largest difference in standard deviations of the first stream; NaN where a number of either
  /// is.
  var relative: Double {
    let mean = sum / Double(count)
    let variance = squares / Double(count) - mean * mean
    let deviation = variance < 0 ? 0 : variance.squareRoot()
    // Streams that agree to the last digit do not differ, however little they vary.
    return maximum == 0 ? 0 : maximum / deviation
  }

  mutating func add(_ other: StreamSums) {
    count += other.count
    // A NaN stays, whatever follows it.
    if other.maximum > maximum || other.maximum.isNaN { maximum = other.maximum }
    sum += other.sum
    squares += other.squares
  }
}
