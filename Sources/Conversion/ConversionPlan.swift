import Checkpoints
import Evaluation
import Inference
import Models
import Rotary
import Tensors
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
  /// Things a user should know, such as a missing tokenizer.
  package private(set) var warnings: [String]
  /// What keys that are set or removed do to the output.
  package private(set) var edits: [MetadataEdits.Change] = []
  let declaration: RotaryDeclaration?
  /// Of the source's files.
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

  /// What turns otherwise than in the source, nothing absorbed; nil where it turns alike.
  package let siteChange: SiteChange?

  /// What that does to the model, and the remedy; nil where it is nothing that a fit leaves.
  package let siteWarning: String?

  /// All that a user is told: of the sites, and of what is written.
  package var allWarnings: [String] { (siteWarning.map { [$0] } ?? []) + warnings }

  /// The sites that rotate in the output.
  package var sites: RotarySites { target.sites }

  /// The source's scores know the distance and the output's do not: no refit can restore it.
  package var losesScoreDistance: Bool {
    source.rotary.sites.isSuperset(of: .scores) && !sites.isSuperset(of: .scores)
  }

  /// The tensors of each GGUF file to write.
  var shards: [[OutputTensor]] {
    guard container == .gguf, let limit = request.shardSize else { return [tensors] }
    return TensorShards.split(tensors, limit: limit)
  }

  /// What opens as the output: its path, or that of its first shard.
  package var output: String {
    let count = shards.count
    return count == 1
      ? request.output : ShardedGGUFWriter.paths(of: request.output, count: count)[0]
  }

  /// Bytes of all tensors.
  package var tensorBytes: Int { tensors.reduce(0) { $0 + $1.byteCount } }
}

extension ConversionPlan {
  /// Plans the conversion of a model.
  /// - Parameter fit: the outcome of a fit to the `fitTarget` of a plan for the same request.
  package init(
    _ source: ModelPlan, _ request: ConversionRequest, fit: FittedModel? = nil
  ) throws {
    self.fit = fit?.report
    try Tokenizer.check(source.checkpoint)
    let container = try OutputContainer(path: request.output)
    let side = container.side(of: source)
    if request.shardSize != nil, container != .gguf, container != .folder {
      throw ConversionError.usage("--shard-size needs an output ending in .gguf or /")
    }
    if case .mix(let mix, _) = request.type, side != .gguf {
      throw ConversionError.usage(
        "--type \(mix.rawValue) needs a GGUF output, safetensors cannot hold quantized blocks")
    }
    var target = try source.rotary.applying(
      RotaryRequest(
        sites: request.sites, valuePairs: request.valuePairs,
        valuePairsByLayer: request.valuePairsByLayer, valueBase: request.valueBase),
      length: source.shape.context)
    let sites = target.sites
    if request.valuePairs != nil || request.valuePairsByLayer != nil || request.valueBase != nil {
      guard request.sites != nil else {
        throw ConversionError.usage(
          "--value-pairs and --value-base change the value rotation, --to keep leaves it as it is:"
            + " name the sites, such as --to rove")
      }
      guard sites.rotatesMessage else {
        throw ConversionError.usage(
          "--value-pairs and --value-base need sites with v or o, '\(sites.name)' has neither")
      }
    }
    siteChange = SiteChange(from: source.rotary, to: target)

    var identities = request.absorb
    let hasValueBias = source.layers.contains { $0[.valueBias] != nil }
    let startsRotating = sites.rotatesMessage && !source.rotary.sites.rotatesMessage
    if startsRotating, hasValueBias, !identities.contains(.valueBias) {
      // A bias that did not rotate must not start to: it is declared unrotated.
      identities.append(.valueBias)
    }
    var stilled = (count: 0, bound: 0.0)
    if identities.contains(.stillPairs), target.value != nil {
      let relative = sites.isRelative
      stilled =
        target.value?.stillPairs(
          span: source.shape.context - (relative ? 1 : 0), epsilon: request.stillEpsilon)
        ?? stilled
    }
    fitTarget = target
    // The container's own layout of Q and K; A1 takes the other one where something records it.
    var layout = source.rotary.score.layout
    let native = source.architecture.pairLayouts[side] ?? layout
    if source.side != side, layout == source.architecture.pairLayouts[source.side] {
      layout = native
    }
    var valueOrder: [Int]?
    if identities.contains(.pairLayout) {
      layout = layout.other
      if let rotation = target.value {
        valueOrder = rotation.layout.order(
          for: rotation.layout.other, pairs: rotation.slots, offset: 0,
          width: source.shape.valueWidth)
        target.value?.layout = rotation.layout.other
      }
    }
    target.score.layout = layout

    let absorption = Absorption(plan: source, target: target, identities: identities)
    try absorption.check()
    let rewriter = LayerRewriter(
      plan: source, absorption: absorption, fitted: fit?.report.isUsed == true ? fit?.weights : nil,
      threads: request.threads)
    let assembled = try TensorAssembly(
      plan: source, target: side, type: request.type, rewriter: rewriter, scoreLayout: layout,
      valueOrder: valueOrder, threads: request.threads
    ).tensors()

    let isPlain =
      sites == source.plainSites && target.value == nil && layout == native
    declaration =
      isPlain
      ? nil
      : RotaryDeclaration(
        sites: sites, value: target.value, scoreLayout: layout == native ? nil : layout,
        baseArchitecture: source.architecture.name)
    if declaration == nil, side == .huggingface, container != .safetensors {
      try Self.checkPartialRotation(of: source)
    }
    self.source = source
    digest = SourceDigest(source.checkpoint.files)
    self.request = request
    self.container = container
    self.target = target
    absorbed = identities.sorted().map { identity in
      let changed = Absorption(plan: source, target: target, identities: [identity])
        .rewrittenRoles()
      let permuted = identity == .pairLayout ? (valueOrder == nil ? 2 : 3) : 0
      return AbsorbedIdentity(
        identity: identity, tensors: (changed.count + permuted) * source.layers.count,
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
    copiedTensors = assembled.count { $0.isCopy }
    rewrittenTensors = assembled.count - copiedTensors
    var warnings: [String] = []
    let purpose: SiteChange.Purpose =
      request.expectsFit || fit?.report.isUsed == true ? .fittedConversion : .conversion
    siteWarning = siteChange?.warning(for: purpose)
    if side == .gguf, source.side == .huggingface,
      try Tokenizer.load(from: source.checkpoint) == nil
    {
      warnings.append(
        "the folder holds no tokenizer: score the output with --tokens, other readers may refuse it"
      )
    }
    let fallbacks = assembled.count { $0.isFallback }
    if fallbacks > 0 {
      warnings.append(
        "the rows of \(fallbacks) tensors are no whole blocks of the type asked for: they take"
          + " another, as llama-quantize gives them")
    }
    companions =
      side == .huggingface && container != .safetensors
      ? try FolderCompanions(source, declaration: declaration) : nil
    self.warnings = warnings + (companions?.warnings ?? [])
    edits = try editChanges()
    for edit in edits where !edit.isKnown && edit.new != nil {
      self.warnings.append(
        "--set \(edit.key): no reader here knows this key: it is stored, and ropeconv ignores it")
    }
  }

  /// Refuses a plain folder that transformers would compute with whole heads rotating: most of its
  /// families ignore `partial_rotary_factor`.
  private static func checkPartialRotation(of source: ModelPlan) throws {
    let score = source.rotary.score
    guard source.plainSites == .scores, source.shape.latentRank == 0,
      score.dimensions < source.shape.keyWidth, !source.architecture.block.rotatesPartially
    else { return }
    throw ModelError.notRepresentable(
      file: source.checkpoint.path,
      what: "rotation of \(score.dimensions) of \(source.shape.keyWidth) dims of a head, which"
        + " transformers' '\(HuggingFaceConfiguration.modelType(of: source))' ignores,",
      container: "a plain folder (write .gguf, or .safetensors, which ropeconv reads with its"
        + " config.json)")
  }

  /// Refuses an output that could not be created, before long work is done for it.
  package func checkOutput() throws {
    let (force, bytes) = (request.force, tensorBytes)
    switch container {
    case .gguf where shards.count > 1:
      try ShardedGGUFWriter.check(
        request.output, count: shards.count, byteCount: bytes, force: force, inputs: inputPaths)
    case .gguf, .archive:
      try OutputTarget.check(output, byteCount: bytes, force: force, inputs: inputPaths)
    case .safetensors:
      try PairWriter.check(output, byteCount: bytes, force: force, inputs: inputPaths)
    case .folder:
      try FolderWriter.check(
        output, tensors: tensors, extraFiles: companions?.files(card: "").map(\.0) ?? [],
        shardSize: request.shardSize, force: force, inputs: inputPaths)
    }
  }

  /// Paths that the output must not replace.
  var inputPaths: [String] { source.checkpoint.inputPaths + request.inputs }
}
