import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Rotary
import TestSupport
import Testing

/// Latent attention in absorbed form (A6): one vector a token is the key and the value of all heads.
@Suite struct AbsorbedLatentTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  /// A parity folder absorbed into a GGUF file; nil where the folder is not there.
  private func absorbed(_ name: String, in work: String) throws -> (source: String, path: String)? {
    guard let folder = try References.shared("parity/\(name)") else { return nil }
    let path = "\(work)/absorbed.gguf"
    _ = try ConversionPlan(
      Model(opening: folder).plan,
      ConversionRequest(sites: nil, output: path, absorb: [.latent], type: .type(.f32))
    ).write(version: "test")
    return (folder, path)
  }

  /// It has no matrices of keys and values, keeps one vector a token, and stays itself through both
  /// containers.
  @Test(arguments: ["deepseek-v2-mla", "deepseek-v3", "deepseek-v2-moe"])
  func oneVectorServesAllHeads(model: String) throws {
    guard let folder = try References.shared("parity/\(model)") else { return }
    try inFolder { work in
      let source = try Model(opening: folder)
      let recipe = try #require(source.plan.layers[0].recipe.attention)
      let latent = try #require(recipe.latent)
      var path = folder
      var logits: [Float]?
      let tokens = (0..<64).map { Int32(($0 * 29 + 5) % source.plan.shape.vocabulary) }
      for (step, output) in ["\(work)/one.gguf", "\(work)/two/", "\(work)/three.gguf"].enumerated()
      {
        var request = ConversionRequest(sites: nil, output: output, type: .type(.f32), threads: 2)
        if step == 0 { request.absorb = [.latent] }
        let plan = try ConversionPlan(Model(opening: path).plan, request)
        if step == 0 {
          let kept = try #require(plan.keptNumbers)
          #expect(kept.source == recipe.heads * (recipe.keyWidth + recipe.valueWidth))
          #expect(kept.output == latent.rank + latent.sharedKeyWidth)
        }
        _ = try plan.write(version: "test")
        path = output
        let written = try Model(opening: path)
        for layer in written.plan.layers {
          #expect(layer[.latentKeyUp] == nil && layer[.latentValueUp] == nil)
          #expect(layer.recipe.attention?.keyValueHeads == 1)
          #expect(layer.recipe.attention?.scale == recipe.scale)
        }
        let found = try written.logits(tokens, threads: 2)
        #expect(try relativeDifference(found, source.logits(tokens, threads: 2)) <= 1e-4)
        if let logits { #expect(logits == found) }
        logits = found
      }
    }
  }

  /// Perplexities of transformers with the latent vector turning: its plain model with values that are
  /// the latent vector, hooked (Tests/Checks/absorbed).
  @Test(
    arguments: [
      (
        "deepseek-v2-mla",
        [
          "qk": 6.320440, "nope": 6.267225, "v": 6.309231, "o": 6.349143, "vo": 6.334144,
          "qkv": 6.366820, "qko": 6.328304, "qkvo": 6.348708,
        ]
      ), ("deepseek-v2-moe", ["vo": 6.176038, "qkvo": 6.245844]),
      ("deepseek-v3", ["vo": 6.185973, "qkvo": 6.210474]),
    ])
  func theLatentVectorTurns(model: String, expected: [String: Double]) throws {
    try inFolder { work in
      guard let (folder, path) = try absorbed(model, in: work) else { return }
      let tensor = try #require(
        try Checkpoint.open("\(folder)/golden.safetensors").tensors["input_ids"])
      let ids = tensor.withBytes { bytes in
        (0..<tensor.elementCount).map {
          bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)
        }
      }
      for (name, nll) in expected {
        let sites = try RotarySites(parsing: name)
        let evaluation = PerplexityEvaluation(
          windows: WindowPlan(context: tensor.shape[1], scored: .all),
          rotary: RotaryRequest(sites: sites), threads: 2)
        let found = try evaluation.run(
          Model(opening: path), on: TokenizedText(name: "ids", tokens: ids)
        ).meanNegativeLogLikelihood
        #expect(abs(found - nll) <= 2e-5, "\(name): \(found)")
      }
    }
  }

  /// Token by token from the cache, and all at once.
  @Test(arguments: [RotarySites.scores, .all])
  func decodingKeepsTheVector(sites: RotarySites) throws {
    try inFolder { work in
      guard let path = try absorbed("deepseek-v3", in: work)?.path else { return }
      let model = try Model(opening: path)
      let request = RotaryRequest(sites: sites)
      let prompt: [Int32] = [5, 17, 3, 40, 8, 21, 30, 2, 11]
      let generated = try TokenGenerator(ForwardPass(plan: model.plan, as: request, threads: 2))
        .generate([prompt], maximum: 6)[0]
      #expect(generated.count == 6)
      var tokens = prompt
      for token in generated {
        let last = try model.logits(tokens, rotary: request)
          .suffix(model.plan.shape.vocabulary)
        #expect(try #require(last.max()) - last[last.startIndex + Int(token)] < 1e-4)
        tokens.append(token)
      }
    }
  }

  /// What has no latent attention, has it absorbed or turns its values is refused with the reason.
  @Test func whatCannotBeAbsorbedIsRefused() throws {
    func refusal(
      _ path: String, _ sites: String, _ identities: String, fits: Bool = false
    ) throws -> String? {
      do {
        var request = ConversionRequest(
          sites: try RotarySites(parsing: sites), output: "/nonexistent/x.gguf",
          absorb: try AbsorptionIdentity.list(identities))
        request.expectsFit = fits
        _ = try ConversionPlan(Model(opening: path).plan, request)
        return nil
      } catch let error as ConversionError { return error.summary }
    }
    let plain = try refusal(References.file("fixtures/lantern.gguf"), "qk", "A6")
    #expect(plain?.contains("layer 0 of this llama model has no latent attention") == true)
    try inFolder { work in
      guard let (folder, path) = try absorbed("deepseek-v2-mla", in: work) else { return }
      #expect(try refusal(folder, "qkvo", "A6")?.contains("values or outputs turn") == true)
      #expect(try refusal(folder, "vo", "A6", fits: true)?.contains("single heads") == true)
      #expect(try refusal(path, "qk", "A6")?.contains("absorbed already") == true)
      for identity in ["A2", "A3"] {
        #expect(try refusal(path, "qk", identity)?.contains("one vector is key and value") == true)
      }
      // Pairs of the rotary key may move, those in the latent vector stay where its norm has them.
      #expect(try refusal(path, "qk", "A1") == nil)
      #expect(try refusal(path, "qkvo", "A1")?.contains("one vector is key and value") == true)
    }
  }

  /// Latent vectors may be short: what turns of a value must be there.
  @Test func valuesAreAsWideAsWhatTurns() throws {
    let plan = try Model(opening: References.file("fixtures/lantern.gguf")).plan
    var rotary = try plan.rotary.applying(RotaryRequest(sites: .all), length: 64)
    try plan.checkValues(rotary)
    let width = try #require(plan.layers[1].recipe.attention?.valueWidth)
    rotary.layers[1].value = ValueRotation(
      frequencies: [Double](repeating: 1, count: width / 2 + 1), layout: .half, bias: .unrotated,
      base: nil)
    let error = #expect(throws: ModelError.self) { try plan.checkValues(rotary) }
    #expect(
      error?.summary
        == "layer 1 has values of \(width) dims, of which \(width + 2) cannot turn")
  }

  /// The declaration is checked against what the model is.
  @Test(
    arguments: [
      (#""absorbed""#, "is stated, but layer 0 has no latent attention"), (#""other""#, "latent"),
      ("3", "latent"),
    ])
  func aFalseDeclarationIsRefused(stated: String, words: String) throws {
    try inFolder { work in
      let output = "\(work)/rove/"
      _ = try ConversionPlan(
        Model(opening: References.file("fixtures/lantern.gguf")).plan,
        ConversionRequest(sites: .all, output: output, type: .type(.f32))
      ).write(version: "test")
      let file = "\(output)config.json"
      let text = try String(contentsOfFile: file, encoding: .utf8)
      try text.replacingOccurrences(of: #""sites":"#, with: #""latent": \#(stated), "sites":"#)
        .write(toFile: file, atomically: true, encoding: .utf8)
      let error = #expect(throws: ModelError.self) { try Model(opening: output) }
      #expect(error?.summary.contains(words) == true, "\(error?.summary ?? "")")
    }
  }
}
