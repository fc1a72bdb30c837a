import Base
import Inference
import Models
import Synchronization
import Tensors

/// Rewrites the weights of a few layers at a time, each on a thread of its own, and keeps them until
/// another layer is asked for: a writer asks for tensors layer after layer.
final class LayerRewriter: Sendable {
  private let plan: ModelPlan
  private let fitted: FittedWeights?
  private let layers: [Work]
  private let threads: Int
  /// Layers in the order in which a writer is going to ask for them.
  private let order = Mutex<[Int]>([])
  private let kept = Mutex<[Int: [Role: [Float]]]>([:])

  /// What is to be done to one layer.
  private struct Work {
    let absorption: LayerAbsorption
    /// Roles whose weights change.
    let roles: Set<Role>
    /// Roles that are decoded for it.
    let needed: Set<Role>
  }

  /// The weights of a fit stand in for the source's before anything is absorbed.
  init(plan: ModelPlan, absorption: Absorption, fitted: FittedWeights?, threads: Int) {
    self.plan = plan
    self.fitted = fitted
    layers = plan.layers.indices.map { index in
      let absorption = absorption.layer(index)
      let changed = fitted?.roles(layer: index) ?? []
      return Work(
        absorption: absorption, roles: absorption.rewrittenRoles().union(changed),
        needed: absorption.neededRoles().union(changed))
    }
    self.threads = threads
  }

  /// Whether the layer's weight of this role changes.
  func rewrites(_ role: Role, layer: Int) -> Bool { layers[layer].roles.contains(role) }

  /// Says in which order layers are going to be asked for.
  func expect(_ layers: [Int]) { order.withLock { $0 = layers } }

  /// The new weight, row-major [rows, columns].
  func weight(_ role: Role, layer: Int) throws -> [Float] {
    if let known = kept.withLock({ $0[layer]?[role] }) { return known }
    let layers = batch(from: layer)
    // The layers kept so far are not needed any more, and the new ones take as much memory.
    kept.withLock { $0 = [:] }
    var results = [Result<[Role: [Float]], any Error>](
      repeating: .success([:]), count: layers.count)
    results.withUnsafeMutableBufferPointer { results in
      nonisolated(unsafe) let results = results
      Parallel.forEach(count: layers.count, threads: threads) { index, _ in
        results[index] = Result { try rewrite(layers[index]) }
      }
    }
    // A later layer's error waits for its turn.
    let weights = try results[0].get()
    kept.withLock { kept in
      for (layer, result) in zip(layers, results) { kept[layer] = try? result.get() }
    }
    return weights[role] ?? []
  }

  /// The layer and those after it, as many as there are threads and memory is allowed for.
  private func batch(from layer: Int) -> [Int] {
    let elements = layers[layer].needed.reduce(0) {
      $0 + (plan.layers[layer][$1]?.count ?? 0)
    }
    let room = Self.memory / max(1, elements * Self.bytesPerElement)
    let expected = order.withLock { order in
      order.firstIndex(of: layer).map { order[$0...].prefix(max(1, min(threads, room))) }
    }
    return expected.map(Array.init) ?? [layer]
  }

  /// Bytes for layers at work beyond the first.
  private static let memory = 1 << 30
  /// A weight's numbers as they are decoded, in double precision twice, and as they are kept.
  private static let bytesPerElement = 24

  private func rewrite(_ layer: Int) throws -> [Role: [Float]] {
    let work = layers[layer]
    var state = try LayerState(plan.layers[layer], roles: work.needed, threads: threads)
    if let role = state.firstNotFinite() {
      throw ConversionError.notFinite(
        file: plan.checkpoint.path, tensor: plan.layers[layer][role]?.tensor.name ?? role.rawValue)
    }
    if let fitted {
      for role in fitted.roles(layer: layer) {
        if let weight = try fitted.weight(role, layer: layer) { state.weights[role] = weight }
      }
    }
    try work.absorption.apply(to: &state)
    if let role = state.firstNotFinite() {
      throw ConversionError.notFinite(
        file: plan.checkpoint.path, tensor: plan.layers[layer][role]?.tensor.name ?? role.rawValue)
    }
    var weights: [Role: [Float]] = [:]
    for role in work.roles { weights[role] = state.weights[role].map { $0.values.map(Float.init) } }
    return weights
  }
}
