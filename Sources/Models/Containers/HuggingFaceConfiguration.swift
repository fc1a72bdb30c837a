import Base
import Checkpoints
import OrderedCollections
import Tensors
import Vocabulary

/// Builds the config.json of a Hugging Face output.
package struct HuggingFaceConfiguration {
  package let plan: ModelPlan
  package let declaration: RotaryDeclaration?
  /// The code that computes the variant, for `auto_map`.
  package let modeling: ModelingCode?
  package let provenance: OrderedDictionary<String, JSONValue>
  package let elementType: ElementType
  /// Tensors that the model does not use are in the folder too.
  package let keepsExtra: Bool

  package init(
    plan: ModelPlan, declaration: RotaryDeclaration?, modeling: ModelingCode?,
    provenance: OrderedDictionary<String, JSONValue>, elementType: ElementType,
    keepsExtra: Bool = false
  ) {
    self.keepsExtra = keepsExtra
    self.plan = plan
    self.declaration = declaration
    self.modeling = modeling
    self.provenance = provenance
    self.elementType = elementType
  }

  /// Members that say what a folder holds, beside the model's facts.
  package enum Key: String, CaseIterable, Sendable {
    case modelType = "model_type"
    case classNames = "architectures"
    case code = "auto_map"
    case sourceName = "_name_or_path"
    case elementType = "dtype"
    case olderElementType = "torch_dtype"
  }

  /// The config of a Hugging Face source with the rotation declared.
  package func fromHuggingFace(_ source: JSONValue) -> JSONValue {
    // A variant is read as it stands: what its family ignores or takes for granted is made plain.
    let read = declaration == nil ? nil : plan.readConfiguration
    var fields = ConfigurationFields(
      architecture: plan.architecture, values: (read ?? source).object ?? [:])
    if read != nil {
      let windows = plan.layers.map { $0.recipe.attention?.window ?? 0 }
      SlidingWindows.write(windows, to: &fields)
    }
    // A variant's code goes with its declaration.
    if fields.values[RotaryDeclaration.object] != nil { fields.values[Key.code.rawValue] = nil }
    let replaced =
      [RotaryDeclaration.object, OwnKeys.object] + TrainingFlags.Key.allCases.map(\.rawValue)
    for key in replaced { fields.values[key] = nil }
    PublishedModule.withoutNames(&fields)
    StatedForm.restate(plan, in: &fields)
    // A share that the family ignores would count for a variant.
    if plan.ignoredStatement != nil, declaration != nil {
      RotaryParameters.removeFraction(from: &fields)
    }
    if plan.architecture.folderModelType != nil { CopiedKeys.remove(plan, from: &fields) }
    if !keepsExtra { PredictingLayers.remove(from: &fields) }
    setIdentity(general: GeneralMetadata(configuration: source), in: &fields)
    return .object(fields.values)
  }

  /// A config for a GGUF source.
  package func fromGGUF() throws -> JSONValue {
    let metadata = plan.checkpoint.metadata
    let block = plan.architecture.block
    let shape = try StatedShape(plan, in: ModelFolder.configuration)
    var fields = ConfigurationFields(architecture: plan.architecture)
    setIdentity(general: GeneralMetadata(gguf: metadata), in: &fields)
    fields.set(PlainHyperparameter.count + PlainHyperparameter.sizes, of: shape)
    HeadWidths.setWidths(shape, in: &fields)
    fields.set(PlainHyperparameter.vocabularyAndNorm, of: shape)
    HeadWidths.writeLatent(shape, to: &fields)
    fields.values[block.activationKey] = block.activationNames.first.map { .string($0) }
    AttentionScale.write(shape, to: &fields)
    fields.set(PlainHyperparameter.scales, of: shape)
    fields.set(PlainHyperparameter.residual, of: shape)
    SlidingWindows.write(shape.windows, to: &fields)
    try SharedVectors.write(shape, of: plan, to: &fields)
    try StatedExperts.write(plan, to: &fields)
    StatedDeltaRule.write(plan, to: &fields)
    StatedForm.write(plan, to: &fields)
    try UnrotatedLayers.write(shape, of: plan, to: &fields, container: ModelFolder.configuration)
    try SharedKeyValues.write(shape, of: plan, to: &fields, container: ModelFolder.configuration)
    CopiedKeys.write(plan, to: &fields)
    for (key, accepted) in plan.architecture.required { fields.values[key] = accepted.first }
    set(.attentionBias, where: [.queryBias], in: &fields)
    set(.feedForwardBias, where: [.gateBias, .upBias], in: &fields)
    if !plan.plainSites.isEmpty || declaration != nil {
      try HuggingFaceRotaryScope.write(shape, of: plan, to: &fields)
      if declaration == nil { try removeUnreadRotation(from: &fields) }
    }
    fields.set(.tiedOutput, .flag(plan.tiesOutput))
    for token in SpecialTokenKey.ofConfiguration {
      if let id = metadata[token.gguf]?.int { fields.set(key: token.configuration, .whole(id)) }
    }
    // A family's default may lie outside this vocabulary.
    let padding = SpecialTokenKey.padding.configuration
    if fields.values[padding] == nil { fields.set(key: padding, .nothing) }
    return .object(fields.values)
  }

  /// Leaves out the object that says how layers rotate, where the reference does not read it
  /// (GPT-J).
  /// - Throws: `ModelError.notRepresentable` where it says something.
  private func removeUnreadRotation(from fields: inout ConfigurationFields) throws {
    let unread = plan.architecture.unread[plan.modelType] ?? []
    let keys = HuggingFaceRotaryScope.Key.allCases.map(\.rawValue).filter(unread.contains)
    guard !keys.isEmpty else { return }
    let base = plan.architecture.hyperparameters[.rotaryBase]?.fallback?.double
    guard plan.rotary.scores.allSatisfy({ $0.scaling == .none && $0.base == base }) else {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "a \(plan.modelType) with another base or scaling",
        container: ModelFolder.configuration)
    }
    for key in keys { fields.values[key] = nil }
  }

  /// Says that there are biases; that there are none, where the data file states what is assumed.
  private func set(
    _ flag: Hyperparameter, where biases: [Role], in fields: inout ConfigurationFields
  ) {
    let isThere = plan.layers.contains { layer in biases.contains { layer[$0] != nil } }
    guard isThere || plan.architecture.hyperparameters[flag]?.fallback != nil else { return }
    fields.set(flag, .flag(isThere))
  }

  /// What the folder holds, and where it comes from.
  private func setIdentity(general: GeneralMetadata, in fields: inout ConfigurationFields) {
    let type = plan.modelType
    let className = plan.architecture.classNames[type] ?? "AutoModelForCausalLM"
    func set(_ key: Key, _ value: JSONValue?) { fields.values[key.rawValue] = value }
    if let declaration {
      set(.modelType, .string(CheckpointIdentity.variant(of: type, on: .huggingface)))
      let variant = className.replacing("ForCausalLM", with: "RotaryForCausalLM")
      set(.classNames, [.string(modeling?.modelClass ?? variant)])
      if let modeling { set(.code, modeling.autoMap) }
      fields.values[RotaryDeclaration.object] = declaration.json()
    } else {
      set(.modelType, .string(type))
      set(.classNames, [.string(className)])
    }
    if let type = elementType.facts.ofModel { set(.elementType, .string(type.name)) }
    set(.olderElementType, nil)
    var provenance = provenance
    if !general.values.isEmpty { provenance[GeneralMetadata.key] = general.json() }
    fields.values[OwnKeys.object] = .object(provenance)
  }
}
