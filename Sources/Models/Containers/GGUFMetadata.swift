import Checkpoints
import Foundation
import OrderedCollections
import Rotary
import Tensors

/// Builds the metadata of a GGUF output.
package struct GGUFMetadata {
  package let plan: ModelPlan
  package let declaration: RotaryDeclaration?
  package let provenance: OrderedDictionary<String, MetadataValue>

  package init(
    plan: ModelPlan, declaration: RotaryDeclaration?,
    provenance: OrderedDictionary<String, MetadataValue>
  ) {
    self.plan = plan
    self.declaration = declaration
    self.provenance = provenance
  }

  /// Keys that say how a file was made; a new conversion writes its own.
  package static let provenanceKeys = [
    "ropeconv.version", "ropeconv.source.sha256", "ropeconv.settings",
  ]

  private var name: String { plan.architecture.name }
  private var general: GeneralMetadata {
    GeneralMetadata(configuration: plan.checkpoint.configuration)
  }
  private var outputPrefix: String { declaration == nil ? name : "\(name)-rotary" }

  /// The metadata of a GGUF source, under the output's architecture name.
  package func fromGGUF() throws -> OrderedDictionary<String, MetadataValue> {
    let sourcePrefix = try CheckpointIdentity(plan.checkpoint).prefix
    var result: OrderedDictionary<String, MetadataValue> = [:]
    for (key, value) in plan.checkpoint.metadata {
      if key.hasPrefix("rotary.") || key.hasPrefix("split.") || key.hasPrefix("ropeconv.fit.")
        || Self.provenanceKeys.contains(key)
      {
        continue
      }
      if key == "general.architecture" {
        result[key] = .string(outputPrefix)
      } else if key.hasPrefix("\(sourcePrefix).") {
        result[outputPrefix + key.dropFirst(sourcePrefix.count)] = value
      } else {
        result[key] = value
      }
    }
    append(to: &result)
    return result
  }

  /// The metadata that the ecosystem's converter writes for a Hugging Face checkpoint.
  /// - Parameter tokenizer: `tokenizer.ggml.*` keys; empty where the folder has no tokenizer.
  package func fromHuggingFace(
    tokenizer: OrderedDictionary<String, MetadataValue>, fileType: UInt32
  ) throws -> OrderedDictionary<String, MetadataValue> {
    let folder = plan.checkpoint.companions?.path ?? plan.checkpoint.path
    var result: OrderedDictionary<String, MetadataValue> = [
      "general.architecture": .string(outputPrefix),
      "general.type": .string("model"),
      "general.name": .string(URL(fileURLWithPath: folder).lastPathComponent),
    ]
    // A folder made of a GGUF file keeps what that said of itself.
    for (key, value) in general.values { result[key] = value }
    let shape = plan.shape
    func set(_ key: String, _ value: MetadataValue) {
      result[key.hasPrefix("ropeconv.") ? key : "\(outputPrefix).\(key)"] = value
    }
    func integer(_ parameter: Hyperparameter, _ value: Int) {
      for key in plan.architecture.hyperparameters[parameter]?.gguf.prefix(1) ?? [] {
        set(key, .uint32(UInt32(value)))
      }
    }
    func number(_ parameter: Hyperparameter, _ value: Double) {
      for key in plan.architecture.hyperparameters[parameter]?.gguf.prefix(1) ?? [] {
        set(key, .float32(Float(value)))
      }
    }
    integer(.layers, shape.layers)
    integer(.context, shape.context)
    integer(.width, shape.width)
    integer(.feedForward, shape.feedForward)
    integer(.heads, shape.heads)
    integer(.keyValueHeads, shape.keyValueHeads)
    integer(.vocabulary, shape.vocabulary)
    number(.normEpsilon, shape.normEpsilon)
    if shape.latentRank > 0 {
      latent(set)
    } else if shape.keyWidth * shape.heads != shape.width
      || plan.checkpoint.configuration?["head_dim"]?.int != nil
    {
      integer(.keyWidth, shape.keyWidth)
      integer(.valueWidth, shape.valueWidth)
    }
    if plan.plainSites == .scores || declaration != nil {
      integer(.rotaryDimensions, plan.rotary.score.dimensions)
      number(.rotaryBase, plan.rotary.score.sets[0].base)
      if plan.rotary.score.sets.count > 1 {
        number(.rotaryBaseLocal, plan.rotary.score.sets[1].base)
      }
      try scaling(set)
    }
    try windows(integer, set)
    if plan.architecture.block.residual == .parallel,
      let key = plan.architecture.hyperparameters[.parallelResidual]?.gguf.first
    {
      set(key, .bool(shape.parallelResidual))
    }
    if shape.logitSoftcap != 0 { number(.logitSoftcap, shape.logitSoftcap) }
    if shape.attentionSoftcap != 0 { number(.attentionSoftcap, shape.attentionSoftcap) }
    for (parameter, value) in shape.multipliers { number(parameter, value) }
    try copied(set)
    result["general.file_type"] = .uint32(fileType)
    for (key, value) in tokenizer { result[key] = value }
    append(to: &result)
    return result
  }

  private func append(to metadata: inout OrderedDictionary<String, MetadataValue>) {
    if let declaration {
      for (key, value) in declaration.metadata() { metadata[key] = value }
    }
    for (key, value) in provenance { metadata[key] = value }
    if declaration != nil { appendBaseModel(to: &metadata) }
  }

  /// What a variant was made of, where the source has a name and names no model of its own.
  private func appendBaseModel(to metadata: inout OrderedDictionary<String, MetadataValue>) {
    let source = plan.side == .gguf ? plan.checkpoint.metadata : general.values
    guard !source.keys.contains(where: { $0.hasPrefix("general.base_model.") }) else { return }
    let known = ["name", "version", "organization", "repo_url"].compactMap { field in
      source["general.\(field)"]?.string.map { (field, $0) }
    }
    guard known.contains(where: { $0.0 == "name" }) else { return }
    metadata["general.base_model.count"] = .uint32(1)
    for (field, value) in known { metadata["general.base_model.0.\(field)"] = .string(value) }
  }

  /// DeepSeek's loaders see attention over one shared latent head; the real widths stand beside.
  private func latent(_ set: (String, MetadataValue) -> Void) {
    let shape = plan.shape
    let rotary = plan.rotary.score.dimensions
    set("attention.head_count_kv", .uint32(1))
    set("attention.key_length", .uint32(UInt32(shape.latentRank + rotary)))
    set("attention.value_length", .uint32(UInt32(shape.latentRank)))
    set("attention.key_length_mla", .uint32(UInt32(shape.keyWidth)))
    set("attention.value_length_mla", .uint32(UInt32(shape.valueWidth)))
    set("attention.kv_lora_rank", .uint32(UInt32(shape.latentRank)))
    if shape.queryRank > 0 { set("attention.q_lora_rank", .uint32(UInt32(shape.queryRank))) }
  }

  private func windows(
    _ integer: (Hyperparameter, Int) -> Void, _ set: (String, MetadataValue) -> Void
  ) throws {
    let shape = plan.shape
    let width = shape.windows.max() ?? 0
    guard width > 0 else {
      // Phi 3's loaders tell its variants apart by a window of 0.
      if plan.architecture.name == "phi3" { integer(.window, 0) }
      return
    }
    integer(.window, width)
    let every = plan.architecture.block.globalEvery
    let expected = shape.windows.indices.map { index in
      every > 0 && (index + 1) % every == 0 ? 0 : width
    }
    guard shape.windows != expected else { return }
    guard let key = plan.architecture.hyperparameters[.layerTypes]?.gguf.first else {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "its mixture of windowed and global layers",
        container: "GGUF")
    }
    set(
      key,
      .array(.strings(shape.windows.map { $0 > 0 ? "sliding_attention" : "full_attention" })))
  }

  private func scaling(_ set: (String, MetadataValue) -> Void) throws {
    if plan.rotary.score.sets.dropFirst().contains(where: { $0.scaling != .none }) {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "frequency scaling of windowed layers",
        container: "GGUF")
    }
    switch plan.rotary.score.sets[0].scaling {
    case .none, .llama3, .factors: break
    case .linear(let factor):
      set("rope.scaling.type", .string("linear"))
      set("rope.scaling.factor", .float32(Float(factor)))
    case .yarn(let yarn):
      set("rope.scaling.type", .string("yarn"))
      set("rope.scaling.factor", .float32(Float(yarn.factor)))
      set("rope.scaling.original_context_length", .uint32(UInt32(yarn.originalContext)))
      if let factor = yarn.attentionFactor {
        set("rope.scaling.yarn_attn_factor", .float32(Float(factor)))
      }
      if yarn.betaFast != 32 { set("rope.scaling.yarn_beta_fast", .float32(Float(yarn.betaFast))) }
      if yarn.betaSlow != 1 { set("rope.scaling.yarn_beta_slow", .float32(Float(yarn.betaSlow))) }
      if let mscale = yarn.mscaleAllDims {
        set("rope.scaling.yarn_log_multiplier", .float32(Float(0.1 * mscale)))
      }
      // The key above is all that GGUF has for both magnitudes: ours tell them apart.
      if yarn.mscale != yarn.mscaleAllDims {
        if let mscale = yarn.mscale {
          set(GGUFKeys.mscale, .float64(mscale))
        }
        if let mscale = yarn.mscaleAllDims {
          set(GGUFKeys.mscaleAllDims, .float64(mscale))
        }
      }
      if !yarn.truncates {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "YaRN without rounded ramp ends", container: "GGUF")
      }
    case .dynamic(let factor, let original):
      // GGUF has no key for dynamic NTK: ours, which other readers ignore.
      set("ropeconv.rope.scaling.type", .string("dynamic"))
      set("ropeconv.rope.scaling.factor", .float32(Float(factor)))
      set("rope.scaling.original_context_length", .uint32(UInt32(original)))
    case .longRoPE(let long):
      guard sameDivisors(long) == nil else { break }
      set("rope.scaling.type", .string("longrope"))
      set("rope.scaling.attn_factor", .float32(Float(long.magnitude)))
      set("rope.scaling.original_context_length", .uint32(UInt32(long.originalContext)))
    case .ntk:
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "NTK scaling", container: "GGUF")
    }
    if plan.architecture.name == "phi3", plan.rotary.score.sets[0].scaling == .none,
      let original = plan.checkpoint.configuration?["original_max_position_embeddings"]?.int
    {
      set("rope.scaling.original_context_length", .uint32(UInt32(clamping: original)))
    }
  }

  /// Keys that loaders ask for and that config.json states under another name.
  private func copied(_ set: (String, MetadataValue) -> Void) throws {
    for (key, rule) in plan.architecture.copied {
      guard let name = rule["huggingface"]?.string,
        let value = plan.checkpoint.configuration?[name], value != .null
      else { continue }
      if rule["type"]?.string == "float32", let number = value.double {
        set(key, .float32(Float(number)))
      } else if let flag = value.bool {
        set(key, .bool(flag))
      } else if let number = value.int {
        set(key, .uint32(UInt32(clamping: number)))
      }
    }
  }

  /// The divisors of LongRoPE with one list for every length and no magnitude, which is how a folder
  /// states those of a GGUF file; nil for others, and where the architecture has no tensor for them.
  private func sameDivisors(_ long: FrequencyScaling.LongRoPE) -> [Float]? {
    long.short == long.long && long.magnitude == 1
      && plan.architecture.weights[.rotaryFactors]?.names[.gguf] != nil ? long.short : nil
  }

  /// Frequency factors as tensors: Llama 3's ramp and LongRoPE's lists have no keys.
  package func factorTensors() throws -> [OutputTensor] {
    guard plan.side == .huggingface else { return [] }
    let score = plan.rotary.score
    func tensor(_ name: String, _ values: [Float]) -> OutputTensor {
      OutputTensor(
        name: name, type: .f32, shape: [values.count],
        contents: .computed {
          try values.withUnsafeBufferPointer { try Encoding.encode($0, as: .f32) }
        })
    }
    /// Refuses a tensor that readers of the architecture do not expect.
    func check(_ role: Role, _ what: String) throws {
      guard plan.architecture.weights[role]?.names[.gguf] != nil else {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "\(what) of architecture '\(name)'",
          container: "GGUF")
      }
    }
    switch score.sets[0].scaling {
    case .llama3:
      try check(.rotaryFactors, "Llama 3's frequency scaling")
      let plain = try RotaryFrequencies(
        dimensions: score.dimensions, base: score.sets[0].base, scaling: .none, length: 0)
      let scaled = try RotaryFrequencies(
        dimensions: score.dimensions, base: score.sets[0].base, scaling: score.sets[0].scaling,
        length: 0)
      return [
        tensor("rope_freqs.weight", zip(plain.radians, scaled.radians).map { Float($0 / $1) })
      ]
    case .longRoPE(let long):
      if let divisors = sameDivisors(long) { return [tensor("rope_freqs.weight", divisors)] }
      try check(.rotaryFactorsLong, "LongRoPE")
      return [
        tensor("rope_factors_long.weight", long.long),
        tensor("rope_factors_short.weight", long.short),
      ]
    default: return []
    }
  }
}
