import Checkpoints

/// The widths of heads and, for multi-head latent attention, the ranks of their factors.
enum HeadWidths {
  /// Reads them into a shape that has its width and heads.
  static func read(_ parameters: Hyperparameters, into shape: inout StatedShape) throws {
    if parameters.architecture.block.attention == .latent {
      shape.latentRank = try parameters.integer(.latentRank)
      shape.queryRank = try parameters.optionalInteger(.queryRank) ?? 0
      let still = try parameters.optionalInteger(.stillKeyWidth)
      let stated = still == nil ? try parameters.integer(.keyWidth) : 0
      shape.keyWidth = shape.rotaryDimensions.map { rotating in
        still.map { $0 + rotating } ?? stated
      }
      let valueWidth = try parameters.integer(.valueWidth)
      shape.valueWidth = shape.windows.map { _ in valueWidth }
      return try checkRows(parameters, shape)
    }
    let windows = shape.windows
    if let stated = try LayerSizes.read(.keyWidth, parameters, windows: windows) {
      shape.keyWidth = stated
    } else {
      let width = shape.width
      if let heads = shape.heads.first(where: { width % $0 != 0 }) {
        throw parameters.failure(.heads, "is \(heads), which does not divide the width \(width)")
      }
      shape.keyWidth = shape.heads.map { width / $0 }
    }
    shape.valueWidth =
      try LayerSizes.read(.valueWidth, parameters, windows: windows)
      ?? valueWidths(parameters, shape) ?? shape.keyWidth
    try checkRows(parameters, shape)
    try SharedVectors.read(parameters, into: &shape)
  }

  /// Numbers that the heads of a layer give together, at most: sums of some such are no overflow.
  private static let mostRows = 1 << 40

  /// Refuses heads that are too wide together; K and V have no more of them than Q.
  private static func checkRows(_ parameters: Hyperparameters, _ shape: StatedShape) throws {
    for (heads, widths) in zip(shape.heads, zip(shape.keyWidth, shape.valueWidth)) {
      let width = max(widths.0, widths.1)
      guard heads <= mostRows / max(width, 1) else {
        throw parameters.failure(
          .heads, "is \(heads), with \(width) dims each, which no model has")
      }
    }
  }

  /// The widths of value heads that follow from how wide all of a layer's are together.
  private static func valueWidths(
    _ parameters: Hyperparameters, _ shape: StatedShape
  ) throws -> [Int]? {
    let rows: Double
    let parameter: Hyperparameter
    if let stated = try parameters.optionalInteger(.valueRows) {
      (parameter, rows) = (.valueRows, Double(stated))
    } else if let expansion = try parameters.optionalNumber(.valueExpansion) {
      (parameter, rows) = (.valueExpansion, expansion * Double(shape.width))
    } else {
      return nil
    }
    return try shape.heads.map { heads in
      guard let width = Int(exactly: rows / Double(heads)), (1...(1 << 20)).contains(width) else {
        throw parameters.failure(parameter, "gives values of \(rows) numbers for \(heads) heads")
      }
      return width
    }
  }

  /// GGUF states widths where they are not the model's width by the heads, or config.json did.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout GGUFFields
  ) {
    if shape.latentRank > 0 {
      // Loaders see attention over one shared latent head; the real widths stand beside.
      fields.set(.latentHeads, .whole(1))
      let rank = shape.latentRank
      fields.set(.latentKeyWidth, .ofLayers(shape.rotaryDimensions.map { rank + $0 }))
      fields.set(.latentValueWidth, .whole(shape.latentRank))
      setWidths(shape, in: &fields)
      fields.set(.latentRank, .whole(shape.latentRank))
      if shape.queryRank > 0 { fields.set(.queryRank, .whole(shape.queryRank)) }
    } else if zip(shape.keyWidth, shape.heads).contains(where: { $0 * $1 != shape.width })
      || shape.valueWidth != shape.keyWidth
      || isStated(in: plan) || plan.architecture.key(of: .keyWidthWindowed, on: .gguf) != nil
    {
      setWidths(shape, in: &fields)
    }
  }

  private static func isStated(in plan: ModelPlan) -> Bool {
    plan.architecture.keys(of: .keyWidth, on: .huggingface).contains {
      plan.checkpoint.configuration?[$0]?.int != nil
    }
  }

  static func setWidths(_ shape: StatedShape, in fields: inout some StatedFields) {
    fields.set(.keyWidth, shape.keyWidth, windows: shape.windows)
    fields.set(.valueWidth, shape.valueWidth, windows: shape.windows)
    guard let rows = zip(shape.valueWidth, shape.heads).map(*).agreed else { return }
    fields.set(.valueRows, .whole(rows))
    fields.set(.valueExpansion, .number(Double(rows) / Double(shape.width)))
  }

  /// The ranks of latent attention, and a head's dims with and without rotation.
  static func writeLatent(_ shape: StatedShape, to fields: inout ConfigurationFields) {
    guard shape.latentRank > 0 else { return }
    fields.set(.latentRank, .whole(shape.latentRank))
    fields.set(.queryRank, shape.queryRank > 0 ? .whole(shape.queryRank) : .nothing)
    fields.set(
      .stillKeyWidth, .ofLayers(zip(shape.keyWidth, shape.rotaryDimensions).map { $0 - $1 }))
    fields.set(.rotaryDimensions, .ofLayers(shape.rotaryDimensions))
    fields.set(.latentHeads, .ofLayers(shape.heads))
  }
}
