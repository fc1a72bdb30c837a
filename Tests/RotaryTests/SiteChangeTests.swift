import Rotary
import Testing

/// What a change of sites says, to whom, and when it says nothing.
@Suite struct SiteChangeTests {
  private func configuration(_ sites: RotarySites, pairs: Int = 4) throws -> RotaryConfiguration {
    let score = ScoreRotation(
      dimensions: 8, layout: .half, sets: [RotarySet(base: 10_000)], setOfLayer: [0, 0])
    return try RotaryConfiguration(sites: .scores, score: score, value: nil)
      .applying(
        RotaryRequest(sites: sites, valuePairs: sites.rotatesMessage ? pairs : nil), length: 64)
  }

  private func warning(
    _ from: RotarySites, _ to: RotarySites, pairs: Int = 4,
    for purpose: SiteChange.Purpose = .conversion
  ) throws -> String? {
    try SiteChange(from: configuration(from), to: configuration(to, pairs: pairs))?
      .warning(for: purpose)
  }

  @Test func everyPairOfVariantsThatDiffersWarns() throws {
    for from in RotarySites.everySubset {
      for to in RotarySites.everySubset {
        for purpose in [SiteChange.Purpose.conversion, .scoring] {
          let text = try warning(from, to, for: purpose)
          #expect((text != nil) == (from != to), "\(from.name) -> \(to.name)")
          for site in from.symmetricDifference(to).code {
            #expect(text?.contains("\(site) ") == true, "\(site): \(text ?? "")")
          }
        }
      }
    }
  }

  @Test func warningsNameTheRemedy() throws {
    let rove = try #require(try warning(.scores, .all))
    #expect(rove.contains("v and o begin to rotate") && rove.contains("--calibrate FILE"))
    #expect(rove.contains("--to keep"))
    let rope = try #require(try warning(.none, .scores))
    #expect(rope.contains("q and k begin to rotate") && !rope.contains("--calibrate"))
    let nope = try #require(try warning(.scores, .none))
    #expect(nope.contains("the scores lose distance"))
    let back = try #require(try warning(.all, .scores))
    #expect(back.contains("v and o rotate no more"))
    let one = try #require(try warning(.scores, [.query, .key, .value]))
    #expect(one.contains("v begins to rotate"))
    let scored = try #require(try warning(.scores, .all, for: .scoring))
    #expect(scored.contains("scored as qkvo where the model is qk"))
    #expect(!scored.contains("--to keep"))
  }

  /// A rotation that turns nothing is none; a fit takes care of values, not of scores.
  @Test func inertAndFittedRotationsNeedNone() throws {
    #expect(try warning(.scores, .all, pairs: 0) == nil)
    #expect(try warning(.scores, .all, for: .fittedConversion) == nil)
    #expect(
      try warning(.scores, .message, for: .fittedConversion)?.contains("lose distance") == true)
    #expect(try warning(.all, .all, pairs: 2)?.contains("other frequencies") == true)
  }
}
