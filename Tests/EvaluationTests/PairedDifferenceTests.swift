import Evaluation
import Testing

/// Standard errors of differences. `Tests/Checks/paired` holds them against numpy on real models.
@Suite struct PairedDifferenceTests {
  private typealias Chunk = PairedDifference.Chunk

  private func chunks(_ scored: [Double], _ sums: [Double]) -> [Chunk] {
    zip(scored, sums).enumerated().map { .init(index: $0, scored: $1.0, sum: $1.1) }
  }

  /// numpy: d = [0.1, 0.3, 0.2]; d.mean(), d.std(ddof=1) / sqrt(3).
  @Test func equalChunksGiveTheErrorOfTheirMean() throws {
    let base = chunks([10, 10, 10], [20, 30, 25])
    let other = chunks([10, 10, 10], [21, 33, 27])
    let found = try #require(PairedDifference(from: base, to: other))
    #expect(found.chunks == 3)
    #expect(abs(found.nats.value - 0.2) < 1e-12)
    #expect(abs(found.nats.error - 0.05773502691896258) < 1e-12)
    // exp(0.2) - 1 and exp(0.2) times the error.
    #expect(abs(found.percent.value - 22.140275816016985) < 1e-9)
    #expect(abs(found.percent.error - 7.051772146) < 1e-6)
  }

  /// By hand: D = [1, 3], n = [10, 20]: d = 4/30; rests -1/3 and 1/3; sqrt(2 * 2/9) / 30.
  @Test func unequalChunksAreARatioOfSums() throws {
    let found = try #require(
      PairedDifference(from: chunks([10, 20], [20, 40]), to: chunks([10, 20], [21, 43])))
    #expect(abs(found.nats.value - 4.0 / 30) < 1e-12)
    #expect(abs(found.nats.error - (4.0 / 9).squareRoot() / 30) < 1e-12)
  }

  @Test func oneChunkHasNoErrorAndOthersDoNotPair() throws {
    let one = chunks([10], [20])
    #expect(try #require(PairedDifference(from: one, to: one)).nats.error.isFinite == false)
    #expect(PairedDifference(from: [], to: []) == nil)
    #expect(PairedDifference(from: one, to: chunks([9], [20])) == nil)
    #expect(PairedDifference(from: one, to: chunks([10, 10], [20, 20])) == nil)
    #expect(
      PairedDifference(from: one, to: [.init(index: 1, scored: 10, sum: 20)]) == nil)
  }
}
