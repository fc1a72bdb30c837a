import Models
import Tensors

/// Memory for queries, keys and values of a whole batch within one layer, which layers use in turn.
struct ActivationMemory: Sendable {
  fileprivate enum KeyValues: Sendable {
    /// [rows, key rows] and [rows, value rows]
    case float32(keys: FloatBuffer, values: FloatBuffer)
    /// Rounded, [keyValueHeads, rows, keyWidth] and [keyValueHeads, rows, valueWidth]
    case factors(keys: FactorBuffer, values: FactorBuffer)
  }

  /// [rows, query rows]
  let queries: FloatBuffer
  /// [rows, 2, value heads] of a delta rule: the logarithm of what is kept of the past, and how much of
  /// what a key gives is corrected.
  let rates: FloatBuffer
  fileprivate let keyValues: KeyValues
  /// Of layers that have such; their keys and values are not among the others.
  fileprivate let shared: SharedVectorMemory?
  /// Rows of keys and values.
  fileprivate let rows: Int

  /// Memory for `rows` rows of layers up to the sizes of `capacity`, `keyRows` of keys and values
  /// where those are more; `other` is memory whose queries and rates layers use in turn with these.
  init(
    _ capacity: LayerCapacity, rows: Int, keyRows: Int? = nil, arithmetic: Arithmetic = .float32,
    sharing other: ActivationMemory? = nil
  ) {
    self.rows = keyRows ?? rows
    rates = other?.rates ?? FloatBuffer(count: 2 * rows * capacity.ruleHeads)
    shared = SharedVectorMemory(capacity.shared, rows: rows)
    queries = other?.queries ?? FloatBuffer(count: rows * capacity.queries)
    let keys = max(self.rows * capacity.keys, 1)
    let values = max(self.rows * capacity.values, 1)
    keyValues =
      switch arithmetic {
      case .float32:
        .float32(keys: FloatBuffer(count: keys), values: FloatBuffer(count: values))
      case .bfloat16:
        .factors(
          keys: FactorBuffer(arithmetic, count: keys),
          values: FactorBuffer(arithmetic, count: values))
      }
  }
}

extension ModelPlan {
  /// How keys and values are kept where other products are in `arithmetic`: decay attention has them in
  /// float32.
  func attends(in arithmetic: Arithmetic) -> Arithmetic { decays ? .float32 : arithmetic }
}

/// Queries, keys and values of a whole batch within one layer.
struct LayerActivations: Sendable {
  private let memory: ActivationMemory
  private let keyWidth: Int
  private let valueWidth: Int
  private let heads: Int

  init(_ memory: ActivationMemory, of attention: AttentionRecipe) {
    self.memory = memory
    keyWidth = attention.keyWidth
    valueWidth = attention.valueWidth
    heads = attention.keyValueHeads
  }

  /// [rows, heads * keyWidth]
  var queries: FloatBuffer { memory.queries }

  /// Of a delta rule, [rows, 2, value heads].
  var rates: FloatBuffer { memory.rates }

  /// float32 keys and values of all rows, where products are float32; nil where they are rounded.
  var plain: (keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>)? {
    guard case .float32(let keys, let values) = memory.keyValues else { return nil }
    return (keys.pointer, values.pointer)
  }

  var shared: SharedVectorMemory? { memory.shared }

  /// Takes a row of the same layer's work on other rows, in float32.
  func take(row source: Int, of other: LayerActivations, to target: Int, _ layer: AttentionRecipe) {
    func copy(
      _ from: UnsafeMutablePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ width: Int
    ) {
      (to + target * width).update(from: from + source * width, count: width)
    }
    copy(other.queries.pointer, queries.pointer, layer.queryRows)
    if layer.sharedVector != nil, let from = other.shared, let to = shared {
      to.take(row: source, of: from, to: target, layer)
    } else if let from = other.plain, let to = plain {
      copy(from.keys, to.keys, layer.keyRows)
      copy(from.values, to.values, layer.valueRows)
    }
  }

  /// Where to compute the keys and values of rows from `row` on: in place, or in the scratch, from
  /// which `round` takes them.
  func target(
    row: Int, _ scratch: LayerScratch
  ) -> (keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>) {
    guard let plain else { return (scratch.keys.pointer, scratch.values.pointer) }
    return (
      plain.keys + row * heads * keyWidth,
      plain.values + row * heads * valueWidth
    )
  }

  /// Takes computed rows out of the scratch, where products are not float32.
  func round(row: Int, count: Int, _ scratch: LayerScratch) {
    guard case .factors(let keys, let values) = memory.keyValues else { return }
    for head in 0..<heads {
      let first = head * memory.rows + row
      keys.put(
        scratch.keys.pointer + head * keyWidth, stride: heads * keyWidth,
        rows: count, width: keyWidth, first: first * keyWidth)
      values.put(
        scratch.values.pointer + head * valueWidth,
        stride: heads * valueWidth, rows: count, width: valueWidth,
        first: first * valueWidth)
    }
  }

  /// Brings keys and values of rows together that do not follow each other.
  func gather(_ gathered: SequenceBatch.Gathered) {
    var target = gathered.keyStart
    for rows in gathered.rows {
      copy(rows, to: target)
      target += rows.count
    }
  }

  private func copy(_ rows: Range<Int>, to target: Int) {
    switch memory.keyValues {
    case .float32(let keys, let values):
      for (buffer, width) in [(keys, heads * keyWidth), (values, heads * valueWidth)] {
        (buffer.pointer + target * width).update(
          from: buffer.pointer + rows.lowerBound * width, count: rows.count * width)
      }
    case .factors(let keys, let values):
      for head in 0..<heads {
        let first = head * memory.rows
        for (buffer, width) in [(keys, keyWidth), (values, valueWidth)] {
          buffer.copy(
            from: (first + rows.lowerBound) * width, to: (first + target) * width,
            count: rows.count * width)
        }
      }
    }
  }

  /// Keys of one KV head, as factors.
  func keys(head: Int, row: Int, count: Int) -> Factors {
    switch memory.keyValues {
    case .float32(let keys, _):
      let stride = heads * keyWidth
      return Factors(
        keys.pointer + row * stride + head * keyWidth, stride: stride, rows: count,
        width: keyWidth)
    case .factors(let keys, _):
      return keys.rows(count, width: keyWidth, first: (head * memory.rows + row) * keyWidth)
    }
  }

  /// Values of one KV head, as factors.
  func values(head: Int, row: Int, count: Int) -> Factors {
    switch memory.keyValues {
    case .float32(_, let values):
      let stride = heads * valueWidth
      return Factors(
        values.pointer + row * stride + head * valueWidth, stride: stride, rows: count,
        width: valueWidth)
    case .factors(_, let values):
      return values.rows(
        count, width: valueWidth, first: (head * memory.rows + row) * valueWidth)
    }
  }
}

/// What one thread needs for one unit of rows.
struct LayerScratch: Sendable {
  /// [rows, width]: the normed input of a sublayer.
  let normed: FactorBuffer
  /// [rows, heads * valueWidth]: the heads' outputs.
  let attended: FloatBuffer
  /// Rows on their way into a product that are not in its form yet.
  let factors: FactorBuffer
  /// [rows, width]: what a sublayer adds to the residual stream.
  let update: FloatBuffer
  /// [rows, feedForward], twice, and what the activation makes of them.
  let gate: FloatBuffer
  let up: FloatBuffer
  let activated: FactorBuffer
  /// [rows, latent rank + shared key] and the keys' still dims of all heads, for latent attention.
  let latent: FloatBuffer
  let stillKeys: FloatBuffer
  let queryDown: FloatBuffer
  /// Of layers of experts: the router's input where the experts' is rounded, [rows, width], its logits,
  /// [rows, experts], and the rows that go to one expert.
  let routed: FloatBuffer
  let logits: FloatBuffer
  let gathered: FactorBuffer
  /// Keys and values of the unit before they are rounded.
  let keys: FloatBuffer
  let values: FloatBuffer
  /// Of several residual streams: a unit's, normed, what their weights are made of, the sum that a
  /// sublayer reads, and one row while it mixes.
  let streams: FactorBuffer
  let connections: FloatBuffer
  let collapsed: FloatBuffer
  let mixed: FloatBuffer
  let attention: AttentionTile
  let rule: DeltaRuleTile
  let decay: DecayTile
  /// [rows, outputs]: what the outputs of a mixer are multiplied by.
  let outputGate: FloatBuffer
  /// Of a model with shared vectors.
  let shared: SharedVectorScratch?

  /// Memory for units of at most `rows` rows.
  init(_ plan: ModelPlan, rows: Int, arithmetic: Arithmetic = .float32) {
    let (width, capacity) = (plan.shape.width, plan.capacity)
    let rounds = arithmetic != .float32
    let attending = plan.attends(in: arithmetic)
    func rounded(_ count: Int) -> Int { rounds ? count : 1 }
    normed = FactorBuffer(arithmetic, count: rows * width)
    attended = FloatBuffer(count: rows * capacity.outputs)
    factors = FactorBuffer(
      arithmetic,
      count: max(
        rounded(rows * max(capacity.outputs, width, capacity.shared.outputs)),
        rows * max(capacity.queryRank, capacity.latentRank), 1))
    update = FloatBuffer(count: rows * width)
    gate = FloatBuffer(count: rows * capacity.feedForward)
    up = FloatBuffer(count: rows * capacity.feedForward)
    activated = FactorBuffer(arithmetic, count: rows * capacity.feedForward, sharing: up)
    latent = FloatBuffer(count: rows * capacity.latentRow)
    stillKeys = FloatBuffer(count: rows * capacity.stillKeys)
    queryDown = FloatBuffer(count: rows * capacity.queryRank)
    shared = SharedVectorScratch(capacity.shared, rows: rows)
    let ofExperts = capacity.experts > 0 ? rows * width : 1
    let routesApart = plan.layers.contains(where: \.recipe.hasDenseBesideExperts)
    routed = FloatBuffer(count: routesApart ? ofExperts : rounded(ofExperts))
    logits = FloatBuffer(count: rows * capacity.experts)
    gathered = FactorBuffer(arithmetic, count: ofExperts)
    keys = FloatBuffer(count: rounded(rows * capacity.keys))
    values = FloatBuffer(count: rounded(rows * capacity.values))
    let coefficients = plan.shape.hyperConnections?.coefficients ?? 0
    func ofStreams(_ count: Int) -> Int { coefficients > 0 ? count : 1 }
    streams = FactorBuffer(.float32, count: ofStreams(rows * plan.shape.streamWidth))
    connections = FloatBuffer(count: ofStreams(rows * coefficients))
    collapsed = FloatBuffer(count: ofStreams(rows * width))
    mixed = FloatBuffer(count: ofStreams(plan.shape.streamWidth))
    attention = AttentionTile(
      groups: Set(plan.layers.compactMap { $0.recipe.attention?.groupSize }), capacity: capacity,
      arithmetic: attending)
    decay = DecayTile(capacity)
    rule = DeltaRuleTile(capacity)
    outputGate = FloatBuffer(count: rows * capacity.gates)
  }
}
