import Foundation

extension String {
  /// Unicode normalization form C.
  var composed: String { withOrderedMarks.precomposedStringWithCanonicalMapping }

  /// Unicode normalization form D.
  var decomposed: String { withOrderedMarks.decomposedStringWithCanonicalMapping }

  /// The text with runs of combining marks taken apart and in canonical order: long ones, and those
  /// with marks that stand for others.
  ///
  /// Normalization would do that, but in a time that grows with the square of a run's length, and
  /// Foundation's loses or misplaces marks that stand for others (U+0F81 before U+0F73).
  private var withOrderedMarks: String {
    // The first combining mark is U+0300.
    guard utf8.contains(where: { $0 >= 0xCC }) else { return self }
    var ordered = UnicodeScalarView()
    var run: [(order: UInt8, scalar: Unicode.Scalar)] = []
    var (isOrdered, isChanged) = (false, false)
    func endRun() {
      if isOrdered || run.count > Self.longRun {
        isChanged = true
        // Marks of one class keep their order.
        let places = run.indices.sorted { (run[$0].order, $0) < (run[$1].order, $1) }
        for place in places { ordered.append(run[place].scalar) }
      } else {
        for mark in run { ordered.append(mark.scalar) }
      }
      run.removeAll(keepingCapacity: true)
      isOrdered = false
    }
    func add(_ scalar: Unicode.Scalar) {
      let order = scalar.value < 0x300 ? 0 : scalar.properties.canonicalCombiningClass.rawValue
      if order == 0 {
        endRun()
        ordered.append(scalar)
      } else {
        run.append((order, scalar))
      }
    }
    func add(_ marks: [Unicode.Scalar]) {
      for mark in marks { add(mark) }
      isOrdered = true
    }
    for scalar in unicodeScalars {
      // All combining marks that stand for others; those of Tibetan are of class 0 themselves.
      switch scalar {
      case "\u{0340}": add(["\u{0300}"])
      case "\u{0341}": add(["\u{0301}"])
      case "\u{0343}": add(["\u{0313}"])
      case "\u{0344}": add(["\u{0308}", "\u{0301}"])
      case "\u{0F73}": add(["\u{0F71}", "\u{0F72}"])
      case "\u{0F75}": add(["\u{0F71}", "\u{0F74}"])
      case "\u{0F81}": add(["\u{0F71}", "\u{0F80}"])
      default: add(scalar)
      }
    }
    endRun()
    return isChanged ? String(ordered) : self
  }

  /// Marks in a row that are left to Foundation; no script writes so many.
  private static let longRun = 32
}
