import Conversion
import Testing

@Suite struct FitSettingsTests {
  /// 24,576 tokens, and 24 windows at least.
  @Test(arguments: [(64, 24_576), (512, 24_576), (1024, 24_576), (2048, 49_152), (8192, 196_608)])
  func theDefaultSizeFollowsTheContext(context: Int, tokens: Int) {
    #expect(FitSettings(context: context).tokens == tokens)
    #expect(FitSettings(tokens: 4096, context: context).tokens == 4096)
  }

  @Test func hugeContextsDoNotOverflow() {
    #expect(FitSettings(context: .max).tokens == .max)
  }

  @Test func keptSitesLeaveNoName() throws {
    #expect(
      OutputName.beside("a/m.Q4_1.gguf", sites: nil, type: try OutputTypes(parsing: "q8_0"))
        == "a/m-Q8_0.gguf")
  }
}
