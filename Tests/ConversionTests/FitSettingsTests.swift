import Conversion
import Testing

@Suite struct FitSettingsTests {
  /// 49,152 tokens, of long windows 48 up to 98,304 tokens, and 24 windows at least.
  @Test(arguments: [
    (64, 49_152), (1024, 49_152), (1536, 73_728), (2048, 98_304), (4096, 98_304), (8192, 196_608),
  ])
  func theDefaultSizeFollowsTheContext(context: Int, tokens: Int) {
    #expect(FitSettings(context: context).tokens == tokens)
    #expect(FitSettings(tokens: 4096, context: context).tokens == 4096)
  }

  @Test func hugeContextsDoNotOverflow() {
    #expect(FitSettings(context: .max).tokens == .max)
  }

  @Test func keptSitesLeaveNoName() throws {
    #expect(
      try OutputName.beside("a/m.Q4_1.gguf", sites: nil, type: try OutputTypes(parsing: "q8_0"))
        == "a/m-Q8_0.gguf")
  }
}
