/// Finds the longest special token, or the longest piece of WordPiece, that begins at each place of a
/// text, in time that grows with the text and not with the tokens.
///
/// It is the automaton of Aho and Corasick (doi:10.1145/360825.360855) of the tokens read
/// backwards, which runs through the text from its end: what it knows to end at a place begins
/// there.
struct SpecialTokenSearch: Sendable {
  /// A place of a text, and the number of the token that begins there.
  struct Match {
    let place: Int
    let entry: Int
  }

  /// The byte that leads to each node. The root is node 0, and the children of a node, in the order
  /// of their bytes, have numbers that follow each other.
  private var bytes: [UInt8] = [0]
  /// The first child of each node, and at the end the number of nodes.
  private var firstChild: [Int32] = []
  /// The node of the longest beginning that a node's string ends with.
  private var fallback: [Int32] = [0]
  /// The longest token that a node's string ends with, of all and of user-defined ones; -1 for
  /// none.
  private var longest: [Int32] = []
  private var longestUserDefined: [Int32] = []
  /// The root's child for each byte, or the root itself.
  private var roots = [Int32](repeating: 0, count: 256)
  private let hasUserDefined: Bool

  /// - Parameter entries: tokens of one byte or more, fewer than 2^31 bytes in all; of equal ones
  ///   the first counts.
  init(_ entries: [SpecialTokens.Entry]) {
    hasUserDefined = entries.contains { !$0.isControl }
    /// The byte that stands `depth` bytes before the last one of a token; -1 past its beginning.
    func byte(_ entry: Int, _ depth: Int) -> Int {
      let bytes = entries[entry].bytes
      return depth < bytes.count ? Int(bytes[bytes.count - 1 - depth]) : -1
    }
    var order = Array(0..<entries.count)
    // Runs of `order` whose tokens share an end, one for each node of a depth.
    var level = [0..<entries.count]
    var depth = 0
    while !level.isEmpty {
      var next: [Range<Int>] = []
      for range in level {
        let node = firstChild.count
        let fall = Int(fallback[node])
        firstChild.append(Int32(bytes.count))
        if range.count > 1 {
          let sorted = order[range].sorted {
            (byte($0, depth), $0) < (byte($1, depth), $1)
          }
          order.replaceSubrange(range, with: sorted)
        }
        var index = range.lowerBound
        var (whole, userDefined) = (Int32(-1), Int32(-1))
        while index < range.upperBound, byte(order[index], depth) < 0 {
          let entry = order[index]
          if whole < 0 { whole = Int32(entry) }
          if userDefined < 0, !entries[entry].isControl { userDefined = Int32(entry) }
          index += 1
        }
        // The fallback's string is shorter, so its node comes before this one.
        if node > 0 {
          if whole < 0 { whole = longest[fall] }
          if userDefined < 0 { userDefined = longestUserDefined[fall] }
        }
        longest.append(whole)
        longestUserDefined.append(userDefined)
        while index < range.upperBound {
          let start = index
          let label = UInt8(byte(order[start], depth))
          while index < range.upperBound, byte(order[index], depth) == Int(label) { index += 1 }
          let child = Int32(bytes.count)
          bytes.append(label)
          fallback.append(node == 0 ? 0 : Int32(follow(fall, label)))
          if node == 0 { roots[Int(label)] = child }
          next.append(start..<index)
        }
      }
      level = next
      depth += 1
    }
    firstChild.append(Int32(bytes.count))
  }

  /// Where tokens begin in a text, the last place first, with the longest token at each.
  func matches(in text: [UInt8], includesControl: Bool) -> [Match] {
    guard includesControl || hasUserDefined else { return [] }
    let tokens = includesControl ? longest : longestUserDefined
    var matches: [Match] = []
    var node = 0
    var place = text.count
    while place > 0 {
      place -= 1
      node = follow(node, text[place])
      let entry = tokens[node]
      if entry >= 0 { matches.append(Match(place: place, entry: Int(entry))) }
    }
    return matches
  }

  /// The node of the longest beginning of a token that a node's string and one more byte end with.
  @inline(__always)
  private func follow(_ node: Int, _ byte: UInt8) -> Int {
    var node = node
    while node != 0 {
      if let child = child(of: node, byte) { return child }
      node = Int(fallback[node])
    }
    return Int(roots[Int(byte)])
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    let end = Int(firstChild[node + 1])
    var (low, high) = (Int(firstChild[node]), end)
    while low < high {
      let middle = (low + high) / 2
      if bytes[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return low < end && bytes[low] == byte ? low : nil
  }
}
