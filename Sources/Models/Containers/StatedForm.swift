import Checkpoints
import OrderedCollections

/// The form in which a file's layers of decay attention are computed unless something else is asked for.
/// Weights and outputs are the same in both.
enum StatedForm {
  /// - Throws: `ModelError.hyperparameter` for a form that is not known.
  static func read(_ parameters: Hyperparameters) throws -> MixerForm {
    guard let stated = parameters.value(.mixerForm) else { return .attention }
    guard let form = stated.string.flatMap(MixerForm.init) else {
      let known = MixerForm.allCases.map(\.rawValue).joined(separator: ", ")
      throw parameters.failure(.mixerForm, "is not one of \(known)")
    }
    return form
  }

  /// What is stated of a model; nil: nothing, which means attention.
  private static func text(_ plan: ModelPlan) -> String? {
    plan.form == .attention ? nil : plan.form.rawValue
  }

  static func write(_ plan: ModelPlan, to fields: inout some StatedFields) {
    if let text = text(plan) { fields.set(.mixerForm, .text(text)) }
  }

  /// Puts a model's form in the place of the one that a copy of its source states.
  static func restate(
    _ plan: ModelPlan, prefix: String, in metadata: inout OrderedDictionary<String, MetadataValue>
  ) {
    guard let key = plan.architecture.key(of: .mixerForm, on: .gguf) else { return }
    metadata[Architecture.ggufKey(key, prefix: prefix)] = text(plan).map { .string($0) }
  }

  static func restate(_ plan: ModelPlan, in fields: inout ConfigurationFields) {
    guard let key = plan.architecture.key(of: .mixerForm, on: .huggingface) else { return }
    fields.values[key] = text(plan).map { .string($0) }
  }
}
