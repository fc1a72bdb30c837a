/// The factor on q . k: the inverse root of the head's width, unless a file states a multiplier or,
/// in config.json, the scalar whose inverse root it is.
enum AttentionScale {
  static let multiplier = PlainHyperparameter(
    parameter: .attentionMultiplier,
    read: { parameters, shape in
      if let multiplier = try parameters.optionalNumber(.attentionMultiplier), multiplier != 0 {
        shape.attentionScale = multiplier
      }
    },
    value: { shape, _ in .number(shape.attentionScale) })

  /// What holds where no multiplier is stated.
  static func read(_ parameters: Hyperparameters, _ shape: StatedShape) throws -> Double {
    let scalar = try parameters.optionalNumber(.queryScalar)
    let width =
      switch parameters.side {
      case .huggingface where (scalar ?? 0) > 0: scalar ?? 0
      case .gguf: Double(parameters.architecture.block.scaledWidth(shape))
      default: Double(shape.keyWidth)
      }
    return 1 / width.squareRoot()
  }

  static func write(_ shape: StatedShape, to fields: inout ConfigurationFields) {
    guard fields.architecture.key(of: .queryScalar, on: .huggingface) != nil else { return }
    let scale = shape.attentionScale
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
  /// The width whose inverse root a GGUF reader scales scores by.
  func scaledWidth(_ shape: StatedShape) -> Int {
    widthScaledLayers.contains(shape.layers) ? shape.width / shape.heads : shape.keyWidth
  }
}
