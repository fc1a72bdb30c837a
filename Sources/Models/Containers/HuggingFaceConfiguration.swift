import Base
import Checkpoints
import OrderedCollections
import Rotary
import Tensors

/// Builds the config.json of a Hugging Face output.
package struct HuggingFaceConfiguration {
  package let plan: ModelPlan
  package let declaration: RotaryDeclaration?
  /// The code that computes the variant, for `auto_map`.
  package let modeling: ModelingCode?
  package let provenance: OrderedDictionary<String, JSONValue>
  package let elementType: ElementType

  package init(
    plan: ModelPlan, declaration: RotaryDeclaration?, modeling: ModelingCode?,
    provenance: OrderedDictionary<String, JSONValue>, elementType: ElementType
  ) {
    self.plan = plan
    self.declaration = declaration
    self.modeling = modeling
    self.provenance = provenance
    self.elementType = elementType
  }

  /// The config of a Hugging Face source with the rotation declared.
  package func fromHuggingFace(_ source: JSONValue) -> JSONValue {
    var fields = source.object ?? [:]
    // A variant's code goes with its declaration.
    if fields["rotary"] != nil { fields["auto_map"] = nil }
    for key in ["rotary", "rope", "vo_rope", "rove", "rope_interleaved"] { fields[key] = nil }
    let general = GeneralMetadata(configuration: source)
    fields["ropeconv"] = nil
    apply(Self.modelType(of: plan), general, to: &fields)
    return .object(fields)
  }

  /// The `model_type` of a model as a plain folder.
  package static func modelType(of plan: ModelPlan) -> String {
    if let type = plan.checkpoint.configuration?["model_type"]?.string {
      return type.hasSuffix("_rotary") ? String(type.dropLast("_rotary".count)) : type
    }
    let hasWindow = plan.shape.windows.contains { $0 > 0 }
    return plan.architecture.name == "llama" && hasWindow
      ? "mistral" : plan.architecture.modelTypes.first ?? plan.architecture.name
  }

  /// A config for a GGUF source.
  package func fromGGUF() throws -> JSONValue {
    let shape = plan.shape
    var fields: OrderedDictionary<String, JSONValue> = [:]
    let hasWindow = shape.windows.contains { $0 > 0 }
    func set(_ parameter: Hyperparameter, _ value: JSONValue) {
      if let key = plan.architecture.hyperparameters[parameter]?.huggingface.first {
        fields[key] = value
      }
    }
    func integer(_ parameter: Hyperparameter, _ value: Int) {
      set(parameter, .integer(Int64(value)))
    }
    apply(
      Self.modelType(of: plan), GeneralMetadata(gguf: plan.checkpoint.metadata), to: &fields)
    integer(.layers, shape.layers)
    integer(.context, shape.context)
    integer(.width, shape.width)
    integer(.feedForward, shape.feedForward)
    integer(.heads, shape.heads)
    integer(.keyValueHeads, shape.keyValueHeads)
    integer(.keyWidth, shape.keyWidth)
    integer(.valueWidth, shape.valueWidth)
    integer(.vocabulary, shape.vocabulary)
    set(.normEpsilon, .number(shape.normEpsilon))
    if shape.latentRank > 0 {
      integer(.latentRank, shape.latentRank)
      if shape.queryRank > 0 {
        integer(.queryRank, shape.queryRank)
      } else {
        set(.queryRank, .null)
      }
      integer(.stillKeyWidth, shape.keyWidth - plan.rotary.score.dimensions)
      integer(.rotaryDimensions, plan.rotary.score.dimensions)
      fields["num_key_value_heads"] = .integer(Int64(shape.heads))
    }
    fields[plan.architecture.block.activationKey] =
      plan.architecture.block.activationNames.first.map { .string($0) }
    if plan.architecture.hyperparameters[.queryScalar] != nil {
      // transformers accepts a whole number only; the scale is its inverse root, rounded.
      let scalar = 1 / (shape.attentionScale * shape.attentionScale)
      let isWhole = abs(scalar - scalar.rounded()) < 1e-9 * scalar
      set(.queryScalar, isWhole ? .integer(Int64(scalar.rounded())) : .number(scalar))
    }
    if shape.logitSoftcap != 0 { set(.logitSoftcap, .number(shape.logitSoftcap)) }
    if shape.attentionSoftcap != 0 { set(.attentionSoftcap, .number(shape.attentionSoftcap)) }
    for (parameter, value) in shape.multipliers { set(parameter, .number(value)) }
    if plan.architecture.block.residual == .parallel {
      set(.parallelResidual, .bool(shape.parallelResidual))
    }
    if hasWindow {
      integer(.window, shape.windows.max() ?? 0)
      set(.windowEnabled, .bool(true))
      set(
        .layerTypes,
        .array(shape.windows.map { .string($0 > 0 ? "sliding_attention" : "full_attention") }))
    }
    for (key, rule) in plan.architecture.copied {
      let prefix = try CheckpointIdentity(plan.checkpoint).prefix
      if let name = rule["huggingface"]?.string,
        let value = plan.checkpoint.metadata["\(prefix).\(key)"]
      {
        fields[name] = JSONValue(metadata: value)
      }
    }
    for (key, accepted) in plan.architecture.required { fields[key] = accepted.first }
    if plan.layers.contains(where: { $0[.queryBias] != nil }), plan.architecture.name == "llama" {
      fields["attention_bias"] = .bool(true)
    }
    try rotary(&fields, set)
    set(.tiedOutput, .bool(plan.tiesOutput))
    for (key, name) in [
      ("tokenizer.ggml.bos_token_id", "bos_token_id"),
      ("tokenizer.ggml.eos_token_id", "eos_token_id"),
      ("tokenizer.ggml.padding_token_id", "pad_token_id"),
    ] {
      if let id = plan.checkpoint.metadata[key]?.int { fields[name] = .integer(Int64(id)) }
    }
    // A family's default may lie outside this vocabulary.
    if fields["pad_token_id"] == nil { fields["pad_token_id"] = .null }
    return .object(fields)
  }

  private func apply(
    _ type: String, _ general: GeneralMetadata,
    to fields: inout OrderedDictionary<String, JSONValue>
  ) {
    let className = plan.architecture.classNames[type] ?? "AutoModelForCausalLM"
    if let declaration {
      fields["model_type"] = .string("\(type)_rotary")
      fields["architectures"] = .array([
        .string(
          modeling?.modelClass ?? className.replacing("ForCausalLM", with: "RotaryForCausalLM"))
      ])
      if let modeling { fields["auto_map"] = modeling.autoMap }
      fields["rotary"] = declaration.json()
    } else {
      fields["model_type"] = .string(type)
      fields["architectures"] = .array([.string(className)])
    }
    let names: [ElementType: String] = [.f32: "float32", .f16: "float16", .bf16: "bfloat16"]
    if let name = names[elementType] { fields["dtype"] = .string(name) }
    fields["torch_dtype"] = nil
    var provenance = provenance
    if !general.values.isEmpty { provenance[GeneralMetadata.key] = general.json() }
    fields["ropeconv"] = .object(provenance)
  }

  /// The share of a head that rotates, where config.json must say it.
  private var rotaryFraction: Double? {
    guard plan.shape.latentRank == 0 else { return nil }
    let dimensions = plan.rotary.score.dimensions
    let width = Double(plan.shape.keyWidth)
    // A reader multiplies and rounds down.
    var fraction = Double(dimensions) / width
    if Int(width * fraction) < dimensions { fraction = fraction.nextUp }
    let assumed = plan.architecture.hyperparameters[.rotaryFraction]?.fallback?.double ?? 1
    return fraction == assumed ? nil : fraction
  }

  private func rotary(
    _ fields: inout OrderedDictionary<String, JSONValue>, _ set: (Hyperparameter, JSONValue) -> Void
  ) throws {
    guard plan.plainSites == .scores || declaration != nil else { return }
    let score = plan.rotary.score
    var parameters: OrderedDictionary<String, JSONValue> = [
      "rope_theta": .number(score.sets[0].base)
    ]
    func numbers(_ values: [Float]) -> JSONValue { .array(values.map { .number(Double($0)) }) }
    switch score.sets[0].scaling {
    case .none: parameters["rope_type"] = .string("default")
    case .linear(let factor):
      parameters["rope_type"] = .string("linear")
      parameters["factor"] = .number(factor)
    case .dynamic(let factor, let original):
      guard original == plan.shape.context else {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path,
          what: "dynamic scaling from a context of \(original), with one of"
            + " \(plan.shape.context) trained,", container: "config.json")
      }
      parameters["rope_type"] = .string("dynamic")
      parameters["factor"] = .number(factor)
    case .yarn(let yarn):
      parameters["rope_type"] = .string("yarn")
      parameters["factor"] = .number(yarn.factor)
      parameters["original_max_position_embeddings"] = .integer(Int64(yarn.originalContext))
      parameters["beta_fast"] = .number(yarn.betaFast)
      parameters["beta_slow"] = .number(yarn.betaSlow)
      if let factor = yarn.attentionFactor { parameters["attention_factor"] = .number(factor) }
      if let mscale = yarn.mscale { parameters["mscale"] = .number(mscale) }
      if let mscale = yarn.mscaleAllDims { parameters["mscale_all_dim"] = .number(mscale) }
      if !yarn.truncates { parameters["truncate"] = .bool(false) }
    case .longRoPE(let long):
      parameters["rope_type"] = .string("longrope")
      parameters["short_factor"] = numbers(long.short)
      parameters["long_factor"] = numbers(long.long)
      parameters["original_max_position_embeddings"] = .integer(Int64(long.originalContext))
      parameters["attention_factor"] = .number(long.magnitude)
      fields["original_max_position_embeddings"] = .integer(Int64(long.originalContext))
    case .factors(let factors):
      // A list of divisors is LongRoPE with one list for every length and no magnitude.
      parameters["rope_type"] = .string("longrope")
      parameters["short_factor"] = numbers(factors)
      parameters["long_factor"] = numbers(factors)
      parameters["original_max_position_embeddings"] = .integer(Int64(plan.shape.context))
      parameters["attention_factor"] = .number(1)
    case .llama3(let factor, let low, let high, let original):
      parameters["rope_type"] = .string("llama3")
      parameters["factor"] = .number(factor)
      parameters["low_freq_factor"] = .number(low)
      parameters["high_freq_factor"] = .number(high)
      parameters["original_max_position_embeddings"] = .integer(Int64(original))
    case .ntk:
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "NTK scaling", container: "config.json")
    }
    if let fraction = rotaryFraction {
      parameters["partial_rotary_factor"] = .number(fraction)
      // transformers 4 reads it at the top level only.
      fields["partial_rotary_factor"] = .number(fraction)
    }
    if score.sets.count > 1 {
      fields["rope_parameters"] = .object([
        "full_attention": .object(parameters),
        "sliding_attention": .object([
          "rope_theta": .number(score.sets[1].base), "rope_type": .string("default"),
        ]),
      ])
    } else {
      // Both spellings: transformers 5 reads the first, 4 the others.
      fields["rope_parameters"] = .object(parameters)
      fields["rope_theta"] = .number(score.sets[0].base)
      if score.sets[0].scaling != .none { fields["rope_scaling"] = .object(parameters) }
    }
  }
}
