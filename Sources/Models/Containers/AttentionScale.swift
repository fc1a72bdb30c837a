/// The factor on q . k: the inverse root of the head's width, unless a file states a multiplier or,
/// in config.json, the scalar whose inverse root it is.
enum AttentionScale {
  static let multiplier = PlainHyperparameter(
    parameter: .attentionMultiplier,
    read: { parameters, shape in
      if let multiplier = try parameters.optionalNumber(.attentionMultiplier), multiplier != 0 {
        shape.attentionScale = shape.attentionScale.map { _ in multiplier }
      }
    },
    value: { shape, _ in shape.attentionScale.agreed.map { .number($0) } })

  /// What holds of each layer where no multiplier is stated.
  static func read(_ parameters: Hyperparameters, _ shape: StatedShape) throws -> [Double] {
    let scalar = try parameters.optionalNumber(.queryScalar)
    return shape.keyWidth.indices.map { layer in
      let width =
        switch parameters.side {
        case .huggingface where (scalar ?? 0) > 0: scalar ?? 0
        case .gguf:
          Double(
            parameters.architecture.block.scaledWidth(
              layers: shape.layers, width: shape.width, heads: shape.heads[layer],
              keyWidth: shape.keyWidth[layer]))
        default: Double(shape.keyWidth[layer])
        }
      return 1 / width.squareRoot()
    }
  }

  /// - Throws: `ModelError.notRepresentable` for layers that differ in their scale, unless it follows
  ///   from the width of their heads.
  static func check(_ shape: StatedShape, of plan: ModelPlan, container: String) throws {
    guard shape.attentionScale.agreed == nil else { return }
    let natural = shape.keyWidth.map { 1 / Double($0).squareRoot() }
    guard natural != shape.attentionScale else { return }
    throw ModelError.notRepresentable(
      file: plan.checkpoint.path, what: "layers that differ in the scale of their scores",
      container: container)
  }

  static func write(_ shape: StatedShape, to fields: inout ConfigurationFields) {
    guard fields.architecture.key(of: .queryScalar, on: .huggingface) != nil else { return }
    guard let scale = shape.attentionScale.agreed else { return }
    let scalar = 1 / (scale * scale)
    // transformers accepts a whole number only; the scale is its inverse root, rounded.
    if let whole = Int(exactly: scalar.rounded()), abs(scalar - Double(whole)) < 1e-9 * scalar {
      fields.set(.queryScalar, .whole(whole))
    } else {
      fields.set(.queryScalar, .number(scalar))
    }
  }
}

extension BlockRecipe {
  /// The width whose inverse root a GGUF reader scales scores by: of a model of so many layers and such
  /// a width, in a layer with such heads.
  func scaledWidth(layers: Int, width: Int, heads: Int, keyWidth: Int) -> Int {
    widthScaledLayers.contains(layers) ? width / heads : keyWidth
  }
}
