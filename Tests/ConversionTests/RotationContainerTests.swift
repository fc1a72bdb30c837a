import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import Rotary
import TestSupport
import Testing

/// What one container says of a rotation, the other says too, or the conversion is refused.
/// `Tests/Checks/containers` holds all families and scalings against transformers.
@Suite struct RotationContainerTests {
  @discardableResult
  private func convert(
    _ source: String, to sites: RotarySites = .scores, _ output: String, set: [String] = []
  ) throws -> Model {
    var request = ConversionRequest(sites: sites, output: output)
    request.edits = try MetadataEdits(set: set, remove: [])
    _ = try ConversionPlan(Model(opening: source).plan, request).write(version: "test")
    return try Model(opening: output)
  }

  private func yarn(_ members: [String: Any]) -> [String: Any] {
    members.merging([
      "rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0,
      "original_max_position_embeddings": 32,
    ]) { $1 }
  }

  @Test(arguments: ["llama", "deepseek-v2-mla"])
  func bothMagnitudesOfYaRNSurviveGGUF(family: String) throws {
    guard let source = try References.shared("parity/\(family)") else { return }
    let cases: [[String: Any]] = [
      ["mscale": 0.7, "mscale_all_dim": 1.2], ["mscale": 0.7], ["mscale_all_dim": 0.7],
      ["mscale": 0.7, "mscale_all_dim": 0.0],
    ]
    for members in cases {
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      try References.folder(like: source, at: "\(work)/source") {
        $0["rope_parameters"] = yarn(members)
      }
      let original = try Model(opening: "\(work)/source").plan
      var last = "\(work)/source"
      for output in ["one.gguf", "two/", "three.gguf"] {
        let plan = try convert(last, "\(work)/\(output)").plan
        last = "\(work)/\(output)"
        #expect(plan.rotary.score.sets == original.rotary.score.sets, "\(members) \(output)")
        #expect(abs(plan.shape.attentionScale / original.shape.attentionScale - 1) < 1e-6)
      }
    }
  }

  @Test func aPlainFolderThatWouldTurnWholeHeadsIsRefused() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let lantern = References.file("fixtures/lantern.gguf")
    let half = "\(work)/half.gguf"
    let width = try Model(opening: lantern).plan.shape.keyWidth
    let model = try convert(lantern, half, set: ["llama.rope.dimension_count=\(width / 2)"])
    #expect(model.plan.rotary.score.dimensions == width / 2)
    for output in ["plain/", "plain.gguf", "plain.safetensors"] {
      if output == "plain/" {
        let error = #expect(throws: ModelError.self) { try convert(half, "\(work)/\(output)") }
        #expect(error?.exitStatus == .malformedData)
        #expect(error?.summary.contains(".safetensors") == true)
        #expect(!FileManager.default.fileExists(atPath: "\(work)/plain"))
      } else {
        let written = try convert(half, "\(work)/\(output)")
        #expect(written.plan.rotary.score.dimensions == width / 2, "\(output)")
      }
    }
    let variant = try convert(half, to: .all, "\(work)/variant/")
    #expect(variant.plan.rotary.score.dimensions == width / 2)
    let configuration = try JSONValue.read(contentsOf: "\(work)/variant/config.json")
    #expect(configuration["partial_rotary_factor"]?.double == 0.5)
    #expect(configuration["rope_parameters"]?["partial_rotary_factor"]?.double == 0.5)
  }

  /// Whole heads of GPT-NeoX must be stated: a quarter is the family's default.
  @Test func wholeHeadsOfGPTNeoXComeBack() throws {
    guard let source = try References.shared("parity/gpt-neox") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try References.folder(like: source, at: "\(work)/source") {
      $0["rope_parameters"] = [
        "rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 1.0,
      ]
    }
    let model = try convert("\(work)/source", "\(work)/one.gguf")
    #expect(model.plan.rotary.score.dimensions == model.plan.shape.keyWidth)
    try convert("\(work)/one.gguf", "\(work)/two/")
    let configuration = try JSONValue.read(contentsOf: "\(work)/two/config.json")
    #expect(configuration["rope_parameters"]?["partial_rotary_factor"]?.double == 1)
  }

  /// What no reader of the file would expect: `olmo2` has no tensor for divisors.
  @Test func scalingWithoutATensorForItIsRefused() throws {
    guard let source = try References.shared("parity/olmo2") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let scalings: [[String: Any]] = [
      ["rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0],
      ["rope_type": "longrope", "short_factor": [1, 1, 1, 2], "long_factor": [1, 2, 3, 4]],
    ]
    for (index, scaling) in scalings.enumerated() {
      let folder = "\(work)/\(index)"
      try References.folder(like: source, at: folder) {
        $0["rope_parameters"] = scaling.merging(
          ["rope_theta": 10_000.0, "original_max_position_embeddings": 32]) { $1 }
      }
      #expect(throws: ModelError.self) { try convert(folder, "\(folder).gguf") }
      #expect(!FileManager.default.fileExists(atPath: "\(folder).gguf"))
    }
  }

  /// Divisors of a GGUF file return from a folder as the same tensor.
  @Test func divisorsReturnFromAFolder() throws {
    guard let source = try References.shared("parity/llama-tied-llama3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let first = try convert(source, "\(work)/one.gguf").plan.rotary.score.sets
    try convert("\(work)/one.gguf", "\(work)/two/")
    #expect(try convert("\(work)/two/", "\(work)/three.gguf").plan.rotary.score.sets == first)
  }
}
