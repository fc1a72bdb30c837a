import Base
import Evaluation
import Models
import Rotary
import TestSupport
import Testing

/// Every layer has a recipe of its own, made of what the checkpoint's configuration says of it.
@Suite struct LayerRecipeTests {
  private func plan(_ family: String) throws -> ModelPlan? {
    try References.shared("parity/\(family)").map { try Model(opening: $0).plan }
  }

  /// Gemma 3: five windowed layers with a base of their own, then one that sees everything.
  @Test func layersOfTwoKindsInOneModel() throws {
    guard let plan = try plan("gemma3") else { return }
    #expect(plan.layers.map(\.recipe.attention?.window) == [16, 16, 16, 16, 16, 0])
    let scores = try plan.layers.map { try #require($0.recipe.rotation.score) }
    #expect(scores.map(\.base) == [1e4, 1e4, 1e4, 1e4, 1e4, 1e6])
    #expect(scores.map(\.isLocal) == [true, true, true, true, true, false])
    for (layer, score) in zip(plan.layers, scores) {
      let recipe = layer.recipe
      #expect(recipe.norm == NormRecipe(kind: .rms, epsilon: 1e-6))
      #expect(recipe.normPlacement == .both)
      #expect(recipe.residual == ResidualRecipe(isParallel: false, multiplier: 1))
      #expect(
        recipe.channelMixer
          == .dense(FeedForwardRecipe(form: .gated, width: 160, activation: .geluTanh)))
      let attention = try #require(recipe.attention)
      #expect(
        attention
          == AttentionRecipe(
            kind: .grouped, heads: 8, keyValueHeads: 2, keyWidth: 16, valueWidth: 16,
            scale: 1 / 24.0.squareRoot(), window: attention.window, headNorm: .head,
            rotation: RotaryLayer(sites: .scores, score: score)))
    }
    #expect(plan.rotary.scores.map(\.base) == [1e6, 1e4], "layers that look far come first")
  }

  @Test func otherKindsOfLayers() throws {
    if let latent = try plan("deepseek-v2-mla") {
      for layer in latent.layers {
        let attention = try #require(layer.recipe.attention)
        let sizes = try #require(attention.latent)
        let down = try #require(layer[.latentDown])
        #expect(down.rows == sizes.rank + sizes.sharedKeyWidth)
        #expect(attention.rotation.score?.dimensions == sizes.sharedKeyWidth)
        #expect(attention.rotation.score?.offset == attention.stillKeyWidth)
        #expect(layer.valueMatrix == .latentValueUp && layer.keyMatrix == .latentKeyUp)
      }
    }
    if let parallel = try plan("gpt-neox") {
      #expect(parallel.layers.allSatisfy { $0.recipe.residual.isParallel })
      #expect(parallel.layers.allSatisfy { $0.recipe.feedForward.form == .plain })
      #expect(parallel.layers.allSatisfy { $0.recipe.norm.kind == .layer })
    }
    if let after = try plan("olmo2") {
      #expect(after.layers.allSatisfy { $0.recipe.normPlacement == .after })
      #expect(after.layers.allSatisfy { $0.recipe.attention?.headNorm == .full })
    }
    if let learned = try plan("gpt2") {
      #expect(learned.shape.positions == .learned)
      #expect(learned.rotary.sites == .none)
      #expect(learned.layers.allSatisfy { $0.recipe.rotation.score != nil })
    }
  }

  /// What reads a norm is not a list: a matrix says which norm stands before it.
  @Test func readersOfANormAreTheMatricesThatAreThere() throws {
    if let grouped = try plan("llama") {
      for layer in grouped.layers {
        #expect(layer.readers(ofNorm: .attentionNormGain) == [.query, .key, .value])
        #expect(layer.readers(ofNorm: .feedForwardNormGain) == [.gate, .up])
        #expect(layer.readers(ofNorm: .latentNormGain) == [])
      }
    }
    if let plain = try plan("gpt2") {
      #expect(plain.layers.allSatisfy { $0.readers(ofNorm: .feedForwardNormGain) == [.up] })
    }
    if let latent = try plan("deepseek-v2-mla") {
      for layer in latent.layers {
        let first: Role = layer.recipe.attention?.latent?.queryRank == nil ? .query : .queryDown
        #expect(layer.readers(ofNorm: .attentionNormGain) == [first, .latentDown])
        #expect(layer.readers(ofNorm: .latentNormGain) == [.latentKeyUp, .latentValueUp])
      }
    }
  }

  /// One value where all layers agree, a list where they differ, in the order of earlier versions: the
  /// key of a state file hashes the text.
  @Test func identityOfLayersOfTwoKinds() throws {
    guard let source = try References.shared("parity/gemma3") else { return }
    let text = TokenizedText(name: "ids", tokens: (0..<160).map { ($0 * 37 + 11) % 64 })
    let identity = try PerplexityEvaluation(
      windows: WindowPlan(context: 64), rotary: RotaryRequest(sites: .all)
    ).identity(Model(opening: source), on: text)
    let model = try #require(identity.fields["models"]?.array?.first)
    #expect(
      model["hyperparameters"]?.serialized(pretty: false) == """
        {"architecture":"gemma3","positions":"rotary","layers":6,"width":64,"heads":8,\
        "key_value_heads":2,"key_width":16,"value_width":16,"feed_forward":160,"vocabulary":320,\
        "context":256,"norm_epsilon":1e-06,"attention_scale":0.20412414523193154,\
        "windows":[16,16,16,16,16,0],"parallel_residual":false,"attention_softcap":0.0,\
        "logit_softcap":0.0,"embedding_multiplier":8.0,"residual_multiplier":1.0,\
        "logit_divisor":1.0,"latent_rank":0,"query_rank":0}
        """)
    #expect(
      model["rotation"]?.serialized(pretty: false) == """
        {"sites":"qkvo","value_pairs":8,"pairs":8,"value_base":null,"base":[1000000.0,10000.0],\
        "layout":"half","value_layout":"half","value_bias":"unrotated","scaling":{"type":"none"},\
        "as_if":true,"fit":null,"frequencies_sha256":\
        "ec4979a860c427c45b1423caec95268c5a9fcf1c142ff1a8323b99a996039a74"}
        """)
  }
}
