import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import TestSupport
import Testing

/// Folders that hold a text model beside a vision tower: the text model is read by its family's data
/// file, whatever stands around it, and becomes a file of its own.
///
/// The folders and their logits are made by transformers (`Golden/wrappers.py`); `Tests/Checks/wrappers`
/// does the same for every kind that is known.
@Suite struct WrapperTests {
  private static func folder(_ name: String) -> String {
    References.file("Tests/InferenceTests/Golden/wrappers/\(name)")
  }

  @Test(arguments: [
    // The GGUF architecture, the model_type of the text alone, and what is left out.
    (
      "gemma3", "gemma3", "gemma3_text",
      "32 tensors of the vision tower, 2 tensors of the projector"
    ),
    ("qwen3_vl", "qwen3vl", "qwen3", "27 tensors of the vision tower"),
    ("qwen3_5", "qwen35", "qwen3_5_text", "21 tensors of the vision tower"),
  ])
  func textModelIsReadAndWritten(
    name: String, architecture: String, modelType: String, left: String
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let golden = try ParityTests.Golden(folder: Self.folder(name))
    let source = try Model(opening: Self.folder(name))
    #expect(source.plan.architecture.name == architecture)
    #expect(
      source.plan.notes == [
        "the text model of this \(name) folder is read alone: \(left) are left out"
      ])
    #expect(try golden.difference(source) <= 2e-4)
    for output in ["\(work)/model.gguf", "\(work)/text/"] {
      let plan = try ConversionPlan(source.plan, ConversionRequest(sites: nil, output: output))
      #expect(plan.warnings.contains(.ignored(source.plan.notes[0])))
      _ = try plan.write(version: "test")
      let written = try Model(opening: output)
      #expect(try golden.difference(written) <= 2e-4, "\(output)")
      // The text model alone leaves nothing out.
      #expect(written.plan.notes.isEmpty)
    }
    #expect(try Checkpoint.open("\(work)/text").configuration?["model_type"]?.string == modelType)
    let file = try Checkpoint.open("\(work)/model.gguf")
    #expect(file.metadata["general.architecture"]?.string == architecture)
    #expect(try Model(opening: "\(work)/model.gguf").plan.modelType == modelType)
    if name == "qwen3_vl" {
      // What llama.cpp asks for, as its converter writes it.
      #expect(file.metadata["qwen3vl.rope.dimension_sections"]?.ints == [2, 1, 1, 0])
      #expect(file.metadata["qwen3vl.n_deepstack_layers"]?.int == 1)
      let text = try #require(try Checkpoint.open("\(work)/text").configuration)
      #expect(text["rope_parameters"]?["mrope_section"] == nil)
      #expect(text["deepstack_visual_indexes"] == nil)
    }
  }

  /// Sections of a rotation by several positions stand in the object that says how layers rotate; where
  /// a folder states none, llama.cpp's loader still asks for those of the released models.
  @Test func sectionsAreStatedInBothContainers() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    func convert(_ plan: ModelPlan, to output: String) throws {
      _ = try ConversionPlan(plan, ConversionRequest(sites: nil, output: output)).write(
        version: "test")
    }
    func sections(_ file: String) throws -> [Int]? {
      try Checkpoint.open(file).metadata["qwen35.rope.dimension_sections"]?.ints
    }
    let source = try Checkpoint.open(Self.folder("qwen3_5"))
    try convert(try ModelPlan(source), to: "\(work)/model.gguf")
    #expect(try sections("\(work)/model.gguf") == [2, 1, 1, 0])
    try convert(try Model(opening: "\(work)/model.gguf").plan, to: "\(work)/back/")
    let stated = try #require(try Checkpoint.open("\(work)/back").configuration)
    #expect(stated["rope_parameters"]?["mrope_section"] == [2, 1, 1])
    #expect(stated["mrope_section"] == nil)
    try convert(try Model(opening: "\(work)/back").plan, to: "\(work)/again.gguf")
    #expect(try sections("\(work)/again.gguf") == [2, 1, 1, 0])

    var members = try #require(stated.object)
    var rotation = try #require(members["rope_parameters"]?.object)
    rotation["mrope_section"] = nil
    members["rope_parameters"] = .object(rotation)
    let folder = try Checkpoint.open("\(work)/back")
    let silent = folder.restated(
      configuration: .object(members), tensors: Array(folder.tensors.values))
    try convert(try ModelPlan(silent), to: "\(work)/silent.gguf")
    #expect(try sections("\(work)/silent.gguf") == [11, 11, 10, 0])
  }

  /// Released folders hold layers that predict tokens further ahead, which transformers ignores.
  @Test func predictingTensorsAreIgnored() throws {
    let source = try Checkpoint.open(Self.folder("qwen3_5"))
    func plan(renaming name: String, to other: String) throws -> ModelPlan {
      try ModelPlan(
        source.restated(
          configuration: source.configuration ?? .null,
          tensors: source.tensors.values.map { $0.renamed($0.name == name ? other : $0.name) }))
    }
    let spare = try #require(source.tensors.keys.first { $0.hasPrefix("model.visual.") })
    let names = try plan(renaming: spare, to: "mtp.layers.0.mlp.up_proj.weight").ignored.map(\.name)
    #expect(names == ["mtp.layers.0.mlp.up_proj.weight"])
    #expect(throws: ModelError.self) { try plan(renaming: spare, to: "amtp.fc.weight") }
  }

  /// A tensor that belongs to no part is refused by its name, as in any model.
  @Test func unknownTensorsAreRefused() throws {
    let source = try Checkpoint.open(Self.folder("gemma3"))
    let embedding = "language_model.model.embed_tokens.weight"
    let error = #expect(throws: ModelError.self) {
      try ModelPlan(
        source.restated(
          configuration: source.configuration ?? .null,
          tensors: source.tensors.values.map {
            $0.renamed($0.name == embedding ? "text.embed" : $0.name)
          }))
    }
    #expect(
      error?.summary
        == "missing tensors: model.embed_tokens.weight; unexpected tensors: text.embed")
  }

  /// What the text model's statements lack, the classes of transformers have by default.
  @Test func textModelMayLeaveOutWhatItsClassKnows() throws {
    let source = try Checkpoint.open(Self.folder("gemma3"))
    var members = try #require(source.configuration?.object)
    var text = try #require(members["text_config"]?.object)
    text["rms_norm_eps"] = nil
    text["query_pre_attn_scalar"] = nil
    members["text_config"] = .object(text)
    let plan = try ModelPlan(
      source.restated(
        configuration: .object(members), tensors: Array(source.tensors.values)))
    let attention = try #require(plan.layers.first?.recipe.attention)
    #expect(attention.scale == 1.0 / 16)

    members["text_config"] = .string("text")
    let error = #expect(throws: ModelError.self) {
      try ModelPlan(
        source.restated(configuration: .object(members), tensors: Array(source.tensors.values)))
    }
    #expect(error?.summary == "hyper-parameter 'text_config' is not an object")
  }
}
