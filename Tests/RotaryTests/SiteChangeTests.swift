import Rotary
import Testing

/// What a change of sites says, to whom, and when it says nothing.
@Suite struct SiteChangeTests {
  private func configuration(_ sites: RotarySites, pairs: Int = 4) throws -> RotaryConfiguration {
    let layer = RotaryLayer(
      sites: .scores, score: ScoreRotation(dimensions: 8, layout: .half, base: 10_000))
    return try RotaryConfiguration(layers: [layer, layer])
      .applying(
        RotaryRequest(sites: sites, valuePairs: sites.rotatesMessage ? pairs : nil), length: 64)
  }

  private func effects(
    _ from: RotarySites, _ to: RotarySites, pairs: Int = 4,
    for purpose: SiteChange.Purpose = .conversion
  ) throws -> String? {
    try SiteChange(from: configuration(from), to: configuration(to, pairs: pairs))?
      .effects(for: purpose)
  }

  @Test func everyPairOfVariantsThatDiffersWarns() throws {
    for from in (0..<16).map(RotarySites.init(rawValue:)) {
      for to in (0..<16).map(RotarySites.init(rawValue:)) {
        for purpose in [SiteChange.Purpose.conversion, .scoring] {
          let text = try effects(from, to, for: purpose)
          #expect((text != nil) == (from != to), "\(from.name) -> \(to.name)")
          for site in from.symmetricDifference(to).code {
            #expect(text?.contains("\(site) ") == true, "\(site): \(text ?? "")")
          }
        }
      }
    }
  }

  @Test func effectsAreNamed() throws {
    let rove = try #require(try effects(.scores, .all))
    #expect(rove.contains("v and o begin to rotate") && rove.contains("starting point"))
    let rope = try #require(try effects(.none, .scores))
    #expect(rope.contains("q and k begin to rotate"))
    let nope = try #require(try effects(.scores, .none))
    #expect(nope.contains("attention scores lose the distance"))
    let back = try #require(try effects(.all, .scores))
    #expect(back.contains("v and o no longer rotate"))
    let one = try #require(try effects(.scores, [.query, .key, .value]))
    #expect(one.contains("v begins to rotate"))
    let scored = try #require(try effects(.scores, .all, for: .scoring))
    #expect(scored.contains("scored as qkvo where the model is qk"))
    #expect(!scored.contains("starting point"))
  }

  /// A rotation that turns nothing is none; a fit takes care of values, not of scores.
  @Test func inertAndFittedRotationsNeedNone() throws {
    #expect(try effects(.scores, .all, pairs: 0) == nil)
    #expect(try effects(.scores, .all, for: .fittedConversion) == nil)
    #expect(
      try effects(.scores, .message, for: .fittedConversion)?.contains("lose the distance") == true)
    #expect(try effects(.all, .all, pairs: 2)?.contains("other frequencies") == true)
  }
}
