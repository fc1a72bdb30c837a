import Base
import Checkpoints
import Evaluation
import Foundation
import Models
import OrderedCollections
import TestSupport
import Testing

/// Granite 4.0 without Mamba layers (`granitemoehybrid`), whose dense networks stand where others have
/// shared experts, against transformers (`Golden/granite4.py`).
@Suite struct GraniteWithoutMambaTests {
  private static let folder = References.file("Tests/InferenceTests/Golden/granite4")

  /// llama.cpp's converter calls such models by these names, and `llama_model_granite` turns nothing
  /// where `rope.scaling.finetuned` is false.
  @Test(arguments: [("rope", "granite"), ("nope", "granite"), ("experts", "granitemoe")])
  func logitsEqualTheReference(shape: String, name: String) throws {
    let source = "\(Self.folder)/\(shape)"
    let golden = try ParityTests.Golden(folder: source)
    #expect(try golden.difference(Model(opening: source)) <= 2e-4)
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let gguf = try convert(source, to: "\(work)/model.gguf")
    #expect(try golden.difference(Model(opening: gguf)) <= 2e-4)
    let file = try Checkpoint.open(gguf)
    #expect(file.metadata["general.architecture"]?.string == name)
    let turns: MetadataValue? = shape == "nope" ? .bool(false) : nil
    #expect(file.metadata["\(name).rope.scaling.finetuned"] == turns)
    #expect((file.tensors["output.weight"] == nil) == (shape == "rope"))
    if shape == "experts" {
      #expect(file.tensors["blk.1.ffn_gate_shexp.weight"]?.shape == [40, 32])
      #expect(file.metadata["granitemoe.feed_forward_length"]?.int == 16)
    } else {
      #expect(file.tensors["blk.2.ffn_gate.weight"]?.shape == [40, 32])
      #expect(file.metadata["granite.feed_forward_length"]?.int == 40)
    }
    // A folder of Granite rotates everywhere.
    if shape == "nope" {
      let error = #expect(throws: ModelError.self) { try convert(gguf, to: "\(work)/back/") }
      #expect(error?.summary.contains("without rotation in layers 0, 1, 2") == true)
      return
    }
    let back = try convert(gguf, to: "\(work)/back/")
    #expect(try golden.difference(Model(opening: back)) <= 2e-4)
    let type = try Checkpoint.open(back).configuration?["model_type"]?.string
    #expect(type == (shape == "rope" ? "granite" : "granitemoeshared"))
  }

  /// A variant keeps the folder's kind, and comes with the code that computes it.
  @Test(arguments: ["rope", "experts"]) func variantsAreExportedAndTakenBack(shape: String) throws {
    let source = "\(Self.folder)/\(shape)"
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let variant = try convert(source, to: "\(work)/qkvo/", sites: "qkvo")
    let stated = try Checkpoint.open(variant).configuration
    #expect(stated?["model_type"]?.string == "granitemoehybrid_rotary")
    #expect(stated?["architectures"] == ["GraniteMoeHybridRotaryForCausalLM"])
    #expect(stated?["auto_map"] != nil)
    let golden = try ParityTests.Golden(folder: source)
    #expect(try golden.difference(Model(opening: variant)) > 1e-2)
    let plain = try convert(variant, to: "\(work)/qk/", sites: "qk")
    let (ours, theirs) = (try Checkpoint.open(plain), try Checkpoint.open(source))
    #expect(ours.configuration?["model_type"] == theirs.configuration?["model_type"])
    #expect(Set(ours.tensors.keys) == Set(theirs.tensors.keys))
    for (name, tensor) in theirs.tensors {
      let same = try #require(ours.tensors[name]).withBytes { one in
        tensor.withBytes { other in one.elementsEqual(other) }
      }
      #expect(same, "\(name)")
    }
  }

  /// transformers saves a trained variant with every member, the default of an ignored width too.
  @Test func savedVariantsKeepTheirWidth() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let variant = try Checkpoint.open(
      try convert("\(Self.folder)/rope", to: "\(work)/qkvo/", sites: "qkvo"))
    var members = try #require(variant.configuration?.object)
    members["intermediate_size"] = 11_008
    let saved = try ModelPlan(variant.restated(configuration: .object(members)))
    #expect(saved.layers.allSatisfy { $0.recipe.feedForward.width == 40 })
  }

  /// GraniteMoeHybridConfig: only "rope" rotates, and nothing does where nothing is stated.
  @Test(arguments: [nil, .null, "nope", "learned"] as [JSONValue?])
  func onlyANamedRotationRotates(stated: JSONValue?) throws {
    let rope = try Checkpoint.open("\(Self.folder)/rope")
    #expect(try ModelPlan(rope).rotary.scores.count == 1)
    var members = try #require(rope.configuration?.object)
    members["position_embedding_type"] = stated
    let changed = try ModelPlan(rope.restated(configuration: .object(members)))
    #expect(changed.layers.allSatisfy { $0.recipe.rotation.score == nil })
  }

  /// The width of the dense networks is that of the shared one, whatever else is stated, with a warning
  /// where the two differ.
  @Test func theWidthIsThatOfTheSharedNetwork() throws {
    let rope = try ModelPlan(Checkpoint.open("\(Self.folder)/rope"))
    #expect(rope.layers.allSatisfy { $0.recipe.feedForward.width == 40 })
    #expect(rope.notes.count == 1 && rope.notes[0].contains("intermediate_size"))
    #expect(try ModelPlan(Checkpoint.open("\(Self.folder)/nope")).notes.isEmpty)
  }

  /// Files of llama.cpp's converter state a truth value for the rotation, no experts, and sizes of Mamba
  /// layers that are not there.
  @Test func filesOfTheConverterAreRead() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let file = try Checkpoint.open(try convert("\(Self.folder)/rope", to: "\(work)/model.gguf"))
    var metadata = file.metadata
    for key in ["expert_count", "expert_used_count"] { metadata["granite.\(key)"] = .uint32(0) }
    metadata["granite.expert_shared_feed_forward_length"] = .uint32(40)
    metadata["granite.rope.scaling.finetuned"] = .bool(true)
    for key in ["conv_kernel", "state_size", "group_count", "inner_size", "time_step_rank"] {
      metadata["granite.ssm.\(key)"] = .uint32(4)
    }
    let found = try ModelPlan(file.restated(metadata: metadata))
    #expect(try found.layers.map(\.recipe) == ModelPlan(file).layers.map(\.recipe))
    #expect(found.notes.isEmpty)
  }
}
