import Base
import Evaluation
import Reports
import Testing

/// Lines for a terminal.
@Suite struct TerminalLineTests {
  @Test func aBarIsAsWideAsThereIsRoom() {
    var line = ProgressLine(share: 0.5, left: 75)
    line.subject = "SmolLM2"
    line.units = (12, 24)
    line.rate = 4769.4
    line.detail = "perplexity 15.2345"
    let full = line.text(columns: 120)
    #expect(
      full
        == "SmolLM2  [##############--------------]  50 %  12 of 24  perplexity 15.2345"
        + "  4769 tokens/s  1 min 15 s left")
    for columns in 10...140 {
      let text = line.text(columns: columns)
      #expect(text.count < columns)
      #expect(!text.contains("   "))
    }
    // What matters least goes first: the rate, the name, the interim result.
    #expect(
      line.text(columns: 80)
        == "SmolLM2  [#######--------]  50 %  12 of 24  perplexity 15.2345  1 min 15 s left")
    #expect(line.text(columns: 60).contains("12 of 24") && line.text(columns: 60).contains("left"))
  }

  @Test func whatIsNotKnownLeavesNoHole() {
    let line = ProgressLine(share: 0.25, left: .infinity)
    #expect(line.text == "25.0 %  ? left")
    #expect(line.text(columns: 60) == "[#######---------------------]  25 %  ? left")
    #expect(ProgressLine(share: 3, left: 0).text == "100.0 %  0 s left")
  }

  @Test func longLinesAreBrokenBelowTheirValues() {
    let words =
      "held out   4608 tokens: perplexity 3.7490 before, 4.0430 (+7.84 %) rewritten, 3.7 fitted"
    #expect(
      Format.wrapped(words, indent: 11) == """
        held out   4608 tokens: perplexity 3.7490 before, 4.0430 (+7.84 %) rewritten,
                   3.7 fitted
        """)
    #expect(Format.wrapped("           a b", indent: 11) == "           a b")
    #expect(Format.wrapped("", indent: 3) == "")
    let text = "made by     ropeconv 0.1.0, key 52\ncodes  1.000  0.250  1.000  1.000  1.000"
    #expect(
      Format.wrapped(lines: text, columns: 30)
        == "made by     ropeconv 0.1.0,\n            key 52\ncodes  1.000  0.250  1.000  1.000  1.000"
    )
    #expect(Format.table([["a", "b"], ["c", ""]]) == "a  b\nc")
  }

  @Test func unitsTellWhatTheyGave() throws {
    func line(_ json: String) throws -> String {
      EvaluationRecord.Unit(index: 3, values: try JSONValue.parse(Array(json.utf8), file: "x")).line
    }
    #expect(
      try line(#"{"scored":2,"nll_sum":2.0,"nll_squares":3}"#)
        == "chunk 3: perplexity 2.7183, 2 targets")
    #expect(
      try line(#"{"base":[0,0],"other":[0],"kl":[0.5,1.5],"agrees":[1]}"#)
        == "chunk 3: perplexity 1.0000 and 1.0000, KL divergence 1.000000")
    #expect(
      try line(#"{"length":512,"correct":true,"answer_nll":0.25}"#)
        == "unit 3: length 512, correct yes, answer nll 0.25")
  }
}
