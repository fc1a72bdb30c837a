import Base
import Checkpoints
import Evaluation
import Foundation
import Inference
import Rotary
import TestSupport
import Testing

/// Every variant against the numpy oracle's golden numbers.
@Suite struct OracleTests {
  struct Row {
    let name: String
    let sites: String
    let pairs: Int?
    let base: Double?
    let scaling: FrequencyScaling?
    let start: Int
    let context: Int
    let chunks: Int
    let nll: Double

    /// Reads the oracle's own spelling of its arguments.
    init(_ json: JSONValue, context: Int, chunks: Int) throws {
      name = try #require(json["name"]?.string)
      let words = try #require(json["arguments"]?.string)
        .split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      func option(_ key: String) -> String? {
        words.firstIndex(of: "--\(key)").flatMap {
          words.indices.contains($0 + 1) ? words[$0 + 1] : nil
        }
      }
      sites = option("sites") ?? "qk"
      pairs = option("value-pairs").flatMap(Int.init)
      base = option("value-base").flatMap(Double.init)
      start = option("start").flatMap(Int.init) ?? 0
      let factor = option("factor").flatMap(Double.init) ?? 1
      let original = option("original-ctx").flatMap(Int.init) ?? 2048
      switch option("scaling") {
      case nil: scaling = nil
      case "linear"?: scaling = .linear(factor: factor)
      case "ntk"?: scaling = .ntk(factor: factor)
      case "yarn"?: scaling = .yarn(.init(factor: factor, originalContext: original))
      case let other?:
        Issue.record("unknown scaling \(other)")
        scaling = nil
      }
      let result = try #require(json["result"])
      self.context = result["ctx"]?.int ?? context
      self.chunks = result["chunks"]?.int ?? chunks
      nll = try #require(result["nll"]?.double)
    }
  }

  private func check(model path: String, ids: String, golden: String) throws {
    let model = try Model(opening: path)
    let text = try TokenizedText(.tokens(path: ids), for: model)
    let rows = try #require(try JSONValue.read(contentsOf: golden).array)
    try #require(!rows.isEmpty)
    for json in rows {
      let row = try Row(json, context: 512, chunks: 2)
      let evaluation = PerplexityEvaluation(
        windows: WindowPlan(context: row.context, limit: row.chunks),
        rotary: RotaryRequest(
          sites: try RotarySites(parsing: row.sites), valuePairs: row.pairs, valueBase: row.base,
          scaling: row.scaling),
        start: row.start, threads: 2)
      let nll = try evaluation.run(model, on: text).meanNegativeLogLikelihood
      print("oracle \(row.name): \(nll) (golden \(row.nll))")
      #expect(abs(nll - row.nll) <= 2e-5, "\(row.name)")
    }
  }

  @Test func everyVariantOfTheEmbeddedModel() throws {
    try check(
      model: References.file("fixtures/lantern.gguf"),
      ids: References.file("fixtures/lantern.ids.json"),
      golden: References.file("fixtures/lantern.golden.json"))
  }

  @Test func everyVariantOfSmolLM2() throws {
    guard let model = try References.smolLM2(),
      let golden = try References.shared("oracle/golden.json"),
      let ids = try References.shared("oracle/wiki.test.smollm2.ids.json")
    else { return }
    try check(model: model, ids: ids, golden: golden)
  }
}
