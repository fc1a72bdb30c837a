import Base
import Evaluation
import Foundation
import Reports
import TestSupport
import Testing

/// A model that is scored on what it was fitted on is never shown without a word of it.
@Suite struct CalibrationNoteTests {
  private static let note = "(calibration text)"

  private func result(_ kind: String, _ variant: String, _ own: String, fitted: Bool) throws
    -> ResultFile
  {
    let json = """
      {"kind":"\(kind)","model":"\(variant).gguf","key":"\(kind)\(variant)",
       "models":[{"name":"Tiny","role":"model","variant":"\(variant)"}],
       \(fitted ? #""calibration_text":true,"# : "")\(own)}
      """
    return try ReportTests.result(json)
  }

  private func perplexity(
    _ variant: String, _ value: Double, fitted: Bool = false, text: String = "/t/cal.txt"
  ) throws -> ResultFile {
    let own = """
      "text":"\(text)","ctx":64,"nll":\(log(value)),"ppl":\(value),"ppl_stderr":0.5,"per_chunk":[]
      """
    return try result("perplexity", variant, own, fitted: fitted)
  }

  private func sections(_ results: [ResultFile]) throws -> [String] {
    let page = try ReportTests.page(results)
    return Array(page.components(separatedBy: "<section ").dropFirst())
  }

  @Test func theBestOnItsOwnTextIsSaidToBeThat() throws {
    let found = try sections([
      perplexity("RoPE", 4), perplexity("RoVE, fitted", 3, fitted: true),
      perplexity("NoPE", 9),
    ])
    #expect(found.count == 2)
    #expect(found[0].contains("<strong>RoVE, fitted</strong> predicts the text best."))
    #expect(
      found[0].contains(
        "Fitted on cal.txt, or on a part of it (calibration text): RoVE, fitted. Other texts cost"))
    #expect(
      found[1].contains(
        "Fitted on cal.txt, or on a part of it (calibration text): Tiny · RoVE, fitted. Other"))
    let conditions = found[1].components(separatedBy: "<summary>Conditions</summary>").last ?? ""
    #expect(conditions.contains(">calibration text<"))
    #expect(conditions.components(separatedBy: "of the fit, or in part").count - 1 == 1)
    // Of another text there is nothing to say.
    let other = try sections([perplexity("RoPE", 4), perplexity("RoVE, fitted", 3)])
    for section in other { #expect(!section.contains("calibration")) }
  }

  /// A model scored on two texts was fitted on one of them.
  @Test func theTextIsNamed() throws {
    let found = try sections([
      perplexity("RoVE, fitted", 3, fitted: true),
      perplexity("RoVE, fitted", 5, text: "other.txt"),
      perplexity("RoPE", 4, fitted: true, text: "-"),
    ])
    for words in ["cal.txt, or on", "standard input, or on"] { #expect(found[0].contains(words)) }
    #expect(!found[0].contains("Fitted on other.txt"))
  }

  @Test(
    arguments: [
      (
        "needle",
        #""haystack":"cal.txt","seed":1,"accuracy":1,"grid":[{"length":8,"depth":0,"accuracy":1}]"#
      ),
      ("ruler", #""score":1,"tasks":[{"task":"t","length":8,"score":1}]"#),
      (
        "icl",
        #""tasks":[{"task":"t","shots":0,"examples":1,"accuracy":1,"centered":1}]"#
      ),
      (
        "bytes",
        #""text":"cal.txt","bytes":9,"scored":8,"ctx":64,"nll_sum":8,"bits_per_byte":1.25"#
      ),
    ])
  func everySectionSaysIt(_ kind: String, _ own: String) throws {
    for isFitted in [true, false] {
      let found = try sections([
        result(kind, "RoVE, fitted", own, fitted: isFitted),
        result(kind, "RoPE", own, fitted: false),
      ])
      #expect(found.count == 2)
      for section in found { #expect(section.contains(Self.note) == isFitted, "\(kind)") }
    }
  }

  /// Either of two may be the fitted one, so both are named.
  @Test func aComparisonNamesBoth() throws {
    func comparison(_ base: String, _ other: String) throws -> ResultFile {
      try ReportTests.result(
        """
        {"kind":"compare","base":"a.gguf","other":"b.gguf","text":"cal.txt","calibration_text":true,
         "models":[{"name":"Tiny","role":"base","variant":"\(base)"},
                   {"name":"Tiny","role":"other","variant":"\(other)"}],
         "kl":{"mean":0.5},"delta_p":{"mean":0},"ppl_base":2,"ppl_other":3}
        """)
    }
    let found = try sections([
      comparison("RoVE, fitted", "RoPE"), comparison("RoVE, fitted", "NoPE"),
    ])
    let words =
      "\(Self.note): Tiny · RoPE against RoVE, fitted; Tiny · NoPE against RoVE, fitted. Other"
    #expect(found.count == 2)
    for section in found { #expect(section.contains(words)) }
  }

  /// A curve says it of itself: the other one of the same sweep was not fitted.
  @Test func curvesSayIt() throws {
    func curve(_ variant: String, _ own: String) -> String {
      """
      {"model":"x.gguf","sites":"qk","rope_scaling":"checkpoint",\(own)
       "models":[{"name":"Tiny","role":"model","variant":"\(variant)"}],
       "points":[{"ctx":64,"ppl":3,"nll":1,"scored":10,"chunks":1}]}
      """
    }
    let curves = [curve("RoVE, fitted", #""calibration_text":true,"#), curve("RoPE", "")]
    let found = try sections([
      ReportTests.result(
        """
        {"kind":"sweep","text":"cal.txt","calibration_text":true,
         "sweeps":[\(curves.joined(separator: ","))]}
        """)
    ])
    #expect(found.count == 2)
    for section in found { #expect(section.contains("\(Self.note): ")) }
    #expect(found[0].contains("\(Self.note): RoVE, fitted. Other"))
  }
}
