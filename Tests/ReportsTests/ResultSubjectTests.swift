import Base
import Checkpoints
import Foundation
import Reports
import TestSupport
import Testing

/// Rows of a report say what the results state; names of files say nothing.
@Suite struct ResultSubjectTests {
  private static let older = "(states nothing: made by an older version)"

  /// A result of `eval perplexity` as it states itself.
  private func perplexity(
    name: String = "SmolLM2", variant: String, file: String, compute: String = "f32",
    context: Int = 512, text: String = "wiki.test.txt", textHash: String = "aaaaaaaa11",
    stride: String = "null", weights: String = "c0ffee0011", date: String = "2026-11-25T10:00:00Z"
  ) throws -> ResultFile {
    let json = """
      {"kind":"perplexity","key":"0123456789abcdef","date":"\(date)",
       "program":{"name":"ropeconv","version":"0.1.0"},"model":"/m/\(file).gguf",
       "models":[{"name":"\(name)","file":"/m/\(file).gguf","role":"model",
                  "variant":"\(variant)"}],
       "text":"/t/\(text)",
       "identity":{"kind":"perplexity","models":[{"role":"model","sha256":"\(weights)",
         "rotation":{"sites":"qkvo","value_pairs":16,"pairs":32}}],
         "text":{"sha256":"\(textHash)","tokens":1024},"arithmetic":{"compute":"\(compute)"},
         "settings":{"ctx":\(context),"stride":\(stride)}},
       "sites":"qkvo","ctx":\(context),"nll":2.5,"ppl":12.18,"ppl_stderr":0.4,"per_chunk":[]}
      """
    return try result(json, name: "\(file).json")
  }

  private func result(_ json: String, name: String) throws -> ResultFile {
    try ResultFile(name: name, json: try JSONValue.parse(Array(json.utf8), file: name))
  }

  /// The first cells of the rows of the first table below the summary.
  private func rows(_ results: [ResultFile]) throws -> [String] {
    let page = try ReportPage(title: "t", results: results).html()
    let sections = page.components(separatedBy: "<section ").dropFirst()
      .filter { !$0.hasPrefix("id=\"summary\"") }
    let table = try #require(sections.joined().components(separatedBy: "<table>").dropFirst().first)
      .components(separatedBy: "</table>")[0]
    return table.components(separatedBy: "<th scope=\"row\">").dropFirst().map {
      $0.components(separatedBy: "</th>")[0]
    }
  }

  /// The column of a text's hash shows that of its bytes, as the summary does; of ids it says so.
  @Test func hashesOfTextsAreThoseOfTheirBytes() throws {
    let plain = try perplexity(variant: "RoPE", file: "a")
    func cells(_ result: ResultFile) throws -> String {
      let page = try ReportPage(title: "t", results: [result]).html()
      return try #require(
        page.components(separatedBy: "<summary>Conditions</summary>").dropFirst().first?
          .components(separatedBy: "</table>").first)
    }
    #expect(try cells(plain).contains(">ids aaaaaaaa<"))
    var fields = try #require(plain.json.object)
    fields["text_sha256"] = "dddddddd44"
    let stated = try ResultFile(name: "a.json", json: .object(fields))
    #expect(try cells(stated).contains(">dddddddd<"))
    #expect(try !cells(stated).contains("aaaaaaaa"))
  }

  @Test func aFileNamedForAnotherVariantDoesNotDeceive() throws {
    let page = try ReportPage(
      title: "t",
      results: [
        try perplexity(variant: "RoVE, 16 of 32 pairs, fitted", file: "model.rope")
      ]
    ).html()
    #expect(page.contains("<th scope=\"row\">SmolLM2 · RoVE, 16 of 32 pairs, fitted</th>"))
    // Settings and hashes name the file, no row does.
    let shown = page.components(separatedBy: "<details class=\"settings\">")[0]
    #expect(!shown.contains("model.rope"))
  }

  @Test func rowsAlikeAreToldApartByTheSettingThatDiffers() throws {
    let variant = "RoPE"
    let title = "SmolLM2 · RoPE"
    #expect(
      try rows([
        perplexity(variant: variant, file: "a"),
        perplexity(variant: variant, file: "b", compute: "bf16"),
      ]) == ["\(title) · f32", "\(title) · bf16"])
    #expect(
      try rows([
        perplexity(variant: variant, file: "a"),
        perplexity(variant: variant, file: "b", context: 2048),
        perplexity(variant: "RoVE", file: "c", context: 2048),
      ]) == ["\(title) · ctx 512", "\(title) · ctx 2048", "SmolLM2 · RoVE"])
    #expect(
      try rows([
        perplexity(variant: variant, file: "a"),
        perplexity(variant: variant, file: "b", text: "essays.txt", textHash: "bbbbbbbb22"),
      ]) == ["\(title) · wiki.test.txt", "\(title) · essays.txt"])
    #expect(
      try rows([
        perplexity(variant: variant, file: "a"),
        perplexity(variant: variant, file: "b", textHash: "bbbbbbbb22"),
      ]) == ["\(title) · text aaaaaaaa", "\(title) · text bbbbbbbb"])
    #expect(
      try rows([
        perplexity(variant: variant, file: "a", stride: "64"),
        perplexity(variant: variant, file: "b", stride: "128"),
      ]) == ["\(title) · stride 64", "\(title) · stride 128"])
    #expect(
      try rows([
        perplexity(variant: variant, file: "a"),
        perplexity(variant: variant, file: "b", weights: "deadbeef00"),
      ]) == ["\(title) · weights c0ffee00", "\(title) · weights deadbeef"])
    // One result twice: nothing but a number is left.
    let twice = try perplexity(variant: variant, file: "a")
    #expect(try rows([twice, twice]) == ["\(title) (1)", "\(title) (2)"])
  }

  /// Two settings are needed to tell three rows apart.
  @Test func asManySettingsAsItTakes() throws {
    #expect(
      try rows([
        perplexity(variant: "RoPE", file: "a"),
        perplexity(variant: "RoPE", file: "b", compute: "bf16"),
        perplexity(variant: "RoPE", file: "c", compute: "bf16", context: 1024),
      ]) == [
        "SmolLM2 · RoPE · f32", "SmolLM2 · RoPE · bf16 · ctx 512",
        "SmolLM2 · RoPE · bf16 · ctx 1024",
      ])
  }

  @Test func olderResultsSaySo() throws {
    let one = #"{"model":"/m/x.rove.gguf","sites":"qk","ctx":512,"nll":1,"ppl":2,"per_chunk":[]}"#
    #expect(try rows([result(one, name: "a.json")]) == ["x.rove.gguf \(Self.older)"])
    #expect(
      try rows([
        result(one, name: "a.json"),
        result(one.replacing("\"qk\"", with: "\"qkvo\""), name: "b.json"),
      ]) == ["x.rove.gguf \(Self.older) · qk", "x.rove.gguf \(Self.older) · qkvo"])
  }

  @Test func comparisonsNameBothModels() throws {
    func page(_ other: String) throws -> String {
      let json = """
        {"kind":"compare","base":"/m/a.gguf","other":"/m/a.gguf",
         "models":[{"name":"SmolLM2","role":"base","variant":"RoPE"},
                   {"name":"\(other)","role":"other","variant":"RoVE, fitted"}],
         "kl":{"mean":0.5},"delta_p":{"mean":0},"ppl_base":2,"ppl_other":3}
        """
      return try ReportPage(title: "t", results: [try result(json, name: "x.json")]).html()
    }
    #expect(try page("SmolLM2").contains("SmolLM2 · RoVE, fitted against RoPE<"))
    #expect(try page("Qwen").contains("Qwen · RoVE, fitted against SmolLM2 · RoPE<"))
  }

  @Test func curvesOfASweepAreNamedByWhatTheyState() throws {
    func curve(_ variant: String) -> String {
      """
      {"model":"same.gguf","sites":"qk","rope_scaling":"x",
       "models":[{"name":"SmolLM2","role":"model","variant":"\(variant)"}],
       "points":[{"ctx":512,"ppl":2,"nll":1,
                  "identity":{"arithmetic":{"compute":"f32"},"models":[{"sha256":"abcdef0123"}]}}]}
      """
    }
    let json = #"{"kind":"sweep","sweeps":[\#(curve("RoPE")),\#(curve("RoPE, YaRN x4"))]}"#
    let results = [try result(json, name: "rove.json")]
    #expect(try rows(results) == ["SmolLM2 · RoPE", "SmolLM2 · RoPE, YaRN x4"])
    #expect(try ReportPage(title: "t", results: results).html().contains("abcdef01"))
  }

  @Test(arguments: ["needle", "ruler", "icl"])
  func gridsAndTasksToo(_ kind: String) throws {
    func one(_ variant: String) throws -> ResultFile {
      let json = """
        {"kind":"\(kind)","model":"lies.rope.gguf",
         "models":[{"name":"SmolLM2","role":"model","variant":"\(variant)"}],
         "grid":[{"length":8,"depth":0,"accuracy":1}],
         "tasks":[{"task":"t","length":8,"score":1,"shots":0,"examples":1,"accuracy":1,
                   "centered":1}]}
        """
      return try result(json, name: "\(variant).json")
    }
    let page = try ReportPage(title: "t", results: [try one("RoPE"), try one("RoVE")]).html()
    for variant in ["RoPE", "RoVE"] {
      #expect(
        page.contains("<h3>SmolLM2 · \(variant)</h3>")
          || page.contains("<strong>\(variant)</strong>"))
    }
    #expect(!page.components(separatedBy: "<details class")[0].contains("lies"))
  }

  @Test func conditionsOfEveryResult() throws {
    let page = try ReportPage(
      title: "t",
      results: [
        try perplexity(variant: "RoPE", file: "a"),
        try perplexity(variant: "RoVE", file: "b", compute: "bf16"),
      ]
    ).html()
    let table = try #require(
      page.components(separatedBy: "<summary>Conditions</summary>").dropFirst().first
    )
    .components(separatedBy: "</table>")[0]
    for text in [
      "ropeconv 0.1.0", "2026-11-25T10:00:00Z", ">f32<", ">bf16<", ">512<", "wiki.test.txt",
      "aaaaaaaa", "c0ffee00", "01234567", "SmolLM2 · RoPE", "SmolLM2 · RoVE",
    ] { #expect(table.contains(text), "\(text)") }
    // What the identity states of the models is among the settings.
    #expect(page.contains("identity.models[0].rotation.value_pairs"))
  }
}
