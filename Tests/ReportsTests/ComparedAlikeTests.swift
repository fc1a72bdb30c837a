import Base
import Evaluation
import Foundation
import Reports
import TestSupport
import Testing

/// What a page says of results that are not alike in all but the variant, and which of them it calls best.
@Suite struct ComparedAlikeTests {
  private func result(_ json: String) throws -> ResultFile {
    try ResultFile(name: "r.json", json: try JSONValue.parse(Array(json.utf8), file: "r.json"))
  }

  /// A result of `eval perplexity` with these nats per target of each chunk of ten targets.
  private func perplexity(
    _ variant: String, _ nats: [Double], weights: String = "c0ffee0011", types: String = "f16",
    compute: String = "f32", level: String = "avx2", version: String = "0.1.0",
    settings: String = #""ctx":64,"start":0"#
  ) throws -> ResultFile {
    let mean = nats.reduce(0, +) / Double(nats.count)
    let chunks = nats.enumerated().map { #"{"chunk":\#($0),"nll":\#($1),"scored":10}"# }
    return try result(
      """
      {"kind":"perplexity","model":"x.gguf","shard":"1/1",
       "key":"\(variant)\(weights)\(compute)\(level)\(version)\(settings.count)\(mean)",
       "program":{"name":"ropeconv","version":"\(version)","instruction_set":"\(level)"},
       "models":[{"name":"Tiny","role":"model","variant":"\(variant)","weight_types":"\(types)"}],
       "text":"essays.txt","text_sha256":"bbbbbbbb11",
       "identity":{"models":[{"sha256":"\(weights)"}],"text":{"sha256":"aa"},"materials":{},
         "arithmetic":{"compute":"\(compute)","instruction_set":"\(level)","revision":4},
         "settings":{\(settings)}},
       "ctx":64,"nll":\(mean),"ppl":\(exp(mean)),"ppl_stderr":0.5,
       "per_chunk":[\(chunks.joined(separator: ","))]}
      """)
  }

  private func page(_ results: [ResultFile]) throws -> String {
    try ReportPage(title: "t", results: results).html()
  }

  private func summary(_ results: [ResultFile]) throws -> String {
    try #require(
      try page(results).components(separatedBy: "<section ").first {
        $0.hasPrefix("id=\"summary\"")
      })
  }

  /// The first cells of the summary's rows.
  private func rows(_ summary: String) -> [String] {
    summary.components(separatedBy: "<th scope=\"row\">").dropFirst().map {
      $0.components(separatedBy: "</th>")[0]
    }
  }

  // MARK: - Names

  /// Rows of one variant are told apart in the sentence as in the table, by types of weights or hashes.
  @Test func theVerdictNamesItsRowsAsTheTableDoes() throws {
    let types = try summary([
      perplexity("RoPE", [2, 2.5, 3]), perplexity("RoVE", [3, 3.5, 4.2], weights: "abcdefab00"),
      perplexity("RoPE", [3, 3.5, 4.3], weights: "deadbeef00", types: "q4_0 with q6_k"),
    ])
    #expect(rows(types) == ["RoPE · f16", "RoVE", "RoPE · q4_0 with q6_k"])
    #expect(types.contains("<strong>RoPE · f16</strong> predicts the text best."))
    #expect(types.contains("RoPE · q4_0 with q6_k (+") && !types.contains("RoPE (+"))
    let hashes = try summary([
      perplexity("RoPE", [2, 2.5, 3]), perplexity("RoPE", [3, 3.5, 4.3], weights: "deadbeef00"),
    ])
    #expect(rows(hashes) == ["RoPE · weights c0ffee00", "RoPE · weights deadbeef"])
    #expect(hashes.contains("RoPE · weights deadbeef (+"))
  }

  @Test func rowsSayByWhatTheyWereComputed() throws {
    let results = try [
      perplexity("RoPE", [2, 2.5, 3]), perplexity("RoVE", [3, 3.5, 4.2], compute: "bf16"),
      perplexity("RoPE", [2, 2.5, 3.1], compute: "bf16"),
      perplexity("NoPE", [4, 4.5, 5.2], level: "portable"),
    ]
    let names = [
      "RoPE · f32 · avx2", "RoVE · bf16 · avx2", "RoPE · bf16 · avx2", "NoPE · f32 · portable",
    ]
    let found = try summary(results)
    #expect(rows(found) == names)
    #expect(found.contains("<strong>RoPE · f32 · avx2</strong> predicts the text best."))
    // The same variant of the same weights in another arithmetic is another row of the sentence too.
    for name in names.dropFirst() { #expect(found.contains("\(name) (+"), "\(name)") }
    #expect(
      found.contains(
        "was computed alike: arithmetic f32 or bf16, instruction set avx2 or portable."))
    let section = try page(results)
    for name in names { #expect(section.contains("<th scope=\"row\">Tiny · \(name)</th>")) }
    #expect(section.contains("ropeconv 0.1.0 (portable)"))

    let versions = try summary([
      perplexity("RoPE", [2, 2.5]), perplexity("RoVE", [3, 3.5], version: "0.2.0"),
    ])
    #expect(rows(versions) == ["RoPE · ropeconv 0.1.0", "RoVE · ropeconv 0.2.0"])
    #expect(versions.contains("program ropeconv 0.1.0 or ropeconv 0.2.0"))

    let alike = try summary([perplexity("RoPE", [2, 2.5]), perplexity("RoVE", [3, 3.5])])
    #expect(rows(alike) == ["RoPE", "RoVE"] && !alike.contains("computed alike"))
  }

  /// Shards of two programs: both are named, and told from a result of one.
  @Test func allProgramsOfAResultAreNamed() throws {
    func made(_ variant: String, _ versions: String...) throws -> ResultFile {
      let plain = try perplexity(variant, variant == "RoPE" ? [2, 2.5] : [3, 3.5])
      var fields = try #require(plain.json.object)
      fields["programs"] = .array(
        versions.map { ["name": "ropeconv", "version": .string($0)] as JSONValue })
      return try ResultFile(name: "r.json", json: .object(fields))
    }
    let one = try perplexity("RoVE", [3, 3.5])
    let merged = try made("RoPE", "0.0.9", "0.1.0", "0.0.9")
    let all = try summary([merged, one])
    #expect(all.contains("program ropeconv 0.0.9 and ropeconv 0.1.0 or ropeconv 0.1.0."))
    #expect(
      all.contains("<dd>ropeconv 0.0.9 and ropeconv 0.1.0 (avx2); ropeconv 0.1.0 (avx2)</dd>"))
    let conditions = try page([merged]).components(separatedBy: "<summary>Conditions</summary>")
    #expect(conditions.last?.contains(">ropeconv 0.0.9 and ropeconv 0.1.0 (avx2)<") == true)
    // Of the same two programs, whichever was first, nothing is said.
    let other = try made("RoVE", "0.1.0", "0.0.9")
    #expect(try !summary([merged, other]).contains("computed alike"))
  }

  @Test func comparisonsOfOneVariantSayWhichWeights() throws {
    func title(_ base: String, _ other: String) throws -> String {
      let found = try page([
        result(
          """
          {"kind":"compare","base":"a.gguf","other":"b.gguf",
           "models":[{"name":"Tiny","role":"base","variant":"RoPE"\(base)},
                     {"name":"Tiny","role":"other","variant":"RoPE"\(other)}],
           "identity":{"models":[{"role":"base","sha256":"aaaaaaaa00"},
                                 {"role":"other","sha256":"bbbbbbbb00"}]},
           "kl":{"mean":0.5},"delta_p":{"mean":0},"ppl_base":2,"ppl_other":3}
          """)
      ])
      return try #require(rows(found).first)
    }
    #expect(
      try title(#","weight_types":"f16""#, #","weight_types":"q8_0""#)
        == "Tiny · RoPE · q8_0 against RoPE · f16")
    #expect(try title("", "") == "Tiny · RoPE · weights bbbbbbbb against RoPE · weights aaaaaaaa")
  }

  // MARK: - Best and worst

  /// Of paired differences of 0.0001, -0.0001 and 0.00001 nats the mean is below a tenth of its error.
  @Test func whatNothingTellsApartIsNeitherBestNorWorst() throws {
    let (one, other) = try (
      perplexity("RoPE", [2, 2.5, 3]), perplexity("RoVE", [2.0001, 2.4999, 3.00001])
    )
    let pair = try summary([one, other])
    #expect(!pair.contains("n best") && !pair.contains("n worst"))
    let three = try summary([one, other, perplexity("NoPE", [3, 3.5, 4.2])])
    // Base and the other in each of two columns.
    #expect(three.components(separatedBy: "n best").count - 1 == 4)
    #expect(three.components(separatedBy: "n worst").count - 1 == 2)
    // One chunk has no error: 100 expm1(0.00001) is 0.00 %.
    let single = try summary([perplexity("RoPE", [2]), perplexity("RoVE", [2.00001])])
    #expect(!single.contains("n best") && !single.contains("n worst"))
  }

  @Test(arguments: [
    (13_780_000.0, 8_000_000.0, "(+1.38 ± 0.80) × 10⁷ %"),
    (2_000_000.0, Double.nan, "+2.00 × 10⁶ %"), (999_999.0, Double.nan, "+999999.0 %"),
    (5.0, 3_000_000.0, "(0.00 ± 3.00) × 10⁶ %"), (Double.nan, 1.0, "–"),
  ])
  func largeChangesAreShown(_ value: Double, _ error: Double, _ text: String) {
    #expect(Format.change(Estimate(value: value, error: error)).text == text)
  }

  // MARK: - Settings

  @Test func whatDiffersIsNamed() throws {
    let starts = try page([
      perplexity("RoPE", [2, 2.5]),
      perplexity("RoVE", [2, 2.5], settings: #""ctx":64,"start":100"#),
    ])
    #expect(starts.contains("differ (start 0 or start 100), so their perplexities do not compare"))
    func needle(_ chat: String) throws -> ResultFile {
      try result(
        """
        {"kind":"needle","key":"\(chat.count)","model":"x.gguf","haystack":"h.txt","seed":1,
         "models":[{"name":"Tiny","role":"model","variant":"RoPE"}],"accuracy":0.5,
         "grid":[{"length":64,"depth":0,"accuracy":0.5,"answer_nll":0.5}],
         "identity":{"models":[{"sha256":"aa"}],"text":null,"arithmetic":{"compute":"f32"},
           "settings":{"lengths":[64],"chat":\(chat)},"materials":{"haystack_sha256":"ee"}}}
        """)
    }
    let chats = try page([
      needle("null"), needle(#"{"name":"chatml","before_user":"<|im_start|>user\n"}"#),
    ])
    #expect(chats.contains("Tiny · RoPE · no chat<") && chats.contains("RoPE · chat chatml<"))
    #expect(chats.contains("differ (no chat or chat chatml): only those that agree"))
    #expect(!chats.components(separatedBy: "<details class")[0].contains("chat null"))
  }

  @Test func baselinesAreNamed() throws {
    func tasks(_ baseline: String, _ source: String, _ variant: String) throws -> ResultFile {
      try result(
        """
        {"kind":"icl","key":"\(baseline)\(variant)","model":"x.gguf","mean_centered":1,
         "models":[{"name":"Tiny","role":"model","variant":"\(variant)"}],
         "tasks":[{"task":"codes","type":"schema","shots":2,"examples":6,"accuracy":1,"centered":1,
                   "baseline":0.25,"baseline_source":"\(source)"}],
         "identity":{"models":[{"sha256":"aa"}],"text":null,"arithmetic":{"compute":"f32"},
           "settings":{"shots":2},
           "materials":{"tasks":[{"task":"codes","sha256":"ff","baseline":\(baseline)}]}}}
        """)
    }
    let found = try page([
      tasks("null", "choices", "RoPE"), tasks("0.25", "published", "RoPE"),
      tasks("0.25", "published", "RoVE"),
    ])
    #expect(found.contains("few-shot, centred · baselines of choices<"))
    #expect(found.contains("few-shot, centred · published baselines<"))
    #expect(found.contains("<h3>Tiny · RoPE · baselines of choices</h3>"))
    #expect(found.contains(">0.250, choices<") && found.contains(">0.250, published<"))
  }
}
