import Base
import Checkpoints
import OrderedCollections

/// Vectors that are key and value at once, and how windows of them are compressed, as files state
/// it.
enum SharedVectors {
  /// Reads the sizes into a shape that has its heads and the width of a key head.
  static func read(_ parameters: Hyperparameters, into shape: inout StatedShape) throws {
    guard parameters.architecture.block.attention == .shared else { return }
    if let heads = shape.keyValueHeads.first(where: { $0 != 1 }) {
      throw parameters.failure(
        .keyValueHeads, "is \(heads), expected the 1 of a vector that all heads share")
    }
    for (value, key) in zip(shape.valueWidth, shape.keyWidth) where value != key {
      throw parameters.failure(.valueWidth, "is \(value), expected the \(key) of a key")
    }
    let vector = AttentionRecipe.SharedVector(
      queryRank: try parameters.integer(.queryRank),
      outputGroups: try parameters.integer(.outputGroups),
      outputRank: try parameters.integer(.outputRank))
    for outputs in zip(shape.heads, shape.valueWidth).map(*)
    where outputs % vector.outputGroups != 0 {
      throw parameters.failure(
        .outputGroups,
        "is \(vector.outputGroups), which does not divide the \(outputs) outputs of all heads")
    }
    shape.sharedVector = vector
  }

  /// How each layer compresses; nil for one that does not. `shape` has its layers.
  static func compressions(
    _ parameters: Hyperparameters, _ shape: StatedShape
  ) throws -> [AttentionRecipe.Compression?] {
    guard let facts = parameters.architecture.block.compression else {
      return Array(repeating: nil, count: shape.layers)
    }
    let kinds = try kinds(parameters, facts, layers: shape.layers)
    let index =
      kinds.contains { $0.kind == .sparse }
      ? AttentionRecipe.EntryIndex(
        heads: try parameters.integer(.indexHeads), width: try parameters.integer(.indexWidth),
        kept: try parameters.integer(.indexKept))
      : nil
    if let index, let rotating = shape.rotaryDimensions.first(where: { $0 > index.width }) {
      throw parameters.failure(
        .indexWidth, "is \(index.width), less than the \(rotating) dims that rotate")
    }
    return kinds.map { kind, rate in
      switch kind {
      case .sparse: AttentionRecipe.Compression(rate: rate, overlaps: true, index: index)
      case .heavy: AttentionRecipe.Compression(rate: rate, overlaps: false)
      case .windowed, .full: nil
      }
    }
  }

  /// The kind of each layer and the tokens of its windows, by a list of kinds or of rates.
  private static func kinds(
    _ parameters: Hyperparameters, _ facts: CompressionBlock, layers: Int
  ) throws -> [(kind: LayerKind, rate: Int)] {
    if let types = parameters.value(.layerTypes)?.array {
      let kinds = try SlidingWindows.kinds(types, parameters, layers: layers)
      return try kinds.map { ($0, try rate(of: $0, parameters, facts)) }
    }
    guard let stated = parameters.value(.compressionRatios) else {
      throw parameters.failure(.compressionRatios, "is missing")
    }
    // Layers that predict tokens further ahead may have theirs behind those of the model.
    guard let list = stated.array, list.count >= layers else {
      throw parameters.failure(.compressionRatios, "has no entry for each of \(layers) layers")
    }
    return try list.prefix(layers).map { value in
      guard let rate = value.int, rate >= 0, rate <= mostTokens else {
        throw parameters.failure(
          .compressionRatios, "holds something that is no number of tokens")
      }
      return (rate == 0 ? .windowed : rate == facts.sparseRate ? .sparse : .heavy, rate)
    }
  }

  /// Tokens of a window at most.
  private static let mostTokens = 1 << 20

  private static func rate(
    of kind: LayerKind, _ parameters: Hyperparameters, _ facts: CompressionBlock
  ) throws -> Int {
    guard kind == .sparse || kind == .heavy else { return 0 }
    let own: Hyperparameter = kind == .sparse ? .sparseRate : .heavyRate
    if let rate = try parameters.optionalInteger(own) {
      guard rate <= mostTokens else {
        throw parameters.failure(own, "is \(rate), which no window has")
      }
      return rate
    }
    guard let rates = parameters.value(.compressionRates) else {
      return kind == .sparse ? facts.sparseRate : facts.heavyRate
    }
    guard let rate = rates[kind.rawValue]?.int, rate > 0, rate <= mostTokens else {
      throw parameters.failure(
        .compressionRates, "has no number of tokens for \(kind.rawValue)")
    }
    return rate
  }
}

// MARK: - Writing

extension SharedVectors {
  /// Sizes that both containers state alike.
  private static func writeSizes(_ shape: StatedShape, to fields: inout some StatedFields) {
    guard let vector = shape.sharedVector else { return }
    HeadWidths.setWidths(shape, in: &fields)
    fields.set(.queryRank, .whole(vector.queryRank))
    fields.set(.outputGroups, .whole(vector.outputGroups))
    fields.set(.outputRank, .whole(vector.outputRank))
    guard let index = shape.compressions.lazy.compactMap({ $0?.index }).first else { return }
    fields.set(.indexHeads, .whole(index.heads))
    fields.set(.indexWidth, .whole(index.width))
    fields.set(.indexKept, .whole(index.kept))
  }

  /// - Throws: `ModelError.notRepresentable` for rates that would be read as those of other layers.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout GGUFFields
  ) throws {
    writeSizes(shape, to: &fields)
    guard let facts = plan.architecture.block.compression else { return }
    for compression in shape.compressions.lazy.compactMap({ $0 })
    where compression.overlaps != (compression.rate == facts.sparseRate) {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path,
        what: "a \(compression.overlaps ? "sparse" : "heavily compressed") layer with windows of"
          + " \(compression.rate) tokens",
        container: "GGUF")
    }
    fields.set(.compressionRatios, .wholes(shape.compressions.map { $0?.rate ?? 0 }))
  }

  /// - Throws: `ModelError.notRepresentable` for layers of one kind with different rates.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout ConfigurationFields
  ) throws {
    writeSizes(shape, to: &fields)
    guard let facts = plan.architecture.block.compression else { return }
    let kinds = shape.compressions.map { compression -> LayerKind in
      guard let compression else { return .windowed }
      return compression.overlaps ? .sparse : .heavy
    }
    fields.set(.layerTypes, .texts(kinds.map(\.rawValue)))
    var rates: OrderedDictionary<String, JSONValue> = [:]
    for (kind, usual) in [(LayerKind.sparse, facts.sparseRate), (.heavy, facts.heavyRate)] {
      let stated = zip(kinds, shape.compressions).filter { $0.0 == kind }.compactMap { $0.1?.rate }
      guard let rate = stated.isEmpty ? usual : stated.agreed else {
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "layers of one kind that compress at different rates",
          container: ModelFolder.configuration)
      }
      rates[kind.rawValue] = JSONValue(rate)
    }
    if let key = plan.architecture.key(of: .compressionRates, on: .huggingface) {
      fields.values[key] = .object(rates)
    }
  }
}
