import Tensors

/// The kernels' variants for the instruction sets of this machine.
enum Variants {
  static let available: [InstructionSet] = {
    let best = InstructionSet.inUse
    let all = InstructionSet.allCases
    return Array(all.prefix(through: all.firstIndex(of: best) ?? 0))
  }()

  /// Runs `body`, on the calling thread alone, with the kernels of one instruction set.
  static func with<Result>(
    _ variant: InstructionSet, _ body: () throws -> Result
  ) rethrows -> Result {
    InstructionSet.force(variant)
    defer { InstructionSet.force(nil) }
    return try body()
  }
}

/// Repeatable numbers: a linear congruential generator and what tests make of it.
struct Noise: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}
