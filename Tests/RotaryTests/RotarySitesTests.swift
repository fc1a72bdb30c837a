import Rotary
import Testing

@Suite struct RotarySitesTests {
  static let spellings: [(String, RotarySites)] = [
    ("qk", .scores), ("rope", .scores), ("vo", .message), ("rove", .all), ("QKVO", .all),
    ("ovkq", .all), ("nope", .none), ("", .none), ("qkv", [.query, .key, .value]),
  ]

  @Test(arguments: spellings)
  func parses(text: String, sites: RotarySites) throws {
    #expect(try RotarySites(parsing: text) == sites)
  }

  @Test(arguments: ["x", "qq", "qkx", "ro pe", "q,k"])
  func refusesOtherText(text: String) {
    #expect(throws: RotaryError.self) { try RotarySites(parsing: text) }
  }

  @Test func codesAreInOrderAndRoundTrip() throws {
    for sites in RotarySites.everySubset {
      #expect(try RotarySites(parsing: sites.code) == sites)
      #expect(try RotarySites(parsing: sites.name) == sites)
    }
    #expect(RotarySites.all.code == "qkvo")
    #expect(Set(RotarySites.everySubset.map(\.code)).count == 16)
  }

  @Test func relativeVariantsAreThoseWithPairedSites() {
    let relative = RotarySites.everySubset.filter(\.isRelative).map(\.code)
    #expect(Set(relative) == ["", "qk", "vo", "qkvo"])
  }
}
