import Base
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
  /// Members that count otherwise than their names say, as sentences.
  let notes: [String]
  /// config.json as it was read, where that is not as it stands; nil elsewhere.
  let readConfiguration: JSONValue?

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
    let members = try ReferenceMembers(checkpoint, of: identity, in: catalog)
    parameters = Hyperparameters(
      checkpoint: members.checkpoint, architecture: identity.architecture, side: identity.side,
      prefix: identity.prefix, divisors: divisors)
    readConfiguration = members.isRestated ? members.checkpoint.configuration : nil
    try Self.checkRequired(parameters)
    let rotary = RotaryParameters(parameters: parameters, isVariant: identity.isRotary)
    (shape, recipes) = try RecipeReader(parameters: parameters, rotary: rotary).read()
    ignored = try rotary.ignored()
    notes = [
      members.note(identity.architecture), Self.latentNorms(shape, identity),
      try UnreadKeys.note(parameters, context: shape.context, recipes),
    ].compactMap { $0 }
  }

  /// What a converted file declares of its rotation; nil of any other.
  /// - Throws: what `RotaryDeclaration` throws.
  func declaration(_ checkpoint: Checkpoint) throws -> RotaryDeclaration? {
    guard identity.isRotary else { return nil }
    return try RotaryDeclaration(
      checkpoint, of: identity, pairs: recipes.map { $0.rotation.score?.pairs })
  }

  /// How queries and keys of each layer turn, as the checkpoint states it; nil in layers without
  /// positions.
  package var scores: [ScoreRotation?] { recipes.map(\.rotation.score) }

  /// What is declared can be read beside what is stated.
  /// - Throws: what `RotaryDeclaration` throws.
  package func checkDeclaration(_ checkpoint: Checkpoint) throws {
    var rotary = RotaryConfiguration(layers: recipes.map(\.rotation))
    try declaration(checkpoint)?.apply(to: &rotary, of: checkpoint)
  }

  /// Facts of config.json that only one value of is supported: activation and the listed ones.
  private static func checkRequired(_ parameters: Hyperparameters) throws {
    try UnreadKeys.checkCausal(parameters)
    guard parameters.side == .huggingface, let configuration = parameters.checkpoint.configuration
    else { return }
    let block = parameters.architecture.block
    var required = parameters.architecture.required
    required[block.activationKey] = block.activationNames.map { .string($0) }
    // The reference lets every token see all others then.
    required["is_causal"] = [true]
    for (key, accepted) in required {
      guard let found = configuration[key], found != .null, !accepted.contains(found) else {
        continue
      }
      throw ModelError.unsupportedValue(
        file: parameters.checkpoint.path, key: key, found: found.serialized(pretty: false),
        accepted: accepted.map { $0.serialized(pretty: false) })
    }
    try checkBiases(parameters)
  }

  /// The epsilon that the reference has in the norms of latent vectors, whatever config.json states.
  private static let latentEpsilon = 1e-6

  /// What is not as in the reference where a folder states another epsilon: GGUF files, and what reads
  /// them, have one for all norms.
  private static func latentNorms(_ shape: ModelShape, _ identity: CheckpointIdentity) -> String? {
    guard identity.side == .huggingface, identity.architecture.block.attention == .latent,
      // Folders made of GGUF files have it in float32.
      Float(shape.outputNorm.epsilon) != Float(latentEpsilon)
    else { return nil }
    let stated = shape.outputNorm.epsilon
    return "the norms of latent vectors have the epsilon of the others, \(stated), as in GGUF"
      + " files; transformers takes \(latentEpsilon) there"
  }

  /// The reference does not load biases that config.json says are not there.
  private static func checkBiases(_ parameters: Hyperparameters) throws {
    let biases: [(flag: Hyperparameter, roles: [Role])] = [
      (.attentionBias, [.queryBias]), (.feedForwardBias, [.gateBias, .upBias]),
    ]
    for (flag, roles) in biases {
      let keys = parameters.architecture.keys(of: flag, on: .huggingface)
      guard keys.contains(where: { parameters.checkpoint.configuration?[$0]?.bool == false }),
        roles.contains(where: { parameters.hasTensor($0) })
      else { continue }
      throw parameters.failure(flag, "is false, but there are such biases")
    }
  }
}
