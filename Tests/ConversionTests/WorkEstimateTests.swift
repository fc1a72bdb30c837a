import Conversion
import Testing

/// One display for several stages: shares of all the work.
@Suite struct WorkEstimateTests {
  @Test func stagesAddUpByTheirCost() {
    var work = WorkEstimate()
    let (first, second, third) = (work.add(30), work.add(0), work.add(10))
    #expect(work.fraction(stage: first, share: 0.5) == 15.0 / 40)
    #expect(work.fraction(stage: first, share: 1) == work.fraction(stage: second, share: 0.5))
    #expect(work.fraction(stage: third, share: 0) == 0.75)
    #expect(work.fraction(stage: third, share: 1) == 1)
  }

  /// Writing a small model is a small part of scoring it twice: an hour of scoring that is still to
  /// come does not hide behind "4 s left".
  @Test func scoringCountsBesideWriting() {
    var work = WorkEstimate()
    let weights = 630_000_000
    let scoring = WorkEstimate.scoring(tokens: 280_000, weights: weights, threads: 2)
    _ = work.add(scoring)
    let write = work.add(WorkEstimate.writing(bytes: 2 * weights))
    _ = work.add(scoring)
    #expect(work.fraction(stage: write, share: 1) < 0.51)
    #expect(work.fraction(stage: write, share: 0) > 0.49)
  }

  @Test func costsThatAreNoneAreLeftOut() {
    var work = WorkEstimate()
    let stage = work.add(.nan)
    #expect(work.fraction(stage: stage, share: 1) == 0)
    let other = work.add(2)
    #expect(work.fraction(stage: other, share: 2) == 1)
  }
}
