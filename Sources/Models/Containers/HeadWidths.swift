import Checkpoints

/// The widths of heads and, for multi-head latent attention, the ranks of their factors.
enum HeadWidths {
  /// Reads them into a shape that has its width and heads.
  static func read(_ parameters: Hyperparameters, into shape: inout StatedShape) throws {
    if parameters.architecture.block.attention == .latent {
      shape.latentRank = try parameters.integer(.latentRank)
      shape.queryRank = try parameters.optionalInteger(.queryRank) ?? 0
      shape.keyWidth =
        try parameters.optionalInteger(.stillKeyWidth).map { $0 + shape.rotaryDimensions }
        ?? parameters.integer(.keyWidth)
      shape.valueWidth = try parameters.integer(.valueWidth)
      return
    }
    if let stated = try parameters.optionalInteger(.keyWidth) {
      shape.keyWidth = stated
    } else {
      guard shape.width % shape.heads == 0 else {
        throw parameters.failure(
          .heads, "is \(shape.heads), which does not divide the width \(shape.width)")
      }
      shape.keyWidth = shape.width / shape.heads
    }
    shape.valueWidth = try parameters.optionalInteger(.valueWidth) ?? shape.keyWidth
  }

  /// GGUF states widths where they are not the model's width by the heads, or config.json did.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout GGUFFields
  ) {
    if shape.latentRank > 0 {
      // Loaders see attention over one shared latent head; the real widths stand beside.
      fields.set(.latentHeads, .whole(1))
      fields.set(.latentKeyWidth, .whole(shape.latentRank + shape.rotaryDimensions))
      fields.set(.latentValueWidth, .whole(shape.latentRank))
      setWidths(shape, in: &fields)
      fields.set(.latentRank, .whole(shape.latentRank))
      if shape.queryRank > 0 { fields.set(.queryRank, .whole(shape.queryRank)) }
    } else if shape.keyWidth * shape.heads != shape.width || isStated(in: plan) {
      setWidths(shape, in: &fields)
    }
  }

  private static func isStated(in plan: ModelPlan) -> Bool {
    plan.architecture.keys(of: .keyWidth, on: .huggingface).contains {
      plan.checkpoint.configuration?[$0]?.int != nil
    }
  }

  static func setWidths(_ shape: StatedShape, in fields: inout some StatedFields) {
    fields.set(.keyWidth, .whole(shape.keyWidth))
    fields.set(.valueWidth, .whole(shape.valueWidth))
  }

  /// The ranks of latent attention, and a head's dims with and without rotation.
  static func writeLatent(_ shape: StatedShape, to fields: inout ConfigurationFields) {
    guard shape.latentRank > 0 else { return }
    fields.set(.latentRank, .whole(shape.latentRank))
    fields.set(.queryRank, shape.queryRank > 0 ? .whole(shape.queryRank) : .nothing)
    fields.set(.stillKeyWidth, .whole(shape.keyWidth - shape.rotaryDimensions))
    fields.set(.rotaryDimensions, .whole(shape.rotaryDimensions))
    fields.set(.latentHeads, .whole(shape.heads))
  }
}
