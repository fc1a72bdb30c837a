import Base
import Checkpoints

/// SHA-256 of the matrices that a fit chooses, by their numbers: another as soon as they are trained on
/// or rounded, and the same in every type that holds the numbers as they are.
///
/// It is of the hexadecimal SHA-256 of each tensor's elements as float32 (little-endian), of all tensors
/// that hold such a matrix, whole, in the order of their names.
package enum FitDigest {
  /// Those of values, and of attention's output.
  package static let roles: Set<Role> = [.value, .latentValueUp, .attentionOutput]

  /// Of a model's tensors.
  /// - Throws: `TensorError` for elements that cannot be decoded.
  package static func of(_ plan: ModelPlan) throws -> String {
    var tensors: [String: TensorEntry] = [:]
    for layer in plan.layers {
      for role in roles {
        if let tensor = layer[role]?.tensor { tensors[tensor.name] = tensor }
      }
    }
    return try of(Array(tensors.values), name: \.name) { try $0.decoded() }
  }

  /// - Parameters:
  ///   - tensors: those that hold the matrices, each once, in any order.
  ///   - name: a tensor's name.
  ///   - numbers: all elements of a tensor.
  /// - Returns: the digest in hexadecimal.
  /// - Throws: what `numbers` throws.
  package static func of<Tensor>(
    _ tensors: [Tensor], name: (Tensor) -> String, numbers: (Tensor) throws -> [Float]
  ) throws -> String {
    // Made in the order given: a writer makes its tensors layer after layer.
    var digests: [(name: String, sum: String)] = []
    for tensor in tensors {
      let elements = try numbers(tensor)
      let sum = elements.withUnsafeBytes { SourceHash.sha256($0) }
      digests.append((name: name(tensor), sum: sum))
    }
    digests.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    return SourceHash.sha256(text: digests.map(\.sum).joined())
  }
}
