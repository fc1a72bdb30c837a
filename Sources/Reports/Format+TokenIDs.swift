extension Format {
  /// Token ids as decimal numbers with spaces between them.
  package static func ids(_ ids: [Int32]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(6 * ids.count)
    var digits: [UInt8] = []
    for id in ids {
      if !text.isEmpty { text.append(0x20) }
      var rest = id.magnitude
      repeat {
        digits.append(UInt8(truncatingIfNeeded: rest % 10) + 0x30)
        rest /= 10
      } while rest > 0
      while let digit = digits.popLast() { text.append(digit) }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
