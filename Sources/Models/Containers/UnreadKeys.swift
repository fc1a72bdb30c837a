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

  /// Keys that change nothing here, each with the reason.
  private static let file = "recognition/harmless.json"

  private static func harmless() throws -> Set<String> {
    Set(try FormatResources.json(file).object?.keys.map { $0 } ?? [])
  }

  /// - Returns: the keys that nothing reads, as a sentence; nil where there are none.
  /// - Throws: `FormatError` or what reading a data file throws.
  static func note(_ parameters: Hyperparameters) throws -> String? {
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
    let harmless = try harmless()
    let names = unread.filter { !harmless.contains(String($0.dropFirst(start.count))) }
      .map { "'\($0)'" }
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
