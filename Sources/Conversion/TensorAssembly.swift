import Checkpoints
import Foundation
import Inference
import Models
import OrderedCollections
import Rotary
import Tensors

/// Lays the weights of a model out as the tensors of the target container.
struct TensorAssembly {
  /// Elements that are decoded at a time where only the type changes.
  private static let pieceElements = 1 << 18

  let plan: ModelPlan
  let target: Architecture.Side
  let type: OutputTypes
  let importance: ImportanceMatrix?
  let rewriter: LayerRewriter
  /// The variant before pairs move to the output's layouts, and with them there.
  let rotation: (from: RotaryConfiguration, to: RotaryConfiguration)
  let threads: Int

  /// What a weight takes over in the output; 1 for nearly all.
  private func factor(_ part: Part) -> Double {
    guard let layer = part.layer, target == .gguf else { return 1 }
    return plan.queryFactor(part.role, layer: layer)
  }

  /// One weight's place in an output tensor.
  struct Part {
    let role: Role
    let layer: Int?
    /// Its place in the tensor, where that is a stack of all experts' matrices.
    let place: Int
    let source: WeightSource
    let name: WeightName
  }

  /// How weights lie in the output: of a layer, or of the whole model.
  private func layout(_ layer: Int?) -> WeightLayout {
    WeightLayout(
      shape: plan.shape, recipe: layer.map { plan.layers[$0].recipe }, layer: layer ?? 0,
      side: target)
  }

  /// Whether the weight itself changes, not only its place or type.
  private func isRewritten(_ part: Part) -> Bool {
    part.layer.map { rewriter.rewrites(part.role, layer: $0) } ?? false
  }

  /// All output tensors: embeddings, layers in order, output norm and output.
  func tensors() throws -> [Assembled] {
    var groups: [(name: String, parts: [Part])] = []
    var index: [String: Int] = [:]
    func add(
      _ role: Role, _ names: WeightNames, layer: Int?, expert: Int? = nil,
      _ sources: [Role: WeightSource]
    ) throws {
      guard let source = sources[role] else { return }
      guard let name = names.name(on: target, alternative: source.alternative) else {
        // Frequency factors live in config.json on the Hugging Face side.
        if role.rawValue.hasPrefix("rotary.") { return }
        throw ModelError.notRepresentable(
          file: plan.checkpoint.path, what: "the weight \(role.rawValue)",
          container: "this container")
      }
      let tensorName = name.tensorName(layer: layer, expert: expert)
      let part = Part(
        role: role, layer: layer, place: name.isStack ? expert ?? 0 : 0, source: source,
        name: name)
      if let known = index[tensorName] {
        groups[known].parts.append(part)
      } else {
        index[tensorName] = groups.count
        groups.append((tensorName, [part]))
      }
    }
    let weights = plan.architecture.weights
    let last: Set<Role> = [.outputNormGain, .outputNormBias, .output, .outputBias]
    for (role, names) in weights where role.isGlobal && !last.contains(role) {
      try add(role, names, layer: nil, plan.globals)
    }
    for layer in plan.layers.indices {
      for (role, names) in weights where !role.isGlobal {
        try add(role, names, layer: layer, plan.layers[layer].weights)
        for (expert, weights) in plan.layers[layer].experts.enumerated() {
          try add(role, names, layer: layer, expert: expert, weights)
        }
      }
    }
    for (role, names) in weights where last.contains(role) {
      try add(role, names, layer: nil, plan.globals)
    }
    if plan.side == target {
      // A file of the same container keeps its order.
      let tensors = plan.checkpoint.tensors
      groups.sort {
        (tensors.index(forKey: $0.name) ?? .max) < (tensors.index(forKey: $1.name) ?? .max)
      }
    }
    var layers: OrderedSet<Int> = []
    for part in groups.flatMap(\.parts) where isRewritten(part) {
      if let layer = part.layer { layers.append(layer) }
    }
    rewriter.expect(Array(layers))
    let mix = mixTypes(groups.map { ($0.name, shape(of: $0.parts[0])) })
    return try groups.flatMap {
      let isFittable = $0.parts.contains { FitDigest.roles.contains($0.role) }
      if var pair = pair($0.parts) {
        let tensor = $0.parts[0].source.tensor
        if isFittable {
          pair[0].fittable = OutputTensor(
            name: tensor.name, type: tensor.type, shape: tensor.shape, contents: .copy(tensor))
        }
        return pair
      }
      var assembled = try assemble($0.name, $0.parts, mixType: mix[$0.name])
      if isFittable { assembled.fittable = assembled.tensor }
      assembled.scaledBytes = $0.parts.reduce(0) { $0 + $1.source.scaledBytes }
      return [assembled]
    }
  }

  /// The two tensors of a weight that a folder keeps as a pair, where it stays as it is; nil for
  /// others.
  private func pair(_ parts: [Part]) -> [Assembled]? {
    guard target == .huggingface, type == .keep, !parts.contains(where: isRewritten),
      let (elements, scales) = parts[0].source.tensor.parts
    else { return nil }
    return [elements, scales].map { tensor in
      Assembled(
        tensor: OutputTensor(
          name: tensor.name, type: tensor.type, shape: tensor.shape, contents: .copy(tensor)),
        isCopy: true, isRewritten: false)
    }
  }

  /// The types that a mix gives to tensors.
  private func mixTypes(
    _ tensors: [(name: String, shape: [Int])]
  ) -> [String: QuantizationMix.Choice] {
    guard case .mix(let mix, let pure) = type else { return [:] }
    return mix.choices(
      for: tensors, of: QuantizationMix.Model(plan, hasImportance: importance != nil), pure: pure)
  }

  private func assemble(
    _ name: String, _ parts: [Part], mixType: QuantizationMix.Choice?
  ) throws -> Assembled {
    let first = parts[0]
    let rewritten = parts.contains(where: isRewritten)
    let mixesColumns = parts.contains { columnOrder($0) != nil }
    let permuted = mixesColumns || parts.contains { rowOrder($0) != nil }
    let scaled = parts.contains { factor($0) != 1 }
    let shape = shape(of: first)
    let elements = shape.reduce(1, *)
    let sourceType = first.source.tensor.type
    let sameStructure =
      plan.side == target && parts.allSatisfy { $0.source.tensor.name == first.source.tensor.name }
    let chosen =
      mixType?.type ?? chooseType(sourceType, role: first.role, changed: rewritten || scaled)
    let isFallback = mixType?.isFallback == true
    let importance = try importance(of: name, first.role, as: chosen, shape: shape)
    let lacksImportance =
      self.importance != nil && importance == nil && chosen.usesImportance
      && ![.embedding, .output].contains(first.role)

    if sameStructure, !rewritten, !permuted, chosen == sourceType {
      return Assembled(
        tensor: OutputTensor(
          name: name, type: chosen, shape: shape, contents: .copy(first.source.tensor)),
        isCopy: true, isRewritten: false, isFallback: isFallback)
    }
    let rowwise = parts.allSatisfy {
      $0.source.isRowwise && $0.name.form == .plain && $0.source.tensor.type == chosen
    }
    if !rewritten, !scaled, !mixesColumns, rowwise, let pieces = pieces(parts, type: chosen) {
      return Assembled(
        tensor: OutputTensor(name: name, type: chosen, shape: shape, contents: .pieces(pieces)),
        isCopy: false, isRewritten: false, isFallback: isFallback)
    }
    if !rewritten, !permuted, !scaled,
      let contents = pieceByPiece(name, parts, as: chosen, importance)
    {
      return Assembled(
        tensor: OutputTensor(name: name, type: chosen, shape: shape, contents: contents),
        isCopy: false, isRewritten: false, isFallback: isFallback,
        lacksImportance: lacksImportance)
    }
    let file = plan.checkpoint.path
    let contents: @Sendable () throws -> [UInt8] = { [self] in
      let values = try floats(parts, elements: elements)
      guard !rewritten || values.allSatisfy(\.isFinite) else {
        throw ConversionError.notFinite(file: file, tensor: name)
      }
      return try values.withUnsafeBufferPointer {
        try encode($0, as: chosen, tensor: name, importance: importance)
      }
    }
    return Assembled(
      tensor: OutputTensor(name: name, type: chosen, shape: shape, contents: .computed(contents)),
      isCopy: false, isRewritten: rewritten, isFallback: isFallback,
      lacksImportance: lacksImportance)
  }

  /// Rows that only change their type, a few at a time; nil where they move as well.
  private func pieceByPiece(
    _ name: String, _ parts: [Part], as type: ElementType, _ importance: ColumnImportance?
  ) -> OutputTensor.Contents? {
    let source = parts[0].source
    guard source.columns > 1, parts.allSatisfy({ $0.name.form == .plain && $0.source.isRowwise }),
      let runs = RowRuns(parts.map { (source: $0.source, rows: targetRows($0)) })
    else { return nil }
    let height = max(1, Self.pieceElements / source.columns)
    let pieces = runs.pieces(height: height)
    var next = 0
    let firstRows = pieces.map { piece in
      defer { next += piece.rows.count }
      return next
    }
    return .pieceByPiece(count: pieces.count, threads: threads) { [self] piece in
      let (source, rows) = (pieces[piece].source, pieces[piece].rows)
      let count = rows.count * source.columns
      let values = FloatBuffer(count: count)
      try source.decode(storedRows: rows, to: values.pointer)
      return try encode(
        UnsafeBufferPointer(start: values.pointer, count: count), as: type, tensor: name,
        importance: importance, firstRow: firstRows[piece])
    }
  }

  /// The shape of the output tensor that a part belongs to.
  private func shape(of part: Part) -> [Int] {
    part.role.hasRowPerToken || part.role == .positions
      ? [part.source.rows, part.source.columns]
      : layout(part.layer).storedShape(
        part.role, part.name, rows: part.source.rows, columns: part.source.columns)
  }

  /// Byte ranges of the source rows in output order, or nil where rows are not whole blocks.
  private func pieces(
    _ parts: [Part], type: ElementType
  ) -> [(source: TensorEntry, bytes: Range<Int>)]? {
    guard let rowBytes = type.byteCount(elements: parts[0].source.columns),
      let runs = RowRuns(
        parts.map { (source: $0.source, rows: targetRows($0)) }, order: parts.map(rowOrder))
    else { return nil }
    return runs.runs.map { run in
      (run.source.tensor, (run.rows.lowerBound * rowBytes)..<(run.rows.upperBound * rowBytes))
    }
  }

  /// Where a part's rows are in the output tensor, whose matrices stand one below another.
  private func targetRows(_ part: Part) -> [Range<Int>] {
    let layout = layout(part.layer)
    let first = part.place * layout.storedRows(part.name.part, rows: part.source.rows)
    return layout.ranges(part.name.part, rows: part.source.rows).map {
      ($0.lowerBound + first)..<($0.upperBound + first)
    }
  }

  /// The values of a whole output tensor in its stored order.
  private func floats(_ parts: [Part], elements: Int) throws -> [Float] {
    var result = [Float](repeating: 0, count: elements)
    let columns = parts[0].source.columns
    let height = layout(parts[0].layer).stackHeight(parts[0].role, parts[0].name) ?? 1
    let rowsOfMatrix = elements / columns / height
    for part in parts {
      var weight: [Float]
      if let layer = part.layer, isRewritten(part) {
        weight = try rewriter.weight(part.role, layer: layer)
      } else {
        weight = try part.source.decoded(threads: threads)
      }
      let factor = factor(part)
      if factor != 1 { weight = weight.map { Float(Double($0) * factor) } }
      if let columnOrder = columnOrder(part) {
        weight = weight.indices.map { $0 - $0 % columns + columnOrder[$0 % columns] }
          .map { weight[$0] }
      }
      let places = targetRows(part).flatMap { Array($0) }
      let order = rowOrder(part)
      if parts.count == 1, order == nil, part.name.form == .plain, part.name.part == nil {
        return weight
      }
      let heads = part.layer.map { plan.layers[$0].recipe.attention?.heads ?? 1 } ?? 1
      let perHead = part.source.rows / heads
      for (row, place) in places.enumerated() {
        let source = (order?[row] ?? row) * columns
        switch part.name.form {
        case .plain, .row:
          result.replaceSubrange(
            (place * columns)..<((place + 1) * columns), with: weight[source..<(source + columns)])
        case .gainMinusOne:
          result[place] = weight[source] - 1
        case .negativeLogarithm:
          result[place] = Float(log(-Double(weight[source])))
        case .transposed:
          let first = part.place * rowsOfMatrix
          for column in 0..<columns {
            result[first * columns + column * rowsOfMatrix + place - first] =
              weight[source + column]
          }
        case .transposedPerHead:
          let (head, dim) = (row / perHead, row % perHead)
          for column in 0..<columns {
            result[(head * columns + column) * perHead + dim] = weight[source + column]
          }
        }
      }
    }
    return result
  }
}
