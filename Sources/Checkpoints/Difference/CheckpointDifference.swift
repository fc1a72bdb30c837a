import Base
import OrderedCollections
import Synchronization

/// What differs between two checkpoints of one kind: metadata by key, tensors and the files beside them
/// by name.
package struct CheckpointDifference: Sendable {
  /// A key whose values differ; nil where a checkpoint lacks it.
  package struct Entry: Sendable, Equatable {
    package let key: String
    package let one: String?
    package let other: String?
  }

  /// A tensor that differs.
  package struct Tensor: Sendable {
    package let name: String
    /// Nil where a checkpoint lacks the tensor.
    package let one: TensorEntry?
    package let other: TensorEntry?
    /// Nil where the numbers cannot be compared: a missing tensor, other shapes.
    package let numbers: TensorDifference?
  }

  package let metadata: [Entry]
  package let tensors: [Tensor]
  /// Tensors of the same type, shape and bytes.
  package let equalTensors: Int

  /// The files of tokenizers, chat templates and generation settings beside safetensors.
  package let files: FileDifference

  package var isEmpty: Bool { metadata.isEmpty && tensors.isEmpty && files.different.isEmpty }

  /// Compares two GGUF models, or two of safetensors.
  /// - Parameters:
  ///   - one: the first model.
  ///   - other: the second one.
  ///   - threads: threads to use.
  ///   - progress: called with the share of the tensors compared, as threads get to them.
  /// - Throws: `ContainersDiffer` for one of each, `TensorError` for elements that cannot be
  ///   decoded, `FileError` for a file beside the weights that cannot be read.
  package init(
    _ one: Checkpoint, _ other: Checkpoint, threads: Int,
    progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) throws {
    guard one.isGGUF == other.isGGUF else {
      throw ContainersDiffer(one: one.path, other: other.path)
    }
    files = try FileDifference(one.companions, other.companions)
    let keys = OrderedSet(one.metadata.keys).union(other.metadata.keys)
    let (settings, otherSettings) = (Self.settings(one), Self.settings(other))
    metadata =
      keys.compactMap { key in
        let (a, b) = (one.metadata[key], other.metadata[key])
        return a == b ? nil : Entry(key: key, one: a?.summary, other: b?.summary)
      }
      + OrderedSet(settings.keys).union(otherSettings.keys).compactMap { key in
        let (a, b) = (settings[key], otherSettings[key])
        return a == b ? nil : Entry(key: key, one: a, other: b)
      }
    let names = OrderedSet(one.tensors.keys).union(other.tensors.keys)
    let results = Mutex([Int: Result<Tensor?, any Error>]())
    Parallel.forEach(count: names.count, threads: threads) { index, _ in
      let name = names[index]
      let result = Result { try Self.compare(name, one.tensors[name], other.tensors[name]) }
      let done = results.withLock { results in
        results[index] = result
        return results.count
      }
      progress(Double(done) / Double(names.count))
    }
    tensors = try results.withLock { $0 }.sorted { $0.key < $1.key }
      .compactMap { try $0.value.get() }
    equalTensors = names.count - tensors.count
  }

  /// Nil where nothing differs.
  private static func compare(
    _ name: String, _ one: TensorEntry?, _ other: TensorEntry?
  ) throws -> Tensor? {
    guard let one, let other, one.shape == other.shape else {
      return Tensor(name: name, one: one, other: other, numbers: nil)
    }
    if one.type == other.type, one.hasSameBytes(as: other) { return nil }
    return Tensor(
      name: name, one: one, other: other, numbers: try TensorDifference(one, other))
  }

  /// The leaves of config.json, their keys joined by full stops.
  private static func settings(_ checkpoint: Checkpoint) -> OrderedDictionary<String, String> {
    var values: OrderedDictionary<String, String> = [:]
    func flatten(_ value: JSONValue, _ path: String) {
      guard let object = value.object else {
        values[path] = value.serialized(pretty: false)
        return
      }
      for (key, member) in object { flatten(member, path.isEmpty ? key : "\(path).\(key)") }
    }
    if let configuration = checkpoint.configuration { flatten(configuration, "") }
    return values
  }
}

extension TensorEntry {
  func hasSameBytes(as other: TensorEntry) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return withBytes { one in other.withBytes { one.elementsEqual($0) } }
  }
}

/// A GGUF model and one of safetensors have no keys and names in common to be compared by.
package struct ContainersDiffer: Diagnostic, Equatable {
  let one: String
  let other: String

  package var summary: String {
    "\(one) and \(other) are of two kinds, GGUF and safetensors: convert one of them first"
  }
  package var exitStatus: ExitStatus { .usage }
}
