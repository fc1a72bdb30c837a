/// Random numbers that are the same on every machine and with every version of Swift.
///
/// The numbers come from xoshiro256** (Blackman and Vigna, arXiv:1805.01407), its state filled by
/// SplitMix64. What is built on them is written out here, because the standard library promises
/// nothing about how it turns random bits into integers, samples and orders.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// Continues from a state of xoshiro256**, not all of it zero.
  package init(state: (UInt64, UInt64, UInt64, UInt64)) { self.state = state }

  /// The generator of a seed: four numbers of SplitMix64 are the state.
  package init(seed: UInt64) {
    var filler = SplitMix64(state: seed)
    state = (filler.next(), filler.next(), filler.next(), filler.next())
  }

  /// The generator of one sample: all four parts change every number, so that any sample can be
  /// made without those before it.
  package init(seed: UInt64, task: String, length: Int, index: Int) {
    var mixed = SplitMix64.mix(seed)
    for byte in task.utf8 { mixed = SplitMix64.mix(mixed ^ UInt64(byte)) }
    // A byte above all of UTF-8 ends the name: "ab", 1 must differ from "a", ...
    mixed = SplitMix64.mix(mixed ^ 0xFF)
    for number in [length, index] {
      mixed = SplitMix64.mix(mixed ^ UInt64(bitPattern: Int64(number)))
    }
    self.init(seed: mixed)
  }

  package mutating func next() -> UInt64 {
    let result = Self.rotated(state.1 &* 5, by: 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = Self.rotated(state.3, by: 45)
    return result
  }

  /// A number from 0 to `bound - 1`: the upper half of one random number times the bound.
  ///
  /// Exactly one number is drawn, whatever the bound, and the result grows in proportion to the
  /// bound: a needle stays at its relative place while the haystack around it grows. The bias is at
  /// most `bound / 2^64`. 0 for a bound below 1.
  package mutating func integer(below bound: Int) -> Int {
    let random = next()
    return bound < 1 ? 0 : Int(random.multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// An element, each equally likely; nil where there is none.
  package mutating func element<Element>(of elements: [Element]) -> Element? {
    let index = integer(below: elements.count)
    return index < elements.count ? elements[index] : nil
  }

  /// Distinct numbers from 0 to `bound - 1` in ascending order, every set equally likely (Floyd's
  /// algorithm: `count` draws); all of them where `count` is not below `bound`.
  package mutating func sample(_ count: Int, below bound: Int) -> [Int] {
    guard count > 0, bound > 0 else { return [] }
    var chosen: Set<Int> = []
    for last in max(bound - count, 0)..<bound {
      let candidate = integer(below: last + 1)
      chosen.insert(chosen.contains(candidate) ? last : candidate)
    }
    return chosen.sorted()
  }

  /// The elements in random order, every order equally likely (Fisher-Yates, inside out: the
  /// element at `i` goes to a random place up to `i`, and what was there moves to `i`).
  ///
  /// Elements appended to a list move only those they change places with, so that a list that grows
  /// keeps most of its order.
  package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      let place = integer(below: index + 1)
      if place == index {
        result.append(element)
      } else {
        result.append(result[place])
        result[place] = element
      }
    }
    return result
  }

  private static func rotated(_ value: UInt64, by count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014), which fills the state of the generator above.
package struct SplitMix64 {
  package var state: UInt64

  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    let result = Self.mix(state)
    state &+= 0x9E37_79B9_7F4A_7C15
    return result
  }

  /// The number that follows a state.
  static func mix(_ state: UInt64) -> UInt64 {
    var value = state &+ 0x9E37_79B9_7F4A_7C15
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
