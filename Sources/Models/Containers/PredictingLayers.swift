/// Layers behind the model's own that predict tokens further ahead (DeepSeek-V3, GLM-4.5): the model
/// computes the same without them, so their tensors are ignored. GGUF counts them among the layers.
enum PredictingLayers {
  /// How many there are; `layers` is what a GGUF file counts.
  static func count(_ parameters: Hyperparameters, of layers: Int) throws -> Int {
    let count = try parameters.optionalInteger(.predictingLayers, minimum: 0) ?? 0
    guard count < layers || parameters.side == .huggingface else {
      throw parameters.failure(.predictingLayers, "is \(count) of \(layers) layers")
    }
    return count
  }

  /// A folder without them must not promise some: readers would look for their tensors.
  static func remove(from fields: inout ConfigurationFields) {
    for key in fields.architecture.keys(of: .predictingLayers, on: .huggingface)
    where (fields.values[key]?.int ?? 0) > 0 {
      fields.values[key] = 0
    }
  }

  /// Whether a tensor belongs to one of `layers`.
  static func own(
    _ tensor: String, in layers: Range<Int>, of architecture: Architecture,
    on side: Architecture.Side
  ) -> Bool {
    guard !layers.isEmpty,
      let name = architecture.weights[.attentionNormGain]?.names[side]?.tensor,
      let mark = name.firstRange(of: WeightName.layerMark)
    else { return false }
    let start = name[..<mark.lowerBound]
    guard tensor.hasPrefix(start) else { return false }
    let number = tensor.dropFirst(start.count).prefix { $0 != "." }
    return Int(number).map(layers.contains) ?? false
  }
}
