import Checkpoints
import Foundation
import OrderedCollections
import Tensors

/// Builds the metadata of a GGUF output.
package struct GGUFMetadata {
  package let plan: ModelPlan
  package let declaration: RotaryDeclaration?
  package let provenance: OrderedDictionary<String, MetadataValue>

  package init(
    plan: ModelPlan, declaration: RotaryDeclaration? = nil,
    provenance: OrderedDictionary<String, MetadataValue> = [:]
  ) {
    self.plan = plan
    self.declaration = declaration
    self.provenance = provenance
  }

  private var general: GeneralMetadata {
    GeneralMetadata(configuration: plan.checkpoint.configuration)
  }
  private var outputPrefix: String {
    let name = plan.architecture.name
    return declaration == nil ? name : CheckpointIdentity.variant(of: name, on: .gguf)
  }

  /// What the source says of itself and the output says anew.
  private static func isReplaced(_ key: String) -> Bool {
    OwnKeys.Provenance.allCases.contains { $0.key == key } || key == OwnKeys.extraTensorsKey
      || [RotaryDeclaration.prefix, GGUFKey.splitPrefix, OwnKeys.fitPrefix]
        .contains(where: key.hasPrefix)
  }

  /// The metadata of a GGUF source, under the output's architecture name.
  package func fromGGUF() -> OrderedDictionary<String, MetadataValue> {
    let sourcePrefix = plan.prefix
    var result: OrderedDictionary<String, MetadataValue> = [:]
    for (key, value) in plan.checkpoint.metadata where !Self.isReplaced(key) {
      if key == GeneralKey.architecture {
        result[key] = .string(outputPrefix)
      } else if key.hasPrefix("\(sourcePrefix).") {
        result[outputPrefix + key.dropFirst(sourcePrefix.count)] = value
      } else {
        result[key] = value
      }
    }
    StatedForm.restate(plan, prefix: outputPrefix, in: &result)
    append(to: &result)
    return result
  }

  /// The metadata that the ecosystem's converter writes for a Hugging Face checkpoint; `tokenizer`
  /// holds the `tokenizer.ggml.*` keys and is empty where the folder has no tokenizer.
  package func fromHuggingFace(
    tokenizer: OrderedDictionary<String, MetadataValue>, fileType: UInt32
  ) throws -> OrderedDictionary<String, MetadataValue> {
    let folder = plan.checkpoint.companions?.path ?? plan.checkpoint.path
    var result: OrderedDictionary<String, MetadataValue> = [
      GeneralKey.architecture: .string(outputPrefix),
      GeneralKey.type: .string("model"),
      GeneralKey.name: .string(URL(fileURLWithPath: folder).lastPathComponent),
    ]
    // A folder made of a GGUF file keeps what that said of itself.
    result.merge(general.values) { $1 }
    result.merge(try fields().values) { $1 }
    result[GeneralKey.fileType] = .uint32(fileType)
    result.merge(tokenizer) { $1 }
    append(to: &result)
    return result
  }

  /// What errors call the container.
  static let container = "GGUF"

  /// The model's own facts, under its architecture's name.
  private func fields() throws -> GGUFFields {
    let shape = try StatedShape(plan, in: Self.container)
    var fields = GGUFFields(architecture: plan.architecture, prefix: outputPrefix)
    fields.set(PlainHyperparameter.count + PlainHyperparameter.sizes, of: shape)
    fields.set(PlainHyperparameter.vocabularyAndNorm, of: shape)
    HeadWidths.write(shape, of: plan, to: &fields)
    try SharedVectors.write(shape, of: plan, to: &fields)
    if !plan.plainSites.isEmpty || declaration != nil {
      try RotaryParameters.write(shape, of: plan, to: &fields)
    }
    try SlidingWindows.write(shape.windows, of: plan, to: &fields)
    try UnrotatedLayers.write(shape, of: plan, to: &fields, container: Self.container)
    try SharedKeyValues.write(shape, of: plan, to: &fields, container: Self.container)
    fields.set(PlainHyperparameter.residual, of: shape)
    fields.set(PlainHyperparameter.scales, of: shape)
    try StatedExperts.write(plan, to: &fields)
    StatedDeltaRule.write(plan, to: &fields)
    StatedForm.write(plan, to: &fields)
    try fields.checkDefaults(of: plan)
    CopiedKeys.write(plan, to: &fields)
    try fields.checkFit(of: plan)
    return fields
  }

  /// Those facts of a folder, as `fromHuggingFace` writes them.
  func statements() throws -> OrderedDictionary<String, MetadataValue> { try fields().values }

  private func append(to metadata: inout OrderedDictionary<String, MetadataValue>) {
    if let declaration { metadata.merge(declaration.metadata()) { $1 } }
    metadata.merge(provenance) { $1 }
    guard declaration != nil else { return }
    let source = plan.side == .gguf ? plan.checkpoint.metadata : general.values
    metadata.merge(GeneralMetadata.baseModel(of: source)) { $1 }
  }

  /// Frequency factors as tensors, which only a folder's scaling is written as; those of a GGUF
  /// source are copied.
  package func factorTensors() throws -> [OutputTensor] {
    try divisors().compactMap { role, values in
      guard let name = plan.architecture.weights[role]?.names[.gguf]?.tensor else { return nil }
      return OutputTensor(
        name: name, type: .f32, shape: [values.count],
        contents: .computed {
          try values.withUnsafeBufferPointer { try Encoding.encode($0, as: .f32) }
        })
    }
  }

  /// What those tensors hold.
  /// - Throws: `ModelError.notRepresentable` where readers of the architecture expect none.
  package func divisors() throws -> OrderedDictionary<Role, [Float]> {
    plan.side == .huggingface ? try GGUFScaling.divisors(plan) : [:]
  }
}
