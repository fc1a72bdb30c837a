import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Rotary
import TestSupport
import Testing

/// Models whose layers differ in heads and widths, share keys and values or have experts beside a dense
/// network, against plain torch (`Golden/layer_sizes.py`) and transformers (`Golden/gemma4.py`).
@Suite struct LayerSizeTests {
  private static let folder = References.file("Tests/InferenceTests/Golden")
  static let shapes = ["values-from-keys", "experts", "doubled"]

  @Test func listsInGGUFAreOfTheirLayers() throws {
    let path = "\(Self.folder)/layer-sizes/model.gguf"
    let golden = try ParityTests.Golden(folder: "\(Self.folder)/layer-sizes")
    let model = try Model(opening: path)
    let attentions = model.plan.layers.map(\.recipe.attention!)
    #expect(attentions.map(\.heads) == [4, 2, 6, 4])
    #expect(attentions.map(\.keyValueHeads) == [2, 2, 3, 1])
    #expect(model.plan.layers.map(\.recipe.feedForward.width) == [48, 64, 32, 48])
    #expect(try golden.difference(model) <= 2e-4)

    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    // llama's config.json has one number for all layers.
    let error = #expect(throws: ModelError.self) { try convert(path, to: "\(work)/folder/") }
    #expect(error?.summary == "layers that differ in their heads cannot be stored in config.json")
    let variant = try convert(path, to: "\(work)/qkvo.gguf", sites: "qkvo")
    let back = try convert(variant, to: "\(work)/qk.gguf", sites: "qk")
    #expect(try golden.difference(Model(opening: back)) <= 2e-4)
  }

  /// llama.cpp caps the logits of a file that states no cap at 30: one of a model without says 0.
  @Test func lackOfASoftCapIsStated() throws {
    guard let folder = try References.shared("parity/gemma4") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = try convert(folder, to: "\(work)/model.gguf")
    let stated = try Checkpoint.open(path).metadata["gemma4.final_logit_softcapping"]
    #expect(stated?.double == 0)
    let back = try convert(path, to: "\(work)/back/")
    #expect(try Checkpoint.open(back).configuration?["final_logit_softcapping"] == .null)
  }

  @Test(arguments: shapes) func logitsEqualTheReference(shape: String) throws {
    let source = "\(Self.folder)/gemma4/\(shape)"
    let golden = try ParityTests.Golden(folder: source)
    #expect(try golden.difference(Model(opening: source)) <= 2e-4)
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    if shape == "doubled" {
      // The ecosystem's reader takes keys and values of another layer than transformers there.
      #expect(throws: ModelError.self) { try convert(source, to: "\(work)/model.gguf") }
    } else {
      let gguf = try convert(source, to: "\(work)/model.gguf")
      #expect(try golden.difference(Model(opening: gguf)) <= 2e-4)
      let back = try convert(gguf, to: "\(work)/back/")
      #expect(try golden.difference(Model(opening: back)) <= 2e-4)
    }
    let variant = try convert(source, to: "\(work)/qkvo/", sites: "qkvo")
    let plain = try convert(variant, to: "\(work)/qk/", sites: "qk")
    let (ours, theirs) = (try Checkpoint.open(plain).tensors, try Checkpoint.open(source).tensors)
    #expect(Set(ours.keys) == Set(theirs.keys))
    for (name, tensor) in theirs {
      let same = try #require(ours[name]).withBytes { one in
        tensor.withBytes { other in one.elementsEqual(other) }
      }
      #expect(same, "\(name)")
    }
  }

  /// A sequence that grows token by token gives what a whole pass gives.
  @Test(arguments: shapes) func cachedTokensAreThoseOfAWholePass(shape: String) throws {
    let model = try Model(opening: "\(Self.folder)/gemma4/\(shape)")
    let prompts: [[Int32]] = [[2, 17, 40, 5, 61], [2, 90, 33]]
    let found = try TokenGenerator(ForwardPass(plan: model.plan, threads: 2))
      .generate(prompts, maximum: 12)
    for (prompt, generated) in zip(prompts, found) {
      var tokens = prompt
      for token in generated {
        let logits = try model.logits(tokens, arithmetic: .float32, threads: 2)
        let last = logits.suffix(model.plan.shape.vocabulary)
        let best = try #require(last.max())
        let place = Int(token)
        #expect(last[last.startIndex + place] >= best - 1e-3)
        tokens.append(token)
      }
    }
  }

  @Test func whatALayerCannotDoIsRefusedByItsNumber() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    func plan(_ shape: String, _ absorb: [AbsorptionIdentity]) throws {
      var request = ConversionRequest(
        sites: try RotarySites(parsing: "qkvo"), output: "\(work)/model.gguf")
      request.absorb = absorb
      _ = try ConversionPlan(Model(opening: "\(Self.folder)/gemma4/\(shape)").plan, request)
    }
    let basis = #expect(throws: ConversionError.self) { try plan("doubled", [.valueBasis]) }
    #expect(basis?.summary.contains("layer 0 norms its values") == true)
    let pairs = #expect(throws: ModelError.self) { try plan("values-from-keys", [.pairLayout]) }
    #expect(pairs?.summary.contains("layer 1, whose values are its keys") == true)
    // Layer 3 has the keys and values of layer 2.
    var request = ConversionRequest(
      sites: try RotarySites(parsing: "qkvo"), output: "\(work)/model.gguf")
    request.valuePairsByLayer = [4, 2, 4, 3, 2]
    let shared = #expect(throws: ModelError.self) {
      try ConversionPlan(Model(opening: "\(Self.folder)/gemma4/doubled").plan, request)
    }
    #expect(
      shared?.summary == "layer 3 uses the keys and values of layer 2 and cannot rotate otherwise")
  }
}
