/// How the weights of a model of one shape lie in the tensors of one container.
package struct WeightLayout: Sendable {
  package let shape: ModelShape
  package let block: BlockRecipe
  package let side: Architecture.Side
  /// Rotated dims of a head.
  package let rotaryWidth: Int

  package init(
    shape: ModelShape, block: BlockRecipe, side: Architecture.Side, rotaryWidth: Int
  ) {
    self.shape = shape
    self.block = block
    self.side = side
    self.rotaryWidth = rotaryWidth
  }

  /// Rows and columns of a weight as the model uses it.
  package func size(of role: Role) -> (rows: Int, columns: Int) {
    let queryRows = shape.heads * shape.keyWidth
    let keyRows = shape.keyValueHeads * shape.keyWidth
    let valueRows = shape.keyValueHeads * shape.valueWidth
    let still = shape.keyWidth - rotaryWidth
    let fullNorm = block.queryKeyNorm == .full
    return switch role {
    case .embedding, .output: (shape.vocabulary, shape.width)
    case .positions: (shape.context, shape.width)
    case .query: (queryRows, shape.width)
    case .key: (keyRows, shape.width)
    case .value: (valueRows, shape.width)
    case .queryBias: (queryRows, 1)
    case .keyBias: (keyRows, 1)
    case .valueBias: (valueRows, 1)
    case .attentionOutput: (shape.width, shape.heads * shape.valueWidth)
    case .queryNormGain: (fullNorm ? queryRows : shape.keyWidth, 1)
    case .keyNormGain: (fullNorm ? keyRows : shape.keyWidth, 1)
    case .queryDown: (shape.queryRank, shape.width)
    case .queryDownNormGain: (shape.queryRank, 1)
    case .queryUp: (queryRows, shape.queryRank)
    case .latentDown: (shape.latentRank + rotaryWidth, shape.width)
    case .latentNormGain: (shape.latentRank, 1)
    case .latentKeyUp: (shape.heads * still, shape.latentRank)
    case .latentValueUp: (valueRows, shape.latentRank)
    case .gate, .up: (shape.feedForward, shape.width)
    case .upBias: (shape.feedForward, 1)
    case .down: (shape.width, shape.feedForward)
    case .rotaryFactors, .rotaryFactorsShort, .rotaryFactorsLong: (rotaryWidth / 2, 1)
    case .attentionNormGain, .attentionNormBias, .attentionOutputBias, .attentionPostNormGain,
      .feedForwardNormGain, .feedForwardNormBias, .feedForwardPostNormGain, .downBias,
      .outputNormGain, .outputNormBias:
      (shape.width, 1)
    }
  }

  /// The shape of the tensor that holds the weight, fused partners included.
  package func storedShape(
    _ role: Role, _ name: WeightName, rows: Int, columns: Int
  ) -> [Int] {
    let queryRows = shape.heads * shape.keyWidth
    let keyRows = shape.keyValueHeads * shape.keyWidth
    let valueRows = shape.keyValueHeads * shape.valueWidth
    let storedRows =
      switch name.part {
      case nil: rows
      case .query, .key, .value, .queryOfHead, .keyOfHead, .valueOfHead:
        queryRows + keyRows + valueRows
      case .gate, .up: 2 * rows
      case .latentKey, .latentValue:
        shape.heads * (shape.keyWidth - rotaryWidth + shape.valueWidth)
      }
    if role.isVector { return [storedRows] }
    switch name.form {
    case .transposed: return [columns, storedRows]
    case .transposedPerHead: return [shape.heads, columns, rows / shape.heads]
    case .plain, .gainMinusOne:
      // DeepSeek's GGUF files keep the value half of kv_b as a stack of one matrix per head.
      if role == .latentValueUp, side == .gguf {
        return [shape.heads, rows / shape.heads, columns]
      }
      return [storedRows, columns]
    }
  }

  /// The stored rows that belong to a part of a fused tensor, in the order of the weight's rows.
  package func ranges(_ part: WeightName.Part?, rows: Int) -> [Range<Int>] {
    let queryRows = shape.heads * shape.keyWidth
    let keyRows = shape.keyValueHeads * shape.keyWidth
    func perHead(offset: Int, width: Int, stride: Int) -> [Range<Int>] {
      (0..<shape.heads).map { head in
        let start = head * stride + offset
        return start..<(start + width)
      }
    }
    let still = shape.keyWidth - rotaryWidth
    return switch part {
    case nil, .query, .gate: [0..<rows]
    case .key: [queryRows..<(queryRows + rows)]
    case .value: [(queryRows + keyRows)..<(queryRows + keyRows + rows)]
    case .up: [rows..<(2 * rows)]
    case .queryOfHead: perHead(offset: 0, width: shape.keyWidth, stride: 3 * shape.keyWidth)
    case .keyOfHead:
      perHead(offset: shape.keyWidth, width: shape.keyWidth, stride: 3 * shape.keyWidth)
    case .valueOfHead:
      perHead(offset: 2 * shape.keyWidth, width: shape.keyWidth, stride: 3 * shape.keyWidth)
    case .latentKey: perHead(offset: 0, width: still, stride: still + shape.valueWidth)
    case .latentValue:
      perHead(offset: still, width: shape.valueWidth, stride: still + shape.valueWidth)
    }
  }
}
