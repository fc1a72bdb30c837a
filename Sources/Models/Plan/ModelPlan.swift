import Checkpoints
import Rotary
import Tensors

/// What a checkpoint's tensors do: sizes, rotation, and a source for every weight.
///
/// Making a plan reads headers and, where a file stores frequency factors, those vectors; no other
/// tensor bytes are touched.
package struct ModelPlan: Sendable {
  package let checkpoint: Checkpoint
  package let architecture: Architecture
  package let side: Architecture.Side
  package var shape: ModelShape
  /// The rotation the checkpoint was made with.
  package let rotary: RotaryConfiguration
  /// Weights of the whole model.
  package let globals: [Role: WeightSource]
  /// Weights of each layer.
  package let layers: [[Role: WeightSource]]
  /// Tensors that real checkpoints carry and the model does not use.
  package let ignored: [TensorEntry]

  /// The matrix that turns the last hidden state into logits.
  package var output: WeightSource? { globals[.output] ?? globals[.embedding] }

  /// Bytes of all layers' weights and the output matrix as float32.
  package var decodedBytes: Int {
    let layers = layers.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
    return 4 * (layers + (output?.count ?? 0))
  }

  package var tiesOutput: Bool { globals[.output] == nil }

  /// The sites a plain file of this architecture has.
  package var plainSites: RotarySites {
    architecture.block.positions == .rotary ? .scores : .none
  }

  /// The name a person knows the model by.
  package var name: String {
    checkpoint.metadata["general.name"]?.string
      ?? checkpoint.configuration?["_name_or_path"]?.string
      ?? checkpoint.path
  }
}

extension ModelPlan {
  /// Plans the model in a checkpoint.
  /// - Parameter keepsExtra: tensors that nothing is known about are ignored, not refused.
  /// - Throws: `FormatError` for an unsupported architecture, `ModelError` for missing or unexpected
  ///   tensors (all of them named), shapes or hyper-parameters that do not fit together.
  package init(_ checkpoint: Checkpoint, keepsExtra: Bool = false) throws {
    let identity = try CheckpointIdentity(checkpoint)
    let parameters = Hyperparameters(
      checkpoint: checkpoint, architecture: identity.architecture, side: identity.side,
      prefix: identity.prefix)
    try Self.checkRequired(parameters)

    let rotaryParameters = RotaryParameters(parameters: parameters)
    let dimensions = try rotaryParameters.dimensions()
    var shape = try ModelShape(parameters, rotaryDimensions: dimensions)
    var score = try rotaryParameters.score(shape: shape, dimensions: dimensions)
    if case .yarn(let yarn)? = score.sets.first?.scaling, shape.latentRank > 0,
      let mscale = yarn.mscaleAllDims, mscale != 0
    {
      // DeepSeek folds the magnitude of all dims into the softmax scale.
      let magnitude = FrequencyScaling.YaRN.magnitude(stretch: yarn.factor, mscale: mscale)
      shape.attentionScale *= magnitude * magnitude
    }

    var directory = WeightDirectory(parameters: parameters, shape: shape, rotaryWidth: dimensions)
    try directory.resolve(keepsExtra: keepsExtra)
    shape.vocabulary = directory.globals[.embedding]?.rows ?? 0
    if let stated = try parameters.optionalInteger(.vocabulary), stated != shape.vocabulary {
      throw ModelError.shape(
        file: checkpoint.path, tensor: directory.globals[.embedding]?.tensor.name ?? "embedding",
        found: [shape.vocabulary, shape.width], expected: [stated, shape.width])
    }
    if let output = directory.globals[.output], output.rows != shape.vocabulary {
      throw ModelError.shape(
        file: checkpoint.path, tensor: output.tensor.name, found: [output.rows, shape.width],
        expected: [shape.vocabulary, shape.width])
    }

    let plain: RotarySites =
      identity.architecture.block.positions == .rotary ? .scores : .none
    var stored = StoredRotation(sites: plain, value: nil, scoreLayout: nil)
    if identity.isRotary {
      stored = try StoredRotation(
        checkpoint, side: identity.side, layers: shape.layers, pairs: score.pairs)
    } else if let flags = try TrainingFlags(checkpoint, plain: plain) {
      if let layout = flags.layout { score.layout = layout }
      stored = try flags.rotation(score, length: shape.context)
    }
    if let layout = stored.scoreLayout { score.layout = layout }

    self.checkpoint = checkpoint
    architecture = identity.architecture
    side = identity.side
    self.shape = shape
    rotary = RotaryConfiguration(sites: stored.sites, score: score, value: stored.value)
    globals = directory.globals
    layers = directory.layers
    ignored = directory.ignored
  }

  /// Facts of config.json that only one value of is supported: activation and the listed ones.
  private static func checkRequired(_ parameters: Hyperparameters) throws {
    guard parameters.side == .huggingface, let configuration = parameters.checkpoint.configuration
    else { return }
    let block = parameters.architecture.block
    var required = parameters.architecture.required
    required[block.activationKey] = block.activationNames.map { .string($0) }
    for (key, accepted) in required {
      guard let found = configuration[key], found != .null, !accepted.contains(found) else {
        continue
      }
      throw ModelError.unsupportedValue(
        file: parameters.checkpoint.path, key: key, found: found.serialized(pretty: false),
        accepted: accepted.map { $0.serialized(pretty: false) })
    }
  }
}

/// Which architecture a checkpoint holds, on which side, and whether as a converted variant.
package struct CheckpointIdentity: Sendable {
  package let architecture: Architecture
  package let side: Architecture.Side
  /// The prefix of GGUF keys, such as `llama` or `llama-rotary`.
  package let prefix: String
  /// The file declares its rotary sites itself.
  package let isRotary: Bool

  package init(_ checkpoint: Checkpoint) throws {
    switch checkpoint.container {
    case .gguf:
      side = .gguf
      guard let name = checkpoint.metadata["general.architecture"]?.string else {
        throw ModelError.noArchitecture(file: checkpoint.path, key: "general.architecture")
      }
      prefix = name
      isRotary = name.hasSuffix("-rotary")
      let base = isRotary ? String(name.dropLast("-rotary".count)) : name
      architecture = try .forGGUF(base, file: checkpoint.path)
    case .safetensors:
      side = .huggingface
      let configuration = checkpoint.configuration
      // nanoGPT's settings name no model; these two keys are its own.
      let isNanoGPT = configuration?["block_size"] != nil && configuration?["n_layer"] != nil
      guard let type = configuration?["model_type"]?.string ?? (isNanoGPT ? "nanogpt" : nil) else {
        guard checkpoint.configuration != nil else {
          throw ModelError.noConfiguration(
            file: checkpoint.path,
            isAdapter: checkpoint.companions?.contains("adapter_config.json") == true)
        }
        throw ModelError.noArchitecture(file: checkpoint.path, key: "model_type of config.json")
      }
      let suffix = "_rotary"
      isRotary = type.hasSuffix(suffix) || configuration?["rotary"]?["sites"] != nil
      let base = type.hasSuffix(suffix) ? String(type.dropLast(suffix.count)) : type
      architecture = try .forModelType(base, file: checkpoint.path)
      prefix = architecture.name
    }
  }
}
