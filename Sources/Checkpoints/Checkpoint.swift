import Base
import OrderedCollections

/// A model on disk: metadata or configuration, and the directory of its tensors.
///
/// Opening reads headers only. The tensors' bytes are mapped and touched when they are asked for.
public struct Checkpoint: Sendable {
  /// The kind of file that holds the tensors.
  public enum Container: Sendable, Equatable {
    /// One GGUF file or a set of shards, of version 2 or 3.
    case gguf(version: Int)
    /// One safetensors file or a set of shards, alone or in a Hugging Face folder.
    case safetensors
  }

  /// The path as the user gave it.
  public let path: String
  /// The kind of file that holds the tensors.
  public let container: Container
  /// GGUF keys and values in file order, those of the first shard, `split.*` included; empty for
  /// safetensors.
  public let metadata: OrderedDictionary<String, MetadataValue>
  /// `config.json`, an object; nil for GGUF, and for a safetensors file without one beside it.
  public let configuration: JSONValue?
  /// `__metadata__` of the (first) safetensors file; empty for GGUF.
  public let safetensorsMetadata: OrderedDictionary<String, String>
  /// The files beside the weights, tokenizer.json and its like; nil for GGUF, which has its
  /// tokenizer inside.
  package let companions: FileSet?
  /// All tensors by name, in file order, shard after shard.
  public let tensors: OrderedDictionary<String, TensorEntry>
  /// The mapped files that hold the tensors.
  package let files: [MappedFile]

  /// Whether it is one of GGUF.
  var isGGUF: Bool {
    if case .gguf = container { true } else { false }
  }

  /// The same tensors under other statements, as a file written from them would have; what is nil
  /// stays as it is.
  public func restated(
    as container: Container? = nil, metadata: OrderedDictionary<String, MetadataValue>? = nil,
    configuration: JSONValue? = nil
  ) -> Checkpoint {
    Checkpoint(
      path: path, container: container ?? self.container, metadata: metadata ?? self.metadata,
      configuration: configuration ?? self.configuration,
      safetensorsMetadata: safetensorsMetadata, companions: companions, tensors: tensors,
      files: files)
  }

  /// Some of the tensors, under other statements: a model that stands among others in these files.
  package func restated(configuration: JSONValue, tensors: [TensorEntry]) -> Checkpoint {
    Checkpoint(
      path: path, container: container, metadata: metadata, configuration: configuration,
      safetensorsMetadata: safetensorsMetadata, companions: companions,
      tensors: OrderedDictionary(tensors.map { ($0.name, $0) }) { first, _ in first },
      files: files)
  }

  /// Refuses a model whose files have changed since they were opened: what was made of
  /// them may be of neither.
  /// - Throws: `InputFault.changedWhileRead`, naming the file.
  package func checkUnchanged() throws(FileError) {
    for file in files { try file.checkUnchanged() }
    try companions?.checkUnchanged()
  }

  /// Paths that no output may replace: the weights, and what is read beside them.
  public var inputPaths: [String] {
    Array(OrderedSet(ModelFolder.inputPaths(of: path) + files.map(\.path)))
  }
}
