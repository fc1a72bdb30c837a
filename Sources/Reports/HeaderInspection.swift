import Base
import Checkpoints
import OrderedCollections
import Vocabulary

/// What `inspect` shows of a GGUF file without tensors, such as a vocabulary: it says what it is
/// of, and there is no model to speak of.
package struct HeaderInspection: Sendable {
  private let checkpoint: Checkpoint
  private let architecture: String

  /// Nil for a checkpoint with tensors, or of another container.
  package init?(_ checkpoint: Checkpoint) {
    guard checkpoint.tensors.isEmpty, case .gguf = checkpoint.container,
      let architecture = checkpoint.metadata["general.architecture"]?.string
    else { return nil }
    self.checkpoint = checkpoint
    self.architecture = architecture
  }

  private var bytes: Int { checkpoint.files.reduce(0) { $0 + $1.size } }

  /// The lines a person reads.
  package func text() -> String {
    let lines = [
      ("file", printable(checkpoint.path)),
      ("container", "\(checkpoint.containerName), \(Format.bytes(bytes)), no tensors"),
      ("architecture", architecture), ("keys", "\(checkpoint.metadata.count)"),
      ("tokenizer", checkpoint.tokenizerName),
    ]
    return lines.map { name, value in
      name.padding(toLength: 14, withPad: " ", startingAt: 0) + value
    }.joined(separator: "\n")
  }

  /// The fields of `inspect --json` that a file without a model has.
  package func json() -> JSONValue {
    [
      "kind": "inspect", "model": .string(checkpoint.path),
      "container": .string(checkpoint.containerName), "architecture": .string(architecture),
      "bytes": .integer(Int64(bytes)), "parameters": 0,
      "tokenizer": .string(checkpoint.tokenizerName), "types": [:],
    ]
  }
}

extension Checkpoint {
  /// The container, as `inspect` names it.
  var containerName: String {
    switch container {
    case .gguf(let version): "GGUF v\(version)"
    case .safetensors: "safetensors"
    }
  }

  /// The kind of tokenizer, or the file that holds it.
  var tokenizerName: String {
    if let model = metadata[TokenizerKey.model]?.string {
      return model
        + (metadata[TokenizerKey.preTokenizer]?.string.map { ", pre-tokenizer \($0)" } ?? "")
    }
    return companions?.contains(ModelFolder.tokenizer) == true ? ModelFolder.tokenizer : "none"
  }
}
