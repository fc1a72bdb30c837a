import Base
import Checkpoints
import OrderedCollections

/// Keys of a GGUF file that may change what its model computes and that nothing here reads: whoever
/// sets them, or reads them elsewhere, must know.
enum UnreadKeys {
  /// Without the architecture's prefix: false where tokens see those after them too.
  static let causal = "attention.causal"

  /// What such keys begin or end with, without the architecture's prefix.
  private static let beginnings = ["rope.", "attention."]
  private static let ending = "_scale"

  /// Keys that change nothing here, or with some values alone, each with the reason.
  private static let file = "recognition/harmless.json"

  /// Whether a key that nothing reads changes nothing.
  /// - Parameters:
  ///   - value: what the checkpoint states by it.
  ///   - listed: its entry in the file: a text, or an object with the `values` that change nothing, or
  ///     with what of the model it `equals` then.
  ///   - context: positions that the model was trained for.
  ///   - attention: that of each layer that has some.
  /// - Returns: false for a value of another type than such keys have, too.
  private static func isHarmless(
    _ value: MetadataValue?, listed: JSONValue?, context: Int, _ attention: [AttentionRecipe]
  ) -> Bool {
    guard let listed else { return false }
    if let values = listed["values"]?.array {
      guard let number = value?.double else { return false }
      return values.contains { $0.double == number }
    }
    guard let fact = listed["equals"]?.string else { return true }
    guard let number = value?.int else { return false }
    return switch fact {
    case "key width": attention.allSatisfy { $0.keyWidth == number }
    case "value width": attention.allSatisfy { $0.valueWidth == number }
    case "no window": number == 0 || number >= context
    default: false
    }
  }

  /// - Parameters:
  ///   - parameters: of the checkpoint.
  ///   - context: positions that its model was trained for.
  ///   - recipes: its layers.
  /// - Returns: the keys that nothing reads, as a sentence; nil where there are none.
  /// - Throws: `FormatError` or what reading a data file throws.
  static func note(
    _ parameters: Hyperparameters, context: Int, _ recipes: [LayerRecipe]
  ) throws -> String? {
    guard parameters.side == .gguf else { return nil }
    let start = parameters.prefix + "."
    let known = KnownKeys(architecture: parameters.architecture)
    let unread = parameters.checkpoint.metadata.keys.filter { key in
      guard key.hasPrefix(start) else { return false }
      let name = key.dropFirst(start.count)
      return (beginnings.contains { name.hasPrefix($0) } || name.hasSuffix(ending))
        && !known.reads(metadata: key, prefix: parameters.prefix)
    }
    guard !unread.isEmpty else { return nil }
    let harmless = try FormatResources.json(file)
    let attention = recipes.compactMap(\.attention)
    let names = unread.filter { key in
      let name = String(key.dropFirst(start.count))
      let listed = harmless[name] ?? harmless["\(parameters.architecture.name).\(name)"]
      return !isHarmless(
        parameters.checkpoint.metadata[key], listed: listed, context: context, attention)
    }.map { "'\($0)'" }
    guard !names.isEmpty else { return nil }
    return "nothing here reads \(names.joined(separator: ", ")): other readers may compute another"
      + " model"
  }

  /// - Throws: `ModelError.unsupportedValue` for a file whose tokens see those after them.
  static func checkCausal(_ parameters: Hyperparameters) throws(ModelError) {
    let key = parameters.ggufKey(causal)
    guard parameters.side == .gguf, parameters.checkpoint.metadata[key]?.bool == false else {
      return
    }
    throw .unsupportedValue(
      file: parameters.checkpoint.path, key: key, found: "false", accepted: ["true"])
  }
}
