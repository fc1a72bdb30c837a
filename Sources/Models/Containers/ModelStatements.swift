import Checkpoints
import OrderedCollections
import Rotary

/// What a checkpoint states of its shape and of its layers, before any tensor is looked for.
package struct ModelStatements {
  let identity: CheckpointIdentity
  let parameters: Hyperparameters
  let shape: ModelShape
  let recipes: [LayerRecipe]
  /// What is stated and not done.
  let ignored: String?

  /// Reads what a checkpoint states.
  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - catalog: the families that are read.
  ///   - divisors: frequency factors that stand in tensors of a file yet to be written; of one that
  ///     is there they are read.
  /// - Throws: `FormatError` for an unsupported architecture, `ModelError` for what cannot be.
  package init(
    _ checkpoint: Checkpoint, in catalog: ArchitectureCatalog,
    divisors: OrderedDictionary<Role, [Float]> = [:]
  ) throws {
    identity = try CheckpointIdentity(checkpoint, in: catalog)
    parameters = Hyperparameters(
      checkpoint: checkpoint, architecture: identity.architecture, side: identity.side,
      prefix: identity.prefix, divisors: divisors)
    try Self.checkRequired(parameters)
    let rotary = RotaryParameters(parameters: parameters, isVariant: identity.isRotary)
    (shape, recipes) = try RecipeReader(parameters: parameters, rotary: rotary).read()
    ignored = try rotary.ignored()
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
