import Base
import Checkpoints
import Evaluation
import Models
import Rotary
import Vocabulary

/// Everything a conversion will write, made before any output exists: what cannot be done is
/// refused here.
package struct ConversionPlan: Sendable {
  package let source: ModelPlan
  package let request: ConversionRequest
  package let container: OutputContainer
  /// The variant the output declares.
  package let target: RotaryConfiguration
  package let absorbed: [AbsorbedIdentity]
  package let tensors: [OutputTensor]
  package let copiedTensors: Int
  package let rewrittenTensors: Int
  /// What a user should know: of the sites first, then of what is written.
  package private(set) var warnings: [ConversionWarning] = []
  /// What keys that are set or removed do to the output.
  package private(set) var edits: [MetadataEdits.Change] = []
  let declaration: RotaryDeclaration?
  /// Of the source, as results of evaluations state it.
  let digest: SourceDigest
  /// What goes into a Hugging Face folder beside the weights.
  let companions: FolderCompanions?
  /// The variant before pair layouts change: what a fit works on.
  package let fitTarget: RotaryConfiguration
  /// What a fit did, where there was one.
  package let fit: FitReport?

  /// One identity that was applied, for the report.
  package struct AbsorbedIdentity: Sendable, Equatable {
    package let identity: AbsorptionIdentity
    /// Tensors of the output it changed.
    package let tensors: Int
    package var isExact: Bool { identity.isExact }
    /// A bound on the error per unit of a stilled pair; 0 where exact.
    package let bound: Double
  }

  /// What the output says of the fit that its weights had.
  let fitProvenance: FitProvenance
  /// The tensors of the output that hold what a fit chooses.
  let fittable: [OutputTensor]

  /// What turns otherwise than in the source, nothing absorbed; nil where it turns alike.
  package let siteChange: SiteChange?

  /// Whose names and layouts the output has.
  var side: Architecture.Side { container.side(of: source) }

  /// The sites that rotate in the output.
  package var sites: RotarySites { target.sites }

  /// The source's scores know the distance and the output's do not: no refit can restore it.
  package var losesScoreDistance: Bool {
    source.rotary.sites.isSuperset(of: .scores) && !sites.isSuperset(of: .scores)
  }

  /// Numbers that must be kept of each token in a layer, at most, before latent attention is
  /// absorbed and after; nil where it is not.
  package var keptNumbers: (source: Int, output: Int)? {
    guard absorbed.contains(where: { $0.identity == .latent }) else { return nil }
    func most(_ plan: ModelPlan) -> Int {
      plan.layers.lazy.compactMap(\.recipe.attention?.keptNumbers).max() ?? 0
    }
    return (most(source), most(source.absorbingLatent()))
  }

  /// The forms of decay attention in the source and in the output, and the most numbers that either
  /// keeps in a layer: attention of each token, the recurrence of a sequence; nil without such
  /// layers.
  package var forms: (source: MixerForm, output: MixerForm, ofToken: Int, ofSequence: Int)? {
    let attentions = source.layers.compactMap(\.recipe.attention).filter { $0.decay != nil }
    guard !attentions.isEmpty else { return nil }
    return (
      source.statedForm, source.form, attentions.map(\.keptNumbers).max() ?? 0,
      attentions.map(\.stateCount).max() ?? 0
    )
  }

  /// The tensors of each file of weights to write.
  var shards: [[OutputTensor]] {
    request.shardSize.map { TensorShards.split(tensors, limit: $0) } ?? [tensors]
  }

  /// What opens as the output: its path, or that of its first shard.
  package var output: String {
    let count = container == .gguf ? shards.count : 1
    return count == 1
      ? request.output : ShardedGGUFWriter.paths(of: request.output, count: count)[0]
  }

  /// Bytes of all tensors.
  package var tensorBytes: Int { tensors.reduce(0) { $0 + $1.byteCount } }
}

extension ConversionPlan {
  /// Adds what a user should know of what is done beside writing.
  mutating func add(_ warning: ConversionWarning) { warnings.append(warning) }

  /// Plans the conversion of a model; `fit` is the outcome of a fit to the `fitTarget` of a plan
  /// for the same request.
  package init(
    _ source: ModelPlan, _ request: ConversionRequest, fit: FittedModel? = nil
  ) throws {
    try Tokenizer.check(source.checkpoint)
    try source.checkpoint.companions?.checkLinks(of: FolderCompanions.copied + [ModelCard.fileName])
    let container = try OutputContainer(path: request.output)
    let side = container.side(of: source)
    try request.check(for: container, on: side)

    let variant = try request.variant(of: source)
    let siteChange = SiteChange(from: source.rotary, to: variant)
    fitProvenance = try Self.provenance(
      of: fit?.report, source, request, to: variant.sites, turnsOtherwise: siteChange != nil)
    let rotation = try OutputRotation(
      variant, of: source, request, on: side, isFitted: fit != nil)
    let absorption = rotation.absorption(of: source)
    try absorption.check()

    let assembled = try TensorAssembly(
      plan: rotation.identities.contains(.latent) ? source.absorbingLatent() : source,
      target: side, type: request.type, importance: request.importance,
      rewriter: LayerRewriter(
        plan: source, absorption: absorption,
        fitted: fit?.report.isUsed == true ? fit?.weights : nil, threads: request.threads),
      rotation: (from: rotation.fitTarget, to: rotation.target), threads: request.threads
    ).tensors()
    let declaration = rotation.declaration(of: source, on: side)

    self.source = source
    self.request = request
    self.container = container
    self.fit = fit?.report
    self.siteChange = siteChange
    self.declaration = declaration
    digest = try SourceDigest(source.checkpoint)
    fitTarget = rotation.fitTarget
    target = rotation.target
    absorbed = rotation.absorbed(of: source)
    tensors =
      try assembled.map(\.tensor)
      + Self.tensorsBesides(source, request, declaration: declaration, on: side)
    fittable = assembled.compactMap(\.fittable)
    copiedTensors = assembled.count { $0.isCopy }
    rewrittenTensors = assembled.count - copiedTensors
    companions =
      side == .huggingface && container != .safetensors
      ? try FolderCompanions(source, declaration: declaration) : nil

    warnings = try findWarnings(assembled)
    edits = try editChanges()
    for edit in edits where !edit.isKnown && edit.new != nil {
      warnings.append(.unknownKey(edit.key))
    }
  }

  /// What the output says of the fit that its weights had: this one, or an earlier one.
  private static func provenance(
    of fit: FitReport?, _ source: ModelPlan, _ request: ConversionRequest, to sites: RotarySites,
    turnsOtherwise: Bool
  ) throws -> FitProvenance {
    let earlier = FitProvenance(of: source.checkpoint)
    if let fit, fit.isUsed || !earlier.isUsed { return FitProvenance(fit, after: earlier) }
    if request.expectsFit { return FitProvenance() }
    // Where a fit was not used, the weights are still those that an earlier one left.
    return try earlier.carried(by: source, to: sites, turnsOtherwise: turnsOtherwise)
  }

  /// Tensors beside the model's weights: rotary factors, and, where they are to be kept, those that the
  /// model does not use.
  private static func tensorsBesides(
    _ source: ModelPlan, _ request: ConversionRequest, declaration: RotaryDeclaration?,
    on side: Architecture.Side
  ) throws -> [OutputTensor] {
    let factors =
      side == .gguf ? try GGUFMetadata(plan: source, declaration: declaration).factorTensors() : []
    guard request.keepsExtra else { return factors }
    return factors
      + source.ignored.map { entry in
        OutputTensor(
          name: entry.name, type: entry.type, shape: entry.shape, contents: .copy(entry))
      }
  }

  /// Refuses an output that could not be created, before long work is done for it.
  package func checkOutput() throws {
    let (force, bytes) = (request.force, tensorBytes)
    switch container {
    case .gguf where shards.count > 1:
      try ShardedGGUFWriter.check(
        request.output, count: shards.count, byteCount: bytes, force: force, inputs: inputs)
    case .gguf, .archive:
      try OutputTarget.check(output, byteCount: bytes, force: force, inputs: inputs)
    case .safetensors:
      try PairWriter.check(output, byteCount: bytes, force: force, inputs: inputs)
    case .folder:
      try FolderWriter.check(
        output, tensors: tensors, extraFiles: companions?.files(card: "").map(\.0) ?? [],
        shardSize: request.shardSize, force: force, inputs: inputs)
    }
  }

  /// What the output must not replace, and must still be as it was read when the output is whole.
  var inputs: OutputInputs {
    OutputInputs(source.checkpoint.inputPaths + request.inputs) {
      [checkpoint = source.checkpoint]
      () throws(FileError) in
      try checkpoint.checkUnchanged()
    }
  }
}
