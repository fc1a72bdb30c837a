import Rotary
import Testing

@Suite struct RotarySitesTests {
  private static let everySubset = (0..<16).map { RotarySites(rawValue: $0) }

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
    for sites in Self.everySubset {
      #expect(try RotarySites(parsing: sites.code) == sites)
      #expect(try RotarySites(parsing: sites.name) == sites)
    }
    #expect(RotarySites.all.code == "qkvo")
    #expect(Set(Self.everySubset.map(\.code)).count == 16)
  }

  @Test func relativeVariantsAreThoseWithPairedSites() {
    let relative = Self.everySubset.filter(\.isRelative).map(\.code)
    #expect(Set(relative) == ["", "qk", "vo", "qkvo"])
  }
}
