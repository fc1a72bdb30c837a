import Base
import Foundation
import Reports
import TestSupport
import Testing

/// What a page holds against each other: results of one text, tasks, settings and shard, and no others.
@Suite struct ScopeTests {
  private func result(_ json: String, name: String = "r.json") throws -> ResultFile {
    try ResultFile(name: name, json: try JSONValue.parse(Array(json.utf8), file: name))
  }

  private func page(_ results: [ResultFile]) throws -> String {
    try ReportPage(title: "t", results: results).html()
  }

  /// The summary: its head's cells, and those of each row.
  private func summary(_ results: [ResultFile]) throws -> [[String]] {
    let section = try #require(
      try page(results).components(separatedBy: "<section ").first {
        $0.hasPrefix("id=\"summary\"")
      })
    return section.components(separatedBy: "<tr>").dropFirst().map { row in
      Array(row.components(separatedBy: "</tr>")[0].components(separatedBy: "</t").dropLast())
    }
  }

  /// A section of the page by its name.
  private func section(_ id: String, _ results: [ResultFile]) throws -> String {
    try #require(
      try page(results).components(separatedBy: "<section ").first { $0.hasPrefix("id=\"\(id)\"") })
  }

  // MARK: - Shards

  /// A perplexity of chunks with these numbers and nats per target, of ten targets each.
  private func perplexity(
    _ variant: String, _ chunks: [(Int, Double)], shard: String = "1/1"
  ) throws -> ResultFile {
    let mean = chunks.reduce(0) { $0 + $1.1 } / Double(chunks.count)
    let list = chunks.map { #"{"chunk":\#($0.0),"nll":\#($0.1),"scored":10}"# }
    return try result(
      """
      {"kind":"perplexity","model":"x.gguf","key":"\(variant)\(shard)","shard":"\(shard)",
       "models":[{"name":"Tiny","file":"x.gguf","role":"model","variant":"\(variant)"}],
       "text":"/t/essays.txt","text_sha256":"bbbbbbbb11",
       "identity":{"models":[{"sha256":"\(variant)00"}],"text":{"sha256":"aa"},
         "arithmetic":{"compute":"f32"},"settings":{"ctx":64},"materials":{}},
       "ctx":64,"nll":\(mean),"ppl":\(exp(mean)),"ppl_stderr":0.5,
       "per_chunk":[\(list.joined(separator: ","))]}
      """)
  }

  @Test func aShardIsNeverHeldAgainstTheWhole() throws {
    let whole = try perplexity("RoPE", [(0, 2), (1, 3), (2, 2), (3, 3)])
    for (number, chunks) in [("1/2", [(0, 2.1), (2, 2.1)]), ("2/2", [(1, 3.1), (3, 3.1)])] {
      let shard = try perplexity("RoVE", chunks, shard: number)
      for results in [[whole, shard], [shard, whole]] {
        let page = try page(results)
        #expect(page.contains("Tiny · RoVE · shard \(number)"))
        #expect(!page.contains("change of perplexity") && !page.contains("Change of perplexity"))
        #expect(!page.contains("n best") && !page.contains("n worst"))
        #expect(!page.contains("predicts the text best"))
        #expect(page.contains("do not compare"))
        // A row and a column for each, both with their number.
        let table = try summary(results)
        #expect(table.count == 3 && table[0].count == 3)
        #expect(table[0].contains { $0.contains("perplexity · shard \(number)") })
        #expect(table[1...].allSatisfy { row in row.count { $0.contains("–") } == 1 })
      }
    }
    // Two shards are of other chunks.
    let one = try perplexity("RoPE", [(0, 2), (2, 2)], shard: "1/2")
    let two = try perplexity("RoVE", [(1, 3.1), (3, 3.1)], shard: "2/2")
    #expect(try !page([one, two]).contains("n best"))
  }

  @Test func oneShardOfTwoModelsIsHeldAgainstItself() throws {
    let page = try page([
      perplexity("RoPE", [(0, 2), (2, 2)], shard: "1/2"),
      perplexity("RoVE", [(0, 2.1), (2, 2.1)], shard: "1/2"),
    ])
    // 100 (exp(0.1) - 1) = 10.517
    #expect(page.contains("+10.5"))
    #expect(page.contains("change of perplexity · shard 1/2"))
    #expect(page.contains("<strong>RoPE</strong> predicts the text best (shard 1/2)."))
  }

  /// Where the chunks are not the same ones there is no ratio, whatever the results say of themselves.
  @Test func otherChunksGiveNoRatio() throws {
    let page = try page([
      perplexity("RoPE", [(0, 2), (1, 2), (2, 2)]), perplexity("RoVE", [(0, 3), (2, 3)]),
    ])
    // 100 (e - 1) = 171.8
    #expect(!page.contains("+171.8") && !page.contains("Change of perplexity"))
    #expect(!page.contains("n best"))
  }

  // MARK: - Texts, seeds, bases

  private func bytes(_ variant: String, _ bits: Double, text: String) throws -> ResultFile {
    try result(
      """
      {"kind":"bytes","key":"\(variant)\(text)","model":"x.gguf","shard":"1/1",
       "models":[{"name":"Tiny","role":"model","variant":"\(variant)"}],
       "text":"\(text).txt","text_sha256":"\(text)\(text)","sites":"qk","bytes":100,"scored":50,
       "ctx":64,"bits_per_byte":\(bits),"bits_per_byte_stderr":0.001,
       "identity":{"models":[{"sha256":"\(variant)"}],"text":{"sha256":"\(variant)\(text)"},
         "arithmetic":{"compute":"f32"},"settings":{"ctx":64,"stride":32},
         "materials":{"bytes":100}}}
      """)
  }

  @Test func eachTextHasItsColumnAndNothingIsLeftOut() throws {
    let table = try summary([
      bytes("RoPE", 0.532, text: "v1"), bytes("RoVE", 4.72, text: "v2"),
      bytes("RoPE", 4.65, text: "v2"),
    ])
    try #require(table.count == 3)
    #expect(table[0].count == 3)
    #expect(table[0][1].contains("bits per byte · v1.txt"))
    #expect(table[0][2].contains("bits per byte · v2.txt"))
    #expect(table[1][1].contains("0.532") && !table[1][1].contains("best"))
    #expect(table[1][2].contains("4.650") && table[1][2].contains("best"))
    #expect(table[2][1].contains("–"))
    #expect(table[2][2].contains("4.720") && table[2][2].contains("worst"))
  }

  private func needle(_ variant: String, _ accuracy: Double, seed: Int) throws -> ResultFile {
    try result(
      """
      {"kind":"needle","key":"\(variant)\(seed)","model":"x.gguf","haystack":"h.txt","seed":\(seed),
       "models":[{"name":"Tiny","role":"model","variant":"\(variant)"}],"accuracy":\(accuracy),
       "grid":[{"length":64,"depth":0,"trials":8,"correct":4,"accuracy":\(accuracy),
                "answer_nll":0.5}],
       "identity":{"models":[{"sha256":"\(variant)"}],"text":null,
         "arithmetic":{"compute":"f32"},"settings":{"lengths":[64],"seed":\(seed)},
         "materials":{"haystack_sha256":"ee"}}}
      """)
  }

  @Test func twoSeedsAreTwoColumns() throws {
    let results = try [
      needle("RoPE", 0.5, seed: 1), needle("RoPE", 0.75, seed: 2), needle("RoVE", 0.625, seed: 2),
    ]
    let table = try summary(results)
    try #require(table.count == 3)
    #expect(table[0].dropFirst().map { $0.contains("seed 1") } == [true, false])
    #expect(table[0].dropFirst().map { $0.contains("seed 2") } == [false, true])
    #expect(table[1][1].contains("50.0 %") && !table[1][1].contains("worst"))
    #expect(table[1][2].contains("75.0 %") && table[1][2].contains("best"))
    #expect(table[2][2].contains("62.5 %") && table[2][2].contains("worst"))
    // The map of differences is RoVE's from RoPE with its own seed: 62.5 - 75.
    let maps = try section("needle", results)
    #expect(maps.contains("−12.5") && !maps.contains("+12.5") && !maps.contains("+25"))
    #expect(maps.contains("only those that agree"))
  }

  @Test func divergencesFromOtherBasesAreApart() throws {
    func comparison(_ base: String, _ other: String, _ divergence: Double) throws -> ResultFile {
      try result(
        """
        {"kind":"compare","key":"\(base)\(other)","base":"b.gguf","other":"o.gguf",
         "models":[{"name":"Tiny","role":"base","variant":"\(base)"},
                   {"name":"Tiny","role":"other","variant":"\(other)"}],
         "kl":{"mean":\(divergence)},"delta_p":{"mean":0},"ppl_base":2,"ppl_other":3,
         "identity":{"models":[{"role":"base","sha256":"\(base)"},
           {"role":"other","sha256":"\(other)"}],"text":{"sha256":"aa"},
           "arithmetic":{"compute":"f32"},"settings":{"ctx":64},"materials":{}}}
        """)
    }
    let apart = try summary([comparison("A", "C", 0.5), comparison("B", "D", 0.25)])
    #expect(apart[0].count { $0.contains("KL divergence") } == 2)
    #expect(!apart.joined().contains { $0.contains("best") || $0.contains("worst") })
    let alike = try summary([comparison("A", "C", 0.5), comparison("A", "D", 0.25)])
    #expect(alike[0].count { $0.contains("KL divergence") } == 1)
    #expect(alike.joined().contains { $0.contains("best") })
  }

  /// One result given twice is one; another of the same variant and settings has a row of its own.
  @Test func anotherResultOfAVariantHasItsRow() throws {
    let one = try bytes("RoPE", 0.5, text: "v1")
    let again = try result(
      one.json.serialized(pretty: false).replacing("RoPEv1", with: "other")
        .replacing(#""bits_per_byte":0.5,"#, with: #""bits_per_byte":0.75,"#))
    let table = try summary([one, again, one, bytes("RoVE", 0.25, text: "v1")])
    #expect(table.count == 4)
    #expect(
      table[1...].map { row in ["0.500", "0.750", "0.250"].first { row[1].contains($0) } }
        == ["0.500", "0.750", "0.250"])
  }

  // MARK: - Units

  /// Scores of RULER are of 100, also where none is above 1.
  @Test(arguments: [(0.5, "0.5"), (1.0, "1.0"), (61.5, "61.5")])
  func scoresOfRULERAreOfAHundred(_ score: Double, _ shown: String) throws {
    let page = try page([
      result(
        """
        {"kind":"ruler","model":"a.gguf","score":\(score),"tasks":[
         {"task":"cwe","length":2048,"samples":20,"score":\(score),"answer_nll":null}]}
        """)
    ])
    #expect(page.contains("length in tokens 2048: \(shown)</title>"))
    let map = try #require(
      page.components(separatedBy: "<svg class=\"chart heat\"").dropFirst().first
    )
    .components(separatedBy: "</svg>")[0]
    #expect(!map.contains("%"))
    // The ends of the scale.
    #expect(map.contains(">0.0</text>") && map.contains(">100.0</text>"))
  }

  /// Accuracies of needles are shares.
  @Test func accuraciesAreShares() throws {
    let page = try page([needle("RoPE", 0.5, seed: 1)])
    #expect(page.contains("length in tokens 64: 50 %</title>"))
  }
}
