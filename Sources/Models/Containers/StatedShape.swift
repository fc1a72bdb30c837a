import Rotary

/// A model's sizes and scalars as a container's keys state them: one for all layers, or a list with
/// one for each.
struct StatedShape: Sendable, Equatable {
  var layers = 0
  var width = 0
  var heads: [Int] = []
  /// Heads of K and V.
  var keyValueHeads: [Int] = []
  /// Dims of a query or key head.
  var keyWidth: [Int] = []
  /// Dims of a value head.
  var valueWidth: [Int] = []
  /// Channels of a dense network.
  var feedForward: [Int] = []
  var vocabulary = 0
  /// Positions the model was trained for.
  var context = 0
  var normEpsilon = 0.0
  /// Multiplies q . k.
  var attentionScale: [Double] = []
  /// The window of each layer; 0: none.
  var windows: [Int] = []
  /// Whether each layer rotates queries and keys.
  var rotates: [Bool] = []
  /// For each layer the earlier one whose keys and values it uses; nil: it has its own.
  var keyValueSources: [Int?] = []
  /// Whether the values of each layer are what its key matrix gives.
  var valuesAreKeys: [Bool] = []
  /// Elements of the input that each layer has of its own; 0: none has any.
  var layerInputWidth = 0
  var temperature: AttentionTemperature?
  var parallelResidual = false
  /// One norm for both sublayers of a parallel block.
  var sharesNorm = false
  var attentionSoftcap = 0.0
  var logitSoftcap = 0.0
  var embeddingMultiplier = 1.0
  var residualMultiplier = 1.0
  /// Logits are divided by this.
  var logitDivisor = 1.0
  /// Ranks of latent attention; 0 elsewhere, and `queryRank` 0 where q is one matrix.
  var latentRank = 0
  var queryRank = 0
  /// Of attention to a shared vector, whose layers compress each in their way; nil elsewhere.
  var sharedVector: AttentionRecipe.SharedVector?
  var compressions: [AttentionRecipe.Compression?] = []
  /// Experts, of layers that have some; nil for a model without.
  var experts: ExpertsRecipe?
  /// What mixes the channels of each layer; empty for a model without experts.
  var channelKinds: [ChannelKind] = []
  /// How layers join several residual streams; nil: there is one.
  var hyperConnections: HyperConnections?
  /// Rotated dims of a head.
  var rotaryDimensions: [Int] = []
  /// The rotation of layers that look far, or of all; nil where nothing can rotate.
  var score: ScoreRotation?
  /// That of windowed layers, where they have frequencies of their own.
  var localScore: ScoreRotation?
}

// MARK: - Reading

extension StatedShape {
  /// Reads what a checkpoint states; the vocabulary is the embedding's, and rotations are read by
  /// `RotaryParameters`.
  /// - Throws: `ModelError.hyperparameter` for what is missing or does not fit together.
  init(_ rotary: RotaryParameters) throws {
    let parameters = rotary.parameters
    func read(_ table: [PlainHyperparameter]) throws {
      for row in table { try row.read(parameters, &self) }
    }
    try read(PlainHyperparameter.count)
    if parameters.side == .gguf { layers -= try PredictingLayers.count(parameters, of: layers) }
    // What is kept of a layer must not be made for layers that are not there.
    let tensors = parameters.checkpoint.tensors.count
    guard layers <= max(tensors, 8_192) else {
      throw parameters.failure(
        .layers, "is \(layers), more than the file's tensors, of which it has \(tensors)")
    }
    windows = try SlidingWindows.read(parameters, layers: layers)
    try read(PlainHyperparameter.sizes)
    rotaryDimensions = try rotary.dimensions(self)
    try HeadWidths.read(parameters, into: &self)
    for (heads, keyValueHeads) in zip(heads, keyValueHeads) where heads % keyValueHeads != 0 {
      throw parameters.failure(
        .keyValueHeads, "is \(keyValueHeads), which does not divide the \(heads) heads")
    }
    try read(PlainHyperparameter.vocabularyAndNorm)
    attentionScale = try AttentionScale.read(parameters, self)
    try read(PlainHyperparameter.scales)
    if parameters.architecture.block.embeddingScale == .widthRoot {
      // The reference rounds the factor to the activations' type, which here is float32.
      embeddingMultiplier *= Double(Float(Double(width).squareRoot()))
    }
    try read(PlainHyperparameter.residual)
    keyValueSources = try SharedKeyValues.sources(parameters, windows: windows)
    valuesAreKeys = SharedKeyValues.valuesAreKeys(parameters, self)
    compressions = try SharedVectors.compressions(parameters, self)
    experts = try StatedExperts.read(parameters, self)
    if experts != nil { channelKinds = try StatedExperts.layers(parameters, count: layers) }
    rotates = try UnrotatedLayers.read(parameters, windows: windows)
  }
}

// MARK: - Writing

extension StatedShape {
  /// - Throws: `ModelError.notRepresentable` for layers that differ in what has one key.
  init(_ plan: ModelPlan, in container: String) throws {
    let recipes = plan.layers.map(\.recipe)
    func failure(_ what: String) -> ModelError {
      .notRepresentable(
        file: plan.checkpoint.path, what: "layers that differ in \(what)", container: container)
    }
    func same<Value: Equatable>(
      _ what: String, _ value: (LayerRecipe) -> Value
    ) throws(ModelError) -> Value {
      guard let value = recipes.map(value).agreed else { throw failure(what) }
      return value
    }
    let attentions = recipes.compactMap { $0.attention?.stated }
    func attends<Value: Equatable>(
      _ what: String, _ value: (AttentionRecipe) -> Value
    ) throws(ModelError) -> Value {
      guard let value = attentions.map(value).agreed else { throw failure(what) }
      return value
    }
    layers = plan.shape.layers
    width = plan.shape.width
    vocabulary = plan.shape.vocabulary
    context = plan.shape.context
    embeddingMultiplier = plan.shape.embeddingMultiplier
    logitDivisor = plan.shape.logitDivisor
    logitSoftcap = plan.shape.logitSoftcap
    // What is stated of all layers holds for those that attend; the others take the first one's.
    let attentive = recipes.compactMap { $0.attention?.stated ?? attentions.first }
    heads = attentive.map(\.heads)
    keyValueHeads = attentive.map(\.keyValueHeads)
    keyWidth = attentive.map(\.keyWidth)
    valueWidth = attentive.map(\.valueWidth)
    keyValueSources = recipes.map { $0.attention?.keyValueSource }
    valuesAreKeys = recipes.map { $0.attention?.valueIsKey ?? false }
    layerInputWidth = plan.shape.layerInputWidth
    let latent = try attends("the kind of their attention") { $0.latent }
    latentRank = latent?.rank ?? 0
    queryRank = latent?.queryRank ?? 0
    sharedVector = try same("the sizes of their shared vectors") {
      var vector = $0.attention?.sharedVector
      vector?.compression = nil
      return vector
    }
    compressions = recipes.map { $0.attention?.compression }
    feedForward = plan.shape.networks.denseWidths
    normEpsilon = try same("the epsilon of their norms") { $0.norm.epsilon }
    attentionScale = attentive.map(\.scale)
    attentionSoftcap = try attends("the cap of their scores") { $0.softcap }
    parallelResidual = try same("the form of their residual") { $0.residual.isParallel }
    sharesNorm = try same("the norms of their sublayers") { $0.residual.sharesNorm }
    residualMultiplier = try same("the multiplier of their residual") { $0.residual.multiplier }
    hyperConnections = plan.shape.hyperConnections
    windows = recipes.map { $0.attention?.window ?? 0 }
    rotates = recipes.map { $0.attention.map { $0.rotation.score != nil } ?? true }
    temperature = try attends("the temperature of their scores") { $0.temperature }
    let scores = plan.rotary.scores
    score = scores.first
    localScore = scores.first { $0.isLocal }
    guard scores.count <= 1 || scores.count == 2 && scores[0].isLocal != scores[1].isLocal else {
      throw failure("how they rotate")
    }
    let usual = score?.dimensions ?? 0
    rotaryDimensions = recipes.map { $0.rotation.score?.dimensions ?? usual }
    let side: Architecture.Side = container == GGUFMetadata.container ? .gguf : .huggingface
    try LayerSizes.check(self, of: plan, on: side, container: container)
    try AttentionScale.check(self, of: plan, container: container)
  }
}
