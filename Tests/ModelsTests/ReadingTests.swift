import Base
import Checkpoints
import Models
import OrderedCollections
import Rotary
import TestSupport
import Testing

/// Hyper-parameters and the declared rotation, read from both containers and written to them.
@Suite struct ReadingTests {
  private func lantern() throws -> Checkpoint {
    try Checkpoint.open(References.file("fixtures/lantern.gguf"))
  }

  private func refusal(_ checkpoint: Checkpoint, _ comment: Comment) -> String? {
    #expect(throws: ModelError.self, comment) { try ModelPlan(checkpoint) }?.summary
  }

  @Test func faultsOfGGUFKeysAreNamed() throws {
    let source = try lantern()
    let cases: [(String, MetadataValue?, String)] = [
      ("block_count", nil, "is missing"), ("block_count", .string("4"), "is not a whole number"),
      ("block_count", .uint32(70_000), "more than the file"),
      ("embedding_length", .int32(-1), "expected at least 1"),
      ("attention.head_count", .uint32(0), "expected at least 1"),
      ("attention.head_count_kv", .uint32(3), "does not divide"),
      ("attention.head_count", .array(.int32([4, 2])), "has 2 entries for"),
      ("attention.layer_norm_rms_epsilon", .float32(.nan), "is not a finite number"),
      ("attention.layer_norm_rms_epsilon", .float32(0), "expected a positive number"),
      ("rope.freq_base", .float32(-1), "expected a positive number"),
      ("rope.dimension_count", .uint32(3), "expected an even number"),
    ]
    for (key, value, problem) in cases {
      var metadata = source.metadata
      metadata["llama.\(key)"] = value
      let summary = refusal(source.restated(metadata: metadata), "\(key)")
      #expect(summary?.contains("'llama.\(key)'") == true, "\(summary ?? "")")
      #expect(summary?.contains(problem) == true, "\(summary ?? "")")
    }
  }

  @Test func aFactWithOneSupportedValueIsNamed() throws {
    guard let folder = try References.shared("parity/qwen3") else { return }
    let source = try Checkpoint.open(folder)
    var members = try #require(source.configuration?.object)
    members["attention_bias"] = true
    let summary = refusal(source.restated(configuration: .object(members)), "attention_bias")
    #expect(summary?.contains("'attention_bias' is true, supported: false") == true)
  }

  @Test func faultsOfAConfigurationAreNamed() throws {
    guard let folder = try References.shared("parity/mistral-window") else { return }
    let source = try Checkpoint.open(folder)
    let cases: [(String, JSONValue?, String)] = [
      ("num_hidden_layers", nil, "is missing"), ("hidden_size", "64", "is not a whole number"),
      ("num_key_value_heads", 3, "does not divide"),
      ("rms_norm_eps", "small", "is not a finite number"),
      ("layer_types", ["sliding_attention"], "entries for"),
      ("layer_types", [1, 2, 3, 4], "entries for"),
      ("hidden_act", "relu", "supported"),
    ]
    for (key, value, problem) in cases {
      var members = try #require(source.configuration?.object)
      members[key] = value
      let summary = refusal(source.restated(configuration: .object(members)), "\(key)")
      #expect(summary?.contains("'\(key)'") == true, "\(summary ?? "")")
      if key != "layer_types" || value?.array?.count == 1 {
        #expect(summary?.contains(problem) == true, "\(summary ?? "")")
      }
    }
    var members = try #require(source.configuration?.object)
    let layers = try ModelPlan(source).shape.layers
    members["layer_types"] = .array([JSONValue](repeating: "surprise", count: layers))
    let summary = refusal(source.restated(configuration: .object(members)), "unknown type")
    #expect(summary?.contains("known: sliding_attention, full_attention") == true)
    members["layer_types"] = .array(
      ["full_attention"] + [JSONValue](repeating: "sliding_attention", count: layers - 1))
    let windows = try ModelPlan(source.restated(configuration: .object(members))).layers.map(
      \.recipe.attention?.window)
    #expect(windows == [0] + [Int](repeating: 16, count: layers - 1))
  }

  @Test func aConfigurationWithoutModelTypeIsKnownByItsOwnKeys() throws {
    let folder = References.file("Tests/InferenceTests/Golden/nanogpt/learned")
    let source = try Checkpoint.open(folder)
    #expect(source.configuration?["model_type"] == nil)
    #expect(try CheckpointIdentity(source).architecture.name == "nanogpt")
    var members = try #require(source.configuration?.object)
    members["block_size"] = nil
    #expect(refusal(source.restated(configuration: .object(members)), "unknown") != nil)
  }

  // MARK: - The declared rotation

  /// A declaration of values that turn otherwise in each layer.
  private func declaration(_ plan: ModelPlan) throws -> RotaryDeclaration {
    var rotary = try plan.rotary.applying(
      RotaryRequest(sites: .all, valuePairs: 2), length: plan.shape.context)
    rotary.layers[0].value?.frequencies[0] = 0.5
    return RotaryDeclaration(
      sites: rotary.sites, value: rotary.valueTable,
      scores: ScoreDeclaration(layout: plan.rotary.scores[0].layout.other),
      baseArchitecture: plan.architecture.name)
  }

  private func check(_ plan: ModelPlan, _ declared: RotaryDeclaration) throws {
    let value = try #require(plan.rotary.valueTable)
    let expected = try #require(declared.value)
    #expect(plan.rotary.sites == declared.sites)
    #expect(plan.rotary.scores[0].layout == declared.scores.layout)
    #expect(value.layout == expected.layout && value.bias == expected.bias)
    #expect(value.base == expected.base && value.pairs == expected.pairs)
    #expect(
      value.frequencies == expected.frequencies.map { $0.map { Double(Float($0)) } })
  }

  @Test func aDeclarationReturnsFromGGUF() throws {
    let source = try lantern()
    let plan = try ModelPlan(source)
    let declared = try declaration(plan)
    let metadata = try GGUFMetadata(plan: plan, declaration: declared, provenance: [:]).fromGGUF()
    #expect(metadata["general.architecture"] == .string("llama-rotary"))
    try check(ModelPlan(source.restated(metadata: metadata)), declared)
    let faults: [(String, MetadataValue?)] = [
      ("version", .uint32(4)), ("version", nil), ("value.scaling", .string("scores")),
      ("score.direction", .string("backward")),
      ("value.dimensions", .uint32(4)), ("sites", nil), ("score.layout", .string("odd")),
      ("value.layout", nil), ("value.bias", .string("odd")), ("value.frequencies", nil),
      ("value.frequencies", .array(.floats([.nan]))),
    ]
    for (field, value) in faults {
      var changed = metadata
      changed["rotary.\(field)"] = value
      let summary = refusal(source.restated(metadata: changed), "\(field)")
      #expect(summary?.contains("'rotary.\(field)'") == true, "\(summary ?? "")")
    }
    var short = metadata
    short["rotary.value.frequencies"] = .array(.floats([1]))
    #expect(throws: RotaryError.self) { try ModelPlan(source.restated(metadata: short)) }
  }

  @Test func aDeclarationReturnsFromAConfiguration() throws {
    guard let folder = try References.shared("parity/llama") else { return }
    let source = try Checkpoint.open(folder)
    let plan = try ModelPlan(source)
    let declared = try declaration(plan)
    let configuration = HuggingFaceConfiguration(
      plan: plan, declaration: declared, modeling: nil, provenance: [:], elementType: .f32
    ).fromHuggingFace(try #require(source.configuration))
    #expect(configuration["model_type"]?.string == "llama_rotary")
    try check(ModelPlan(source.restated(configuration: configuration)), declared)
    // And a folder that declares nothing any more is plain again.
    let variant = try ModelPlan(source.restated(configuration: configuration))
    let plain = HuggingFaceConfiguration(
      plan: variant, declaration: nil, modeling: nil, provenance: [:], elementType: .f32
    ).fromHuggingFace(configuration)
    #expect(plain["rotary"] == nil && plain["model_type"]?.string == "llama")
    #expect(try ModelPlan(source.restated(configuration: plain)).rotary == plan.rotary)
  }

  // MARK: - Both directions

  /// What GGUF says of a folder's model makes the same model again, but for what GGUF rounds.
  @Test(arguments: References.parityFamilies)
  func sizesReturnFromGGUFMetadata(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let plan = try ModelPlan(Checkpoint.open(folder))
    let metadata = try GGUFMetadata(plan: plan, declaration: nil, provenance: [:])
      .fromHuggingFace(tokenizer: [:], fileType: 0)
    for (parameter, keys) in plan.architecture.hyperparameters {
      for key in (keys.names[.gguf] ?? []).prefix(1) {
        let full = Architecture.ggufKey(key, prefix: plan.architecture.name)
        guard let value = metadata[full] else { continue }
        let fits =
          switch parameter.kind {
          case .whole: value.type == .uint32
          case .number: value.type == .float32
          case .flag: value.type == .bool
          // A way of scoring is a text in config.json and a number in GGUF.
          case .text: value.type == .uint32
          case .texts: value.strings != nil
          case .switches: value.ints != nil || value.bools != nil
          case .pattern: value.bools != nil
          case .wholes: value.ints != nil
          case .members: false
          // GGUF states a rate for each layer.
          case .rates: false
          }
        #expect(fits, "\(full) is \(value.type)")
      }
    }
    for parameter in [Hyperparameter.layers, .width, .heads, .context, .normEpsilon] {
      let key = try #require(plan.architecture.key(of: parameter, on: .gguf))
      #expect(metadata["\(plan.architecture.name).\(key)"] != nil, "\(parameter)")
    }
  }
}
