import Architectures
import Inference
import Synchronization
import Tensors

/// Rewrites the weights of one layer at a time and keeps the last layer's until the next is asked
/// for: a writer asks for tensors in layer order.
final class LayerRewriter: Sendable {
  private let plan: ModelPlan
  private let absorption: Absorption
  private let fitted: FittedWeights?
  private let roles: Set<Role>
  private let needed: Set<Role>
  private let threads: Int
  private let last = Mutex<(layer: Int, weights: [Role: [Float]])?>(nil)

  /// - Parameter fitted: weights of a fit, which stand in for the source's before anything is
  ///   absorbed.
  init(plan: ModelPlan, absorption: Absorption, fitted: FittedWeights?, threads: Int) {
    self.plan = plan
    self.absorption = absorption
    self.fitted = fitted
    let changed = fitted?.roles ?? []
    roles = absorption.rewrittenRoles().union(changed)
    needed = absorption.neededRoles().union(changed)
    self.threads = threads
  }

  /// Whether the layer's weight of this role changes.
  func rewrites(_ role: Role) -> Bool { roles.contains(role) }

  /// The new weight, row-major [rows, columns].
  func weight(_ role: Role, layer: Int) throws -> [Float] {
    if let known = last.withLock({ $0?.layer == layer ? $0?.weights[role] : nil }) { return known }
    var state = try LayerState(
      plan.layers[layer], roles: needed, shape: plan.shape, threads: threads)
    if let role = state.firstNotFinite() {
      throw ConversionError.notFinite(
        file: plan.checkpoint.path, tensor: plan.layers[layer][role]?.tensor.name ?? role.rawValue)
    }
    if let fitted {
      for role in fitted.roles {
        if let weight = try fitted.weight(role, layer: layer) { state.weights[role] = weight }
      }
    }
    try absorption.apply(to: &state, layer: layer)
    if let role = state.firstNotFinite() {
      throw ConversionError.notFinite(
        file: plan.checkpoint.path, tensor: plan.layers[layer][role]?.tensor.name ?? role.rawValue)
    }
    var weights: [Role: [Float]] = [:]
    for role in roles { weights[role] = state.weights[role].map { $0.values.map(Float.init) } }
    let result = weights[role] ?? []
    last.withLock { $0 = (layer, weights) }
    return result
  }
}
