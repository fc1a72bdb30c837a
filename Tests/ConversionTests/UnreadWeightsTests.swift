import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing

/// Weights in a folder that have no part in its model. What is read is as in transformers 5: without
/// peft the folder's own weights, of one file and shards the one file.
@Suite struct UnreadWeightsTests {
  private func folder(_ body: (_ work: String, _ model: String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Model(opening: References.file("fixtures/lantern.gguf"))
    let request = ConversionRequest(sites: .scores, output: "\(work)/hf/")
    _ = try ConversionPlan(source.plan, request).write(version: "1.2.3")
    #expect(try Model(opening: "\(work)/hf").plan.notes.isEmpty)
    try body(work, "\(work)/hf")
  }

  @Test(arguments: [
    ("adapter_config.json", #"{"peft_type": "LORA", "base_model_name_or_path": "x"}"#, "adapter"),
    ("model.safetensors.index.json", #"{"weight_map": {"a": "old.safetensors"}}"#, "shards"),
  ])
  func theyAreTold(name: String, contents: String, word: String) throws {
    try folder { work, path in
      try contents.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
      let model = try Model(opening: path)
      #expect(model.checkpoint.files.count == 1)
      #expect(model.plan.notes.count == 1)
      let note = try #require(model.plan.notes.first)
      #expect(note.hasPrefix("\(path)/\(name): ") && note.contains(word))
      let plan = try ConversionPlan(
        model.plan, ConversionRequest(sites: .scores, output: "\(work)/m.gguf"))
      #expect(plan.warnings == [.ignored(note)])
      _ = try plan.write(version: "1.2.3")
      #expect(try Model(opening: "\(work)/m.gguf").plan.notes.isEmpty)
    }
  }
}
