import Base
import Checkpoints
import Foundation
import Synchronization

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
    let entries = Array(tensors.values)
    let largest = entries.reduce(1) { max($0, 4 * $1.elementCount) }
    let sums = Mutex([String](repeating: "", count: entries.count))
    let failure = FirstFailure()
    Parallel.forEach(
      count: entries.count,
      threads: min(ProcessInfo.processInfo.activeProcessorCount, Self.mostBytes / largest)
    ) { index, _ in
      do {
        let sum = Self.sum(of: try entries[index].decoded())
        sums.withLock { $0[index] = sum }
      } catch {
        failure.record(error)
      }
    }
    try failure.check()
    return joined(
      zip(entries, sums.withLock { $0 }).map { (name: $0.name, sum: $1) })
  }

  /// Bytes of decoded elements that are held at once, of several tensors.
  private static let mostBytes = 1 << 30

  private static func sum(of elements: [Float]) -> String {
    elements.withUnsafeBytes { SourceHash.sha256($0) }
  }

  private static func joined(_ digests: [(name: String, sum: String)]) -> String {
    let sorted = digests.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    return SourceHash.sha256(text: sorted.map(\.sum).joined())
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
      digests.append((name: name(tensor), sum: sum(of: try numbers(tensor))))
    }
    return joined(digests)
  }
}
