// swift-format-ignore-file
// The examples of the libraries' pages (Sources/*/*.docc): each stands here as it stands there, compiles and runs.
import Foundation
import TestSupport
import Testing

// Example of Checkpoints
import Checkpoints

/// The root mean square of a tensor's elements; nil where the checkpoint has no such tensor.
func rootMeanSquare(of name: String, in path: String) throws -> Double? {
  let checkpoint = try Checkpoint.open(path)
  guard let tensor = checkpoint.tensors[name] else { return nil }
  let elements = try tensor.decoded()
  let squares = elements.reduce(0) { $0 + Double($1) * Double($1) }
  return (squares / Double(elements.count)).squareRoot()
}
// End of the example

// Example of Rotary
import Rotary

/// One pair of a value, turned by its own position and back by the query's.
func message(
  _ pair: (Float, Float), from key: Int, to query: Int, frequency: Double
) -> (Float, Float) {
  let table = RotationTable(
    frequencies: [frequency], start: 0, positions: max(key, query) + 1)
  func turned(_ x: (Float, Float), by row: Int, sign: Float) -> (Float, Float) {
    let (cosine, sine) = (table.cosines(row: row)[0], sign * table.sines(row: row)[0])
    return (cosine * x.0 - sine * x.1, sine * x.0 + cosine * x.1)
  }
  return turned(turned(pair, by: key, sign: 1), by: query, sign: -1)
}
// End of the example

// Example of Evaluation
import Evaluation
import Rotary

/// Perplexity of a text under three variants, without writing a file.
func perplexities(of path: String, on text: String) throws -> [String: Double] {
  let model = try Model(opening: path)
  let tokens = try TokenizedText(.text(path: text), for: model)
  var result: [String: Double] = [:]
  for sites in [RotarySites.scores, .message, .all] {
    let evaluation = PerplexityEvaluation(
      windows: WindowPlan(context: 512, limit: 4), rotary: RotaryRequest(sites: sites), threads: 2)
    result[sites.name] = try evaluation.run(model, on: tokens).perplexity
  }
  return result
}
// End of the example

// Example of Conversion
import Conversion
import Evaluation

/// Writes a model as RoVE and says how many bytes that took.
func writeAsRoVE(_ path: String, to output: String) throws -> Int {
  let model = try Model(opening: path)
  let run = try ConversionRun(model, ConversionRequest(sites: .all, output: output))
  return try run.run().bytes ?? 0
}
// End of the example

@Suite struct LibraryExampleTests {
  let fixture = References.file("fixtures/lantern.gguf")

  @Test(arguments: ["Checkpoints", "Rotary", "Evaluation", "Conversion"])
  func everyPageHasItsExample(_ module: String) throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let parts = source.components(separatedBy: "// Example of \(module)\n")
    let example = try #require(
      parts.dropFirst().first?.components(separatedBy: "// End of the example").first)
    let page = try String(
      contentsOfFile: References.file("Sources/\(module)/\(module).docc/\(module).md"),
      encoding: .utf8)
    #expect(page.contains("```swift\n\(example)```"))
  }

  @Test func aTensorIsRead() throws {
    let size = try #require(try rootMeanSquare(of: "token_embd.weight", in: fixture))
    #expect(size > 0.001 && size < 10)
    #expect(try rootMeanSquare(of: "no.such", in: fixture) == nil)
  }

  /// `R_i^T R_j = R_(j-i)`: only the distance counts, and a distance of 0 changes nothing.
  @Test func aMessageKnowsTheDistanceAlone() {
    let near = message((0.6, -0.8), from: 3, to: 10, frequency: 0.5)
    let far = message((0.6, -0.8), from: 103, to: 110, frequency: 0.5)
    #expect(abs(near.0 - far.0) < 1e-5 && abs(near.1 - far.1) < 1e-5)
    #expect(abs(near.0 - 0.6) > 0.1)
    let here = message((0.6, -0.8), from: 7, to: 7, frequency: 0.5)
    #expect(abs(here.0 - 0.6) < 1e-6 && abs(here.1 + 0.8) < 1e-6)
  }

  @Test func variantsAreScored() throws {
    let values = try perplexities(of: fixture, on: References.file("fixtures/lantern.txt"))
    #expect(Set(values.keys) == ["qk", "vo", "qkvo"])
    #expect(try #require(values["qk"]) < (try #require(values["vo"])))
  }

  @Test func aVariantIsWritten() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bytes = try writeAsRoVE(fixture, to: "\(folder)/rove.gguf")
    let written = try FileManager.default.attributesOfItem(atPath: "\(folder)/rove.gguf")[.size]
    #expect(bytes == written as? Int)
    #expect(try Model(opening: "\(folder)/rove.gguf").plan.rotary.sites == .all)
  }
}
