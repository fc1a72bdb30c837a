import Base
import Checkpoints
import Models
import TestSupport
import Testing

/// A family that cannot be read is refused with the first thing that nothing here computes. The
/// statements are those of the configurations' classes in transformers 5.24 and of llama.cpp's files.
@Suite struct UnsupportedFamilyTests {
  static let configurations: [(JSONValue, String)] = [
    (
      [
        "model_type": "jamba", "attn_layer_period": 8, "attn_layer_offset": 4,
        "mamba_d_state": 16,
      ], "layer 0 is a Mamba layer"
    ),
    (
      ["model_type": "jamba", "attn_layer_period": 2, "attn_layer_offset": 0],
      "layer 1 is a Mamba layer"
    ),
    // Hybrids of Granite 4.0, as they are published and as transformers 5 writes them.
    (
      [
        "model_type": "granitemoehybrid", "layer_types": ["mamba", "attention"],
        "num_local_experts": 0,
      ],
      "layer 0 is a Mamba layer"
    ),
    (
      [
        "model_type": "granitemoehybrid", "layer_types": ["full_attention", "linear_attention"],
        "num_local_experts": 8,
      ],
      "layer 1 is a Mamba layer"
    ),
    // All layers are Mamba layers where nothing says which are.
    (["model_type": "granitemoehybrid", "mamba_d_state": 256], "it has Mamba layers"),
    (["model_type": "mamba", "conv_kernel": 4], "every layer is a Mamba layer"),
    (["model_type": "falcon_h1", "mamba_d_ssm": 1024], "it has Mamba layers"),
    (
      [
        "model_type": "olmo_hybrid",
        "layer_types": ["full_attention", "linear_attention", "full_attention"],
      ], "layer 1 is a linear attention or state space layer"
    ),
    (
      ["model_type": "olmo_hybrid", "linear_num_value_heads": 32], "it has linear attention layers"
    ),
    (
      ["model_type": "zamba2", "layers_block_type": ["mamba", "hybrid"]],
      "layer 0 is a Mamba layer"
    ),
    (
      ["model_type": "nemotron_h", "hybrid_override_pattern": "*-M"],
      "layer 1 is a feed-forward layer alone"
    ),
    (
      ["model_type": "recurrent_gemma", "block_types": ["attention", "recurrent"]],
      "layer 1 is a recurrent layer"
    ),
    (
      ["model_type": "lfm2", "layer_types": ["conv", "full_attention"]],
      "layer 0 is a convolution layer"
    ),
    (["model_type": "rwkv"], "every layer is an RWKV layer, which has no attention"),
    (
      ["model_type": "bert", "is_encoder_decoder": false],
      "it is an encoder, whose tokens see those after them too"
    ),
    (
      ["model_type": "t5", "is_encoder_decoder": true],
      "it has an encoder beside the decoder, which attends to it"
    ),
    (
      ["model_type": "surprise", "vision_config": [:]],
      "it has a vision tower, and how the text model stands beside it is not known"
    ),
  ]

  @Test(arguments: configurations)
  func foldersAreRefusedInWords(configuration: JSONValue, reason: String) throws {
    let folder = try Checkpoint.open(
      References.file("Tests/InferenceTests/Golden/wrappers/gemma3"))
    let error = #expect(throws: FormatError.self) {
      try ModelPlan(folder.restated(configuration: configuration))
    }
    let name = configuration["model_type"]?.string ?? ""
    #expect(error?.summary == "architecture '\(name)' is not supported: \(reason)")
  }

  static let metadata: [(String, String, MetadataValue, String)] = [
    (
      "jamba", "jamba.ssm.state_size", .uint32(16),
      "it has Mamba or linear attention layers"
    ),
    ("mamba", "mamba.block_count", .uint32(2), "every layer is a Mamba layer"),
    ("rwkv7", "rwkv7.wkv.head_size", .uint32(64), "it has RWKV layers, which have no attention"),
    (
      "nomic-bert", "nomic-bert.attention.causal", .bool(false),
      "it is an encoder, whose tokens see those after them too"
    ),
    (
      "t5", "t5.decoder_start_token_id", .uint32(0),
      "it has an encoder beside the decoder, which attends to it"
    ),
  ]

  @Test(arguments: metadata)
  func filesAreRefusedInWords(
    name: String, key: String, value: MetadataValue, reason: String
  ) throws {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    var metadata = source.metadata
    metadata["general.architecture"] = .string(name)
    metadata[key] = value
    let error = #expect(throws: FormatError.self) {
      try ModelPlan(source.restated(metadata: metadata))
    }
    #expect(error?.summary == "architecture '\(name)' is not supported: \(reason)")
  }

  /// Where nothing is known of a family, those that are read are named.
  @Test func whatIsReadIsNamedElse() throws {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    var metadata = source.metadata
    metadata["general.architecture"] = .string("surprise")
    let error = #expect(throws: FormatError.self) {
      try ModelPlan(source.restated(metadata: metadata))
    }
    #expect(error?.summary.contains("'surprise' is not supported (known: ") == true)
    #expect(error?.summary.contains("llama, ") == true)
  }

  /// No entry is about a family that is read.
  @Test func noFamilyThatIsReadIsCalledUnsupported() throws {
    let unsupported = try UnsupportedFamily(FormatResources.json(UnsupportedFamily.file))
    for name in try Architecture.names() {
      let architecture = try Architecture(named: name)
      #expect(unsupported.reason(.gguf, name) { _ in nil } == nil, "\(name)")
      for type in architecture.modelTypes {
        #expect(unsupported.reason(.huggingface, type) { _ in nil } == nil, "\(type)")
      }
    }
    let wrappers = try ModelWrapper.all(FormatResources.json(ModelWrapper.file))
    for type in wrappers.flatMap(\.modelTypes) {
      #expect(unsupported.reason(.huggingface, type) { _ in nil } == nil, "\(type)")
    }
  }
}
