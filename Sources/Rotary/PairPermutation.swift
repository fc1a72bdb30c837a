import Tensors

extension PairLayout {
  /// The two dims of pair `p` among `2 * pairs` rotated ones.
  package func dims(ofPair p: Int, pairs: Int) -> (Int, Int) {
    switch self {
    case .interleaved: (2 * p, 2 * p + 1)
    case .half: (p, p + pairs)
    }
  }

  package var other: PairLayout { self == .interleaved ? .half : .interleaved }

  /// For every dim of a head laid out in `target`, the dim it has in this layout (identity A1). The
  /// head has `width` dims; the rotated ones begin at `offset`, and all others stay where they are.
  /// With `swapping` the two dims of each pair change places: then they turn the other way (A7).
  package func order(
    for target: PairLayout, pairs: Int, offset: Int, width: Int, swapping: Bool = false
  ) -> [Int] {
    var order = Array(0..<width)
    for pair in 0..<pairs {
      let source = dims(ofPair: pair, pairs: pairs)
      let place = target.dims(ofPair: pair, pairs: pairs)
      order[offset + place.0] = offset + (swapping ? source.1 : source.0)
      order[offset + place.1] = offset + (swapping ? source.0 : source.1)
    }
    return order
  }
}
