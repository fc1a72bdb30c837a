/// The bound of what gated networks multiply, where files state it.
enum GateLimit {
  /// Reads that of dense networks and of experts, or of the shared ones; nil: nothing bounds them.
  static func read(
    _ parameters: Hyperparameters, ofShared isShared: Bool = false
  ) throws -> FeedForwardRecipe.GateClamp? {
    let architecture = parameters.architecture
    guard !architecture.keys(of: .gateLimit, on: parameters.side).isEmpty else {
      return architecture.block.gateClamp
    }
    let own = isShared ? try parameters.optionalNumber(.sharedGateLimit) : nil
    guard let limit = try own ?? parameters.optionalNumber(.gateLimit), limit != 0 else {
      return nil
    }
    guard limit > 0 else { throw parameters.failure(.gateLimit, "is \(limit), below 0") }
    return FeedForwardRecipe.GateClamp(slope: architecture.block.gateClamp?.slope, limit: limit)
  }

  static func write(_ experts: ExpertsRecipe, to fields: inout some StatedFields) {
    let limit = experts.network.clamp?.limit ?? 0
    fields.set(.gateLimit, .number(limit))
    fields.set(.sharedGateLimit, .number(experts.shared?.network.clamp?.limit ?? limit))
  }
}
