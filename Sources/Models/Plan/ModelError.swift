import Base
import Checkpoints
import Tensors

/// A checkpoint that is well formed as a file but not a model that the program can compute.
package enum ModelError: Diagnostic {
  /// The file does not say which architecture it holds.
  case noArchitecture(file: String, key: String)
  /// A safetensors file without the config.json that says what its weights are; it may be an adapter.
  case noConfiguration(file: String, isAdapter: Bool)
  /// The tensors are those of one attention module, whose rotation is not what it is meant to be.
  case moduleAlone(file: String, PublishedModule)
  /// The model attends by such a module.
  case wrongRotation(file: String, PublishedModule)
  /// A hyper-parameter is missing or not a number of the right kind.
  case hyperparameter(file: String, key: String, problem: String)
  /// A fact of config.json has a value the architecture's data file does not list.
  case unsupportedValue(file: String, key: String, found: String, accepted: [String])
  /// Tensors that the architecture needs are missing, or there are some it does not know.
  case tensors(file: String, missing: [String], unexpected: [String])
  /// A tensor's shape contradicts the hyper-parameters.
  case shape(file: String, tensor: String, found: [Int], expected: [Int])
  /// A tensor's type cannot be decoded to numbers.
  case elementType(file: String, tensor: String, type: String)
  /// The configuration says the output is tied to the embedding, the file has another output.
  case tiedOutputDiffers(file: String, tensor: String)
  /// A token id outside the vocabulary.
  case tokenOutsideVocabulary(file: String, id: Int, position: Int, vocabulary: Int)
  /// A pass reaches beyond the learned positions.
  case beyondLearnedPositions(file: String, last: Int, available: Int)
  /// A stored divisor of a frequency is not a positive number.
  case factor(file: String, tensor: String, value: Double, index: Int)
  /// A table sends a token to an expert that is not there.
  case expertOfToken(file: String, tensor: String, token: Int, expert: Double, experts: Int)
  /// A container has no place for a fact of the model.
  case notRepresentable(file: String, what: String, container: String)
  /// A layer would rotate otherwise than the one whose keys and values it uses.
  case sharedRotation(file: String, layer: Int, source: Int)
  /// Value heads of a layer are narrower than what is to turn of them.
  case narrowValues(file: String, layer: Int, width: Int, turning: Int)
  /// Logits or activations are not finite.
  case notFinite(file: String, what: String)

  package var summary: String {
    switch self {
    case .noArchitecture(_, let key): "no architecture named (expected the key '\(key)')"
    case .noConfiguration(_, let isAdapter):
      isAdapter
        ? "is an adapter (LoRA), not a model"
        : "no config.json lies beside it, which says what the weights are"
    case .moduleAlone(_, let module):
      "is one \(module.name) of \(module.source), not a model; besides, \(module.words)"
    case .wrongRotation(_, let module):
      "attends by \(module.name) of \(module.source), which does not rotate: \(module.words)"
    case .hyperparameter(_, let key, let problem): "hyper-parameter '\(key)' \(problem)"
    case .unsupportedValue(_, let key, let found, let accepted):
      "'\(key)' is \(found), supported: \(accepted.joined(separator: ", "))"
    case .tensors(_, let missing, let unexpected):
      [
        missing.isEmpty ? nil : "missing tensors: \(Self.list(missing))",
        unexpected.isEmpty ? nil : "unexpected tensors: \(Self.list(unexpected))",
      ].compactMap { $0 }.joined(separator: "; ")
    case .shape(_, _, let found, let expected): "shape \(found), expected \(expected)"
    case .elementType(_, _, let type): "elements of type \(type) cannot be decoded"
    case .tiedOutputDiffers:
      "the configuration ties the output to the embedding, but the file holds a different one"
    case .tokenOutsideVocabulary(_, let id, let position, let vocabulary):
      "token id \(id) at index \(position) is outside the vocabulary of \(vocabulary)"
    case .beyondLearnedPositions(_, let last, let available):
      "position \(last) has no learned embedding (the model has \(available))"
    case .factor(_, _, let value, let index):
      "the factor at index \(index) is \(value), expected a positive number"
    case .expertOfToken(_, _, let token, let expert, let experts):
      "token \(token) goes to expert \(expert), of \(experts)"
    case .notRepresentable(_, let what, let container): "\(what) cannot be stored in \(container)"
    case .sharedRotation(_, let layer, let source):
      "layer \(layer) uses the keys and values of layer \(source) and cannot rotate otherwise"
    case .narrowValues(_, let layer, let width, let turning):
      "layer \(layer) has values of \(width) dims, of which \(turning) cannot turn"
    case .notFinite(_, let what): "\(what) is not finite"
    }
  }

  /// A number of layers that is wrong may be missing a million tensors.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(16).map { shortened($0, to: 80) }.joined(separator: ", ")
    return names.count > 16 ? "\(shown) and \(names.count - 16) more" : shown
  }

  package var file: String? {
    switch self {
    case .noArchitecture(let file, _), .noConfiguration(let file, _), .moduleAlone(let file, _),
      .wrongRotation(let file, _),
      .hyperparameter(let file, _, _),
      .unsupportedValue(let file, _, _, _), .tensors(let file, _, _), .shape(let file, _, _, _),
      .elementType(let file, _, _), .tiedOutputDiffers(let file, _),
      .tokenOutsideVocabulary(let file, _, _, _), .beyondLearnedPositions(let file, _, _),
      .factor(let file, _, _, _), .expertOfToken(let file, _, _, _, _),
      .notRepresentable(let file, _, _), .notFinite(let file, _),
      .sharedRotation(let file, _, _), .narrowValues(let file, _, _, _):
      file
    }
  }

  package var hint: String? {
    switch self {
    case .noConfiguration(_, isAdapter: true):
      "merge it into its model (merge_and_unload of peft), save that and give its folder"
    case .noConfiguration: "give the model's folder, or put its config.json beside the file"
    default: nil
    }
  }

  package var place: String? {
    switch self {
    case .shape(_, let tensor, _, _), .elementType(_, let tensor, _),
      .tiedOutputDiffers(_, let tensor), .factor(_, let tensor, _, _),
      .expertOfToken(_, let tensor, _, _, _):
      "tensor \(tensor)"
    default: nil
    }
  }
}
