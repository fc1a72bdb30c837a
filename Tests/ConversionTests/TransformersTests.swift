import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// Exported folders against the logits that transformers computed on them
/// (`Tests/Checks/transformers`, which made `Golden/transformers.json` and runs the rest live).
@Suite struct TransformersTests {
  /// One conversion and the logits of the folder it writes.
  struct Case {
    let source: String
    let sites: RotarySites
    let request: ConversionRequest
    let positions: [Int]
    let stride: Int
    let logits: [[Double]]

    init(_ json: JSONValue, output: String) throws {
      let options = json["options"]
      let pairs = options?["value-pairs"]?.string?.split(separator: ",").compactMap { Int($0) }
      source = try #require(json["source"]?.string)
      sites = try RotarySites(parsing: try #require(json["sites"]?.string))
      request = ConversionRequest(
        sites: sites, output: output, valuePairs: pairs?.count == 1 ? pairs?.first : nil,
        valuePairsByLayer: pairs.flatMap { $0.count > 1 ? $0 : nil },
        valueBase: options?["value-base"]?.string.flatMap(Double.init),
        absorb: try options?["absorb"]?.string.map { try AbsorptionIdentity.list($0) } ?? [],
        type: .type(.f32), threads: 2)
      positions = try #require(json["positions"]?.array).compactMap(\.int)
      stride = try #require(json["stride"]?.int)
      logits = try #require(json["logits"]?.array).map { ($0.array ?? []).compactMap(\.double) }
    }

    /// The checkpoint to convert; nil where it is missing.
    func path() throws -> String? {
      if source == "smollm2" { return try References.smolLM2() }
      return source.hasPrefix("fixtures/")
        ? References.file(source) : try References.shared(source)
    }
  }

  @Test func logitsEqualThoseOfTransformers() throws {
    let golden = References.file("Tests/ConversionTests/Golden/transformers.json")
    let rows = try #require(try JSONValue.read(contentsOf: golden).array)
    try #require(rows.count > 20)
    for row in rows {
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      let test = try Case(row, output: "\(work)/model/")
      guard let source = try test.path() else { continue }
      let plan = try ConversionPlan(Model(opening: source).plan, test.request)
      #expect(plan.warnings.allSatisfy { $0.isOfSites })
      _ = try plan.write(version: "test")
      let model = try Model(opening: "\(work)/model/")
      let vocabulary = model.plan.shape.vocabulary
      let logits = try model.logits((0..<64).map { Int32(($0 * 31 + 7) % vocabulary) }, threads: 2)
      let ours = test.positions.flatMap { position in
        stride(from: 0, to: vocabulary, by: test.stride).map {
          Double(logits[position * vocabulary + $0])
        }
      }
      let theirs = Array(test.logits.joined())
      try #require(ours.count == theirs.count && theirs.count > 100)
      let mean = theirs.reduce(0, +) / Double(theirs.count)
      let variance = theirs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(theirs.count)
      let largest = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
      let label =
        "\(test.source) \(test.sites.name) \(row["options"]?.serialized(pretty: false) ?? "")"
      print("transformers \(label): \(largest / variance.squareRoot())")
      #expect(largest <= 2e-4 * variance.squareRoot(), "\(label)")
    }
  }
}
