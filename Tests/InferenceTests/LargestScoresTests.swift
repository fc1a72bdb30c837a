import Evaluation
import Inference
import Testing

/// The choice of an index against a stable sort.
@Suite struct LargestScoresTests {
  private func chosen(_ scores: [Float], _ kept: Int) -> [Int] {
    scores.withUnsafeBufferPointer { scores in
      guard let base = scores.baseAddress else { return [] }
      return LargestScores.places(base, count: scores.count, kept: kept)
    }
  }

  @Test func equalsAStableSort() {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<200 {
      let count = 1 + round * 7 % 300
      // Few different values: many are equal, and both zeros are among them.
      let scores = (0..<count).map { _ in
        round % 2 == 0
          ? Float(Int.random(in: -3...3, using: &generator)) * (Bool.random() ? 1 : -1)
          : Float.random(in: -1...1, using: &generator)
      }
      for kept in [0, 1, count / 3, count - 1, count, count + 5] {
        let sorted = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        #expect(chosen(scores, kept) == sorted.prefix(kept).sorted(), "\(scores) \(kept)")
      }
    }
  }

  @Test func whatIsNoNumberComesLast() {
    #expect(chosen([.nan, -.infinity, 1, .nan, .infinity], 2) == [2, 4])
    #expect(chosen([.nan, -.infinity, 1, .nan, .infinity], 3) == [1, 2, 4])
    #expect(chosen([.nan, .nan, .nan], 2) == [0, 1])
  }
}
