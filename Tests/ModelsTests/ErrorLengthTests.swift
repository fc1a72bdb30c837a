import Base
import Models
import TestSupport
import Testing
import Vocabulary

/// Error lines stay short whatever a file holds.
@Suite struct ErrorLengthTests {
  @Test func patternsAreCut() {
    let pattern = "(" + String(repeating: "a", count: 60_000)
    for error in [
      VocabularyError.pattern(file: "f", pattern: pattern, problem: "missing )"),
      .matching(file: "f", pattern: pattern, problem: "p", byte: 1),
      .unknownPreTokenizer(file: "f", name: pattern),
    ] {
      // 80 of them, and the points that say there are more.
      #expect(error.summary.contains("'(" + String(repeating: "a", count: 79) + "...'"))
      #expect(error.summary.count < 200)
    }
  }

  @Test func listsOfTensorsAreCut() {
    let names = (0..<300).map { "\($0)." + String(repeating: "b", count: 1000) }
    let error = ModelError.tensors(file: "f", missing: names, unexpected: ["c", "d"])
    #expect(error.summary.hasPrefix("missing tensors: 0.bbb"))
    #expect(error.summary.contains("15.bbb") && !error.summary.contains("16.bbb"))
    #expect(error.summary.hasSuffix(" and 284 more; unexpected tensors: c, d"))
    #expect(error.summary.count < 2000)
    let two = ModelError.tensors(file: "f", missing: ["a", "b"], unexpected: [])
    #expect(two.summary == "missing tensors: a, b")
  }

  @Test func whatIsShownIsCut() {
    let long = String(repeating: "c", count: 5000)
    let error = ModelError.shape(file: "f", tensor: long, found: [1], expected: [2])
    #expect(error.shownPlace == "tensor " + String(repeating: "c", count: 193) + "...")
    let other = ModelError.notFinite(file: "f", what: long)
    #expect(other.shownSummary == String(repeating: "c", count: 2000) + "...")
    #expect(shortened("abc", to: 3) == "abc" && shortened("abcd", to: 3) == "abc...")
    #expect(shortened("", to: 3) == "")
  }
}
