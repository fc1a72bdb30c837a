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
  package private(set) var warnings: [ConversionWarning]
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
  /// Plans the conversion of a model; `fit` is the outcome of a fit to the `fitTarget` of a plan
  /// for the same request.
  package init(
    _ source: ModelPlan, _ request: ConversionRequest, fit: FittedModel? = nil
  ) throws {
    self.fit = fit?.report
    try Tokenizer.check(source.checkpoint)
    try source.checkpoint.companions?.checkLinks(of: FolderCompanions.copied + [ModelCard.fileName])
    let container = try OutputContainer(path: request.output)
    let side = container.side(of: source)
    if request.shardSize != nil, container == .safetensors {
      throw ConversionError.setting(.shards)
    }
    if case .mix(let mix, _) = request.type, side != .gguf {
      throw ConversionError.setting(.quantizedOutsideGGUF(type: mix.rawValue))
    }
    if request.importance != nil, request.type.mainType == nil {
      throw ConversionError.setting(.importanceUnused)
    }
    var target = try source.rotary.applying(request.rotary, length: source.shape.context)
    let sites = target.sites
    if request.valuePairs != nil || request.valuePairsByLayer != nil || request.valueBase != nil {
      guard request.sites != nil else { throw ConversionError.setting(.valuesStay) }
      guard sites.rotatesMessage else {
        throw ConversionError.setting(.noValueRotation(sites: sites.name))
      }
    }
    let siteChange = SiteChange(from: source.rotary, to: target)
    self.siteChange = siteChange
    let earlier = FitProvenance(of: source.checkpoint)
    if let report = fit?.report, report.isUsed || !earlier.isUsed {
      fitProvenance = FitProvenance(report, after: earlier)
    } else if request.expectsFit {
      fitProvenance = FitProvenance()
    } else {
      // Where a fit was not used, the weights are still those that an earlier one left.
      fitProvenance = try earlier.carried(
        by: source, to: sites, turnsOtherwise: siteChange != nil)
    }

    var identities = request.absorb
    let hasValueBias = source.layers.contains { $0[.valueBias] != nil }
    let startsRotating = sites.rotatesMessage && !source.rotary.sites.rotatesMessage
    if startsRotating, hasValueBias, !identities.contains(.valueBias) {
      // A bias that did not rotate must not start to: it is declared unrotated.
      identities.append(.valueBias)
    }
    var stilled = (count: 0, bound: 0.0)
    if identities.contains(.stillPairs) {
      let relative = sites.isRelative
      stilled = try target.stillPairs(
        span: source.shape.context - (relative ? 1 : 0), epsilon: request.stillEpsilon)
      let turns = target.layers.contains { $0.value?.frequencies.contains { $0 != 0 } == true }
      if turns, stilled.count == 0 {
        throw ConversionError.setting(.nothingToStill(epsilon: request.stillEpsilon))
      }
    }
    let absorbsLatent = identities.contains(.latent)
    if absorbsLatent {
      for (index, layer) in source.layers.enumerated() {
        guard let attention = layer.recipe.attention?.absorbed else { continue }
        target.layers[index].score?.offset = attention.rotation.score?.offset ?? 0
      }
    }
    if absorbsLatent, request.expectsFit || fit != nil {
      throw ConversionError.setting(.fitOfAbsorbed)
    }
    fitTarget = target
    // The container's own layout of Q and K; A1 takes the other one where something records it.
    let native = source.pairLayouts[side]
    for (index, layer) in fitTarget.layers.enumerated() {
      guard var layout = layer.score?.layout else { continue }
      if source.side != side, layout == source.pairLayouts[source.side] {
        layout = native ?? layout
      }
      if identities.contains(.pairLayout) {
        layout = layout.other
        if let values = layer.value { target.layers[index].value?.layout = values.layout.other }
      }
      target.layers[index].score?.layout = layout
      if identities.contains(.direction) { target.layers[index].reverse() }
    }
    try source.checkValues(target)
    for (index, layer) in source.layers.enumerated()
    where layer.recipe.attention?.valueIsKey == true {
      // The rows of the key matrix are the value's too: they must stay in their order.
      let (old, new) = (source.rotary.layers[index].score, target.layers[index].score)
      guard new?.layout != old?.layout || new?.direction != old?.direction else { continue }
      throw ModelError.notRepresentable(
        file: source.checkpoint.path,
        what: "layer \(index), whose values are its keys, with pairs in another order,",
        container: "the output")
    }
    // What readers of the output's architecture do not expect must be declared.
    let scores = target.scoreDeclaration(native: native)

    let absorption = Absorption(plan: source, target: target, identities: identities)
    try absorption.check()
    let rewriter = LayerRewriter(
      plan: source, absorption: absorption, fitted: fit?.report.isUsed == true ? fit?.weights : nil,
      threads: request.threads)
    let assembled = try TensorAssembly(
      plan: absorbsLatent ? source.absorbingLatent() : source, target: side, type: request.type,
      importance: request.importance, rewriter: rewriter,
      rotation: (from: fitTarget, to: target), threads: request.threads
    ).tensors()

    let values = target.valueTable
    let isPlain =
      sites == source.plainSites && values == source.plainValues && scores == ScoreDeclaration()
      && !(side == .huggingface && source.turnsPartOfHeads)
      && !absorbsLatent && !source.isAbsorbed
    declaration =
      isPlain
      ? nil
      : RotaryDeclaration(
        sites: sites, value: values, valueDimensions: target.valueDimensions, scores: scores,
        baseArchitecture: source.architecture.name,
        absorbsLatent: absorbsLatent || source.isAbsorbed)
    self.source = source
    digest = try SourceDigest(source.checkpoint)
    self.request = request
    self.container = container
    self.target = target
    absorbed = identities.sorted().map { identity in
      let alone = Absorption(plan: source, target: target, identities: [identity])
      let tensors = source.layers.indices.reduce(0) { sum, index in
        let moves = identity == .pairLayout || identity == .direction
        let moved = moves ? target.layers[index].permutedMatrices : 0
        return sum + alone.layer(index).rewrittenRoles().count + moved
      }
      return AbsorbedIdentity(
        identity: identity, tensors: tensors,
        bound: identity == .stillPairs ? stilled.bound : 0)
    }
    var tensors = assembled.map(\.tensor)
    let metadata = GGUFMetadata(plan: source, declaration: declaration, provenance: [:])
    if side == .gguf { tensors += try metadata.factorTensors() }
    if request.keepsExtra {
      tensors += source.ignored.map { entry in
        OutputTensor(
          name: entry.name, type: entry.type, shape: entry.shape, contents: .copy(entry))
      }
    }
    self.tensors = tensors
    fittable = assembled.compactMap(\.fittable)
    copiedTensors = assembled.count { $0.isCopy }
    rewrittenTensors = assembled.count - copiedTensors
    var warnings: [ConversionWarning] = source.notes.map { .ignored($0) }
    let purpose: SiteChange.Purpose =
      if request.expectsFit || fit?.report.isUsed == true {
        .fittedConversion
      } else {
        fit != nil || source.layers.contains { $0.boundKeys != nil }
          ? .unfittableConversion : .conversion
      }
    if let siteChange, siteChange.effects(for: purpose) != nil {
      warnings.append(.sites(siteChange, purpose))
    }
    if target.fixesValueScaling {
      // Of a table that the source holds nobody knows the length.
      let isOwn = source.rotary.fixesValueScaling
      warnings.append(.fixedValues(tokens: isOwn ? nil : source.shape.context))
    }
    if side == .gguf, declaration == nil {
      warnings += try metadata.unseenKeys().map { .unseenKey($0) }
      if let sentence = try metadata.otherYarn() { warnings.append(.otherYarn(sentence)) }
    }
    if fitProvenance.isChanged { warnings.append(.changedAfterFit) }
    if side == .gguf, source.side == .huggingface {
      let tokenizer = try Tokenizer.load(from: source.checkpoint)
      warnings += tokenizer.map { $0.lostInGGUF.map { .tokenizerFact($0) } } ?? [.noTokenizer]
      if let names = tokenizer?.templatesLeftOut, !names.isEmpty {
        warnings.append(.chatTemplates(names))
      }
    }
    if side == .huggingface, let configuration = source.checkpoint.configuration,
      CodeReferences.removed(from: configuration) != nil
    {
      warnings.append(.codeOutside(file: ModelFolder.configuration))
    }
    let widened = request.type == .keep ? assembled.filter(\.isWidened) : []
    if !widened.isEmpty {
      warnings.append(
        .widened(
          tensors: widened.count, from: widened.reduce(0) { $0 + $1.scaledBytes },
          to: widened.reduce(0) { $0 + $1.tensor.byteCount }))
    }
    let fallbacks = assembled.count { $0.isFallback }
    if fallbacks > 0 { warnings.append(.otherTypes(tensors: fallbacks)) }
    let unknown = assembled.count { $0.lacksImportance }
    if unknown > 0 { warnings.append(.withoutImportance(tensors: unknown)) }
    companions =
      side == .huggingface && container != .safetensors
      ? try FolderCompanions(source, declaration: declaration) : nil
    self.warnings = warnings + (companions?.warnings ?? [])
    edits = try editChanges()
    for edit in edits where !edit.isKnown && edit.new != nil {
      self.warnings.append(.unknownKey(edit.key))
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

extension RotaryLayer {
  /// The matrices whose rows move with the pair layout (A1): of queries and keys, and of values
  /// where those rotate.
  fileprivate var permutedMatrices: Int { score == nil ? 0 : value == nil ? 2 : 3 }
}
