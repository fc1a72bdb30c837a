import Base
import Evaluation
import Foundation
import Reports
import TestSupport
import Testing

/// What a page begins with, and how its numbers are written.
@Suite struct SummaryTests {
  /// A result of `eval perplexity` with these nats per target of each chunk of ten targets.
  /// `tokens` are the text's, `bytes` those that the targets stand for.
  private func perplexity(
    _ variant: String, _ nats: [Double], text: String = "aa", bits: Double = 1, tokens: Int = 1000,
    bytes: Int = 60
  ) throws -> ResultFile {
    let mean = nats.reduce(0, +) / Double(nats.count)
    let chunks = nats.enumerated().map {
      #"{"chunk":\#($0),"nll":\#($1),"scored":10}"#
    }
    let json = """
      {"kind":"perplexity","model":"x.gguf","date":"2026-11-25T10:00:0\(nats.count % 10)Z",
       "program":{"name":"ropeconv","version":"0.1.0","instruction_set":"avx2"},
       "models":[{"name":"Tiny","file":"x.gguf","role":"model","variant":"\(variant)"}],
       "text":"/t/essays.txt","text_sha256":"bbbbbbbb11",
       "identity":{"models":[{"sha256":"\(variant)00"}],"text":{"sha256":"\(text)","tokens":\(tokens)},
         "arithmetic":{"compute":"f32"},"settings":{"ctx":64}},
       "scored":\(10 * nats.count),"scored_bytes":\(bytes),"ctx":64,"nll":\(mean),"ppl":\(exp(mean)),"ppl_stderr":0.5,
       "bits_per_byte":\(bits),"per_chunk":[\(chunks.joined(separator: ","))]}
      """
    return try ResultFile(name: "\(variant).json", json: .parse(Array(json.utf8), file: "x"))
  }

  private func summary(_ results: [ResultFile]) throws -> String? {
    try ReportPage(results: results).html().components(separatedBy: "<section ")
      .first { $0.hasPrefix("id=\"summary\"") }
  }

  @Test func rowsAreVariantsAndWhatFollowsIsSaid() throws {
    let summary = try #require(
      try summary([
        perplexity("RoPE", [2, 2.5, 3]), perplexity("RoVE", [2.01, 2.49, 3.01]),
        perplexity("NoPE", [3, 3.5, 4.2]),
      ]))
    #expect(summary.contains("variant of Tiny"))
    #expect(summary.contains("<strong>RoPE</strong> predicts the text best."))
    // numpy: 100 expm1(mean), 100 exp(mean) std(ddof=1)/sqrt(3) of the chunks' differences.
    #expect(
      summary.contains("Within two standard errors of it: RoVE (+0.33\u{A0}%\u{A0}±\u{A0}0.67)."))
    #expect(summary.contains("Beyond them: NoPE (+190.6\u{A0}%\u{A0}±\u{A0}19.4)."))
    #expect(summary.contains("essays.txt, sha256 bbbbbbbb") && summary.contains("avx2"))
    let rows = summary.components(separatedBy: "<tr>").dropFirst(2)
    #expect(rows.count == 3)
    #expect(rows.first?.contains("<td class=\"n best\">base") == true)
    #expect(rows.last?.contains("<td class=\"n worst\">+190.6 %") == true)
    #expect(!summary.contains("bits per byte"))
  }

  @Test func otherTokensAreComparedByBits() throws {
    let summary = try #require(
      try summary([
        perplexity("RoPE", [2, 2.5], tokens: 21),
        perplexity("Other", [1, 1.5, 2], text: "cc", bits: 1.5, tokens: 31),
      ]))
    #expect(summary.contains("bits per byte") && !summary.contains("change of perplexity"))
    #expect(!summary.contains("predicts the text best"))
    #expect(summary.contains("<td class=\"n best\">1.00") && summary.contains("n worst\">1.50"))
  }

  /// Chunks of other tokens, or a first token of other bytes, leave other bytes to be scored: of a text
  /// "aaab" whose "b" alone costs something, 8 bits, the half "aa" would have 0 bits per byte, the
  /// whole has 2.
  @Test(arguments: [
    (tokens: 1000, otherTokens: 1000, bytes: 60), (tokens: 21, otherTokens: 1000, bytes: 60),
    (tokens: 21, otherTokens: 31, bytes: 59),
  ])
  func bitsOfOtherBytesAreNotRanked(tokens: Int, otherTokens: Int, bytes: Int) throws {
    let summary = try #require(
      try summary([
        perplexity("RoPE", [2, 2.5], tokens: tokens),
        perplexity(
          "Other", [1, 1.5, 2], text: "cc", bits: 1.5, tokens: otherTokens, bytes: bytes),
      ]))
    #expect(summary.contains("bits per byte") && summary.contains("1.50"))
    #expect(!summary.contains("n best") && !summary.contains("n worst"))
  }

  @Test func oneVariantNeedsNoneAndNamesThePage() throws {
    let one = try perplexity("RoPE", [2, 3])
    #expect(try summary([one]) == nil)
    #expect(try ReportPage(results: [one]).html().contains("<h1>Tiny · RoPE</h1>"))
    let two = try ReportPage(results: [one, perplexity("RoVE", [2, 3])]).html()
    #expect(two.contains("<h1>\(ReportPage.usualTitle)</h1>"))
  }

  @Test func nothingIsDrawnOfNothing() throws {
    func needle(_ nll: String) throws -> String {
      let json = """
        {"kind":"needle","model":"x.gguf","seed":1,"accuracy":1,"grid":[
         {"length":64,"depth":0,"trials":2,"correct":2,"accuracy":1,"answer_nll":\(nll)}]}
        """
      return try ReportPage(
        results: [ResultFile(name: "n", json: .parse(Array(json.utf8), file: "n"))]
      ).html()
    }
    // A scale over a few hundredths of a nat would show noise as a difference.
    let small = try needle("0.02")
    #expect(small.components(separatedBy: "<figure>").count - 1 == 1)
    #expect(small.contains("at most 0.0200 nats"))
    #expect(try needle("null").components(separatedBy: "<figure>").count - 1 == 1)
    #expect(try needle("0.5").components(separatedBy: "<figure>").count - 1 == 2)
  }

  @Test func whatIsFarOffLeavesTheChartToTheOthers() throws {
    func points(_ last: Double) -> [LineChart.Point] {
      [.init(x: 0, y: last, error: 1), .init(x: 1, y: last, error: 1)]
    }
    let chart = try #require(
      ChangeChart(
        title: "t", xTitle: "x", changes: [points(3), points(900), []],
        names: ["base", "near", "far", "none"]))
    #expect(chart.chart.series.map(\.name) == ["base", "near"])
    #expect(chart.note == " Not drawn: far, +900.0 %.")
    let svg = chart.chart.svg()
    #expect(svg.contains("class=\"band s1\"") && svg.contains(">near</text>"))
    #expect(ChangeChart(title: "t", xTitle: "x", changes: [[]], names: ["a", "b"]) == nil)
  }

  /// What is below zero and looks like zero has no sign; an infinity keeps its own.
  @Test func zeroHasNoSign() {
    #expect(Format.fixed(-0.0004, 3) == "0.000" && Format.fixed(-0.0, 0) == "0")
    #expect(Format.fixed(-0.0006, 3) == "-0.001" && Format.fixed(-10, 1) == "-10.0")
    #expect(Format.signed(-0.004, 2) == "0.00" && Format.signed(0.004, 2) == "0.00")
    #expect(Format.signed(0.006, 2) == "+0.01" && Format.signed(-0.006, 2) == "-0.01")
    #expect(Format.general(-0.0) == "0" && Format.general(-1e-9) == "-1e-09")
    #expect(Format.fixed(-.infinity, 3) == "-inf" && Format.signed(.infinity, 2) == "+inf")
  }

  @Test(arguments: [
    (15.2345, 0.052, "15.23 ± 0.05"), (15.2345, Double.nan, "15.2"),
    (3.5092, 0.0131, "3.509 ± 0.013"),
    (0.000312, 0.0000041, "(3.12 ± 0.04) × 10⁻⁴"), (-1_234_567, .nan, "−1.23 × 10⁶"),
    (0, .nan, "0.00"), (0.98, 0, "0.980 ± 0.000"), (.nan, 1, "–"),
    (.leastNonzeroMagnitude, .leastNonzeroMagnitude, "0.000000 ± 0.000000"),
  ])
  func threeDigitsAndOneExponent(_ value: Double, _ error: Double, _ text: String) {
    #expect(Format.shown(value, error: error).text == text)
  }

  @Test(arguments: [
    (0.041, 0.028, "+0.04 % ± 0.03"), (-10.93, 0.82, "−10.9 % ± 0.8"), (0, 0, "0.00 % ± 0.00"),
  ])
  func changesHaveASign(_ value: Double, _ error: Double, _ text: String) {
    #expect(Format.change(Estimate(value: value, error: error)).text == text)
  }
}
