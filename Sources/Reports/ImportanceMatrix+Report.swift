import Base
import Checkpoints
import OrderedCollections

extension ImportanceMatrix {
  /// What `analyze --imatrix` prints of a matrix it has made.
  package func json(model: String, output: String) -> JSONValue {
    .object([
      "kind": "imatrix", "model": .string(model), "text": .string(texts.first ?? ""),
      "output": .string(output), "ctx": .integer(Int64(chunkLength)),
      "chunks": .integer(Int64(chunks)), "tensors": .integer(Int64(entries.count)),
      "without_data": .integer(Int64(unreached)),
    ])
  }

  /// The same for a person.
  package func text(output: String) -> String {
    var lines = [
      "\(output): \(counted(entries.count, "tensor")) on \(counted(chunks, "chunk")) of"
        + " \(chunkLength) tokens of \(texts.first ?? "")"
    ]
    if unreached > 0 {
      lines.append("\(unreached) experts' matrices met no token: their columns count alike")
    }
    return lines.joined(separator: "\n")
  }

  /// Matrices that no row went to.
  private var unreached: Int {
    entries.values.reduce(0) { $0 + $1.counts.count { $0 == 0 } }
  }
}
