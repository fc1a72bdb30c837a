import Inference
import Models
import Rotary
import Tensors

/// How far every head looks, and what rotating each value pair would do to the attention's output.
package struct AttentionAnalysis: Sendable {
  package var windows: WindowPlan
  /// The value rotation to look at; its sites are taken as qkvo.
  package var rotary: RotaryRequest
  package var threads: Int
  /// Distances, octaves, coherence and what is predicted from them are of every so many queries of a
  /// window, its last among them.
  package var queryStep: Int

  package init(
    windows: WindowPlan = WindowPlan(limit: 8), rotary: RotaryRequest = .asStored, threads: Int = 1,
    queryStep: Int = 1
  ) {
    self.windows = windows
    self.rotary = rotary
    self.threads = threads
    self.queryStep = queryStep
  }

  /// One layer's findings.
  package struct Layer: Sendable {
    package let layer: Int
    /// Radians per position of every pair; 0: it stays still.
    package let frequencies: [Double]
    package let heads: [Head]
    /// Per pair, the change of the attention's output that its rotation alone makes, nothing being
    /// refitted, as a share of the output's energy: predicted from distances and second moments.
    package let predicted: [Double]
    /// The same, measured: `E|sum_h W_o^h (z - o)|^2 / E|sum_h W_o^h o|^2` over the pair's dims.
    package let measured: [Double]
    /// Per pair, what no linear refit is predicted to bring back.
    package let lost: [Double]
  }

  /// One head's attention.
  package struct Head: Sendable {
    /// Tokens.
    package let meanDistance: Double
    /// Attention at distances 0, 1, 2-3, 4-7, 8-15, ...; with what the sink takes the sum is 1.
    package let mass: [Double]
    /// Attention that the head's sink takes; nil where the layer has none.
    package let sink: Double?
    /// `|E e^{i theta Delta}|` of every pair.
    package let coherence: [Double]
  }

  /// Analyses every layer of a model on a text; `onLayer` is called after each.
  /// - Throws: `EvaluationError.usage` for a model whose values rotate already, for a variant in which
  ///   none does, or for a step of queries below 1; `ModelError.notFinite` for a layer whose attention is not finite.
  package func run(
    _ model: Model, on text: TokenizedText, onLayer: (Layer) -> Void = { _ in }
  ) throws -> [Layer] {
    let plan = model.plan
    guard queryStep >= 1 else {
      throw EvaluationError.usage("one query in \(queryStep) cannot be taken: expected at least 1")
    }
    guard !plan.rotary.sites.rotatesMessage else {
      throw EvaluationError.usage("analyze is for models whose values do not rotate yet")
    }
    for (index, layer) in plan.layers.enumerated() {
      guard let reason = layer.boundKeys ?? layer.unweighted else { continue }
      throw EvaluationError.usage("layer \(index) cannot be analyzed: \(reason)")
    }
    var request = rotary
    request.sites = .all
    let target = try plan.rotary.applying(request, length: windows.context)
    guard target.valueTable != nil else {
      throw EvaluationError.usage("the model has no rotary pairs")
    }
    let sequences = try text.sequences(windows.windows(of: text))
    let stream = try LayerStream(ForwardPass(plan: plan, threads: threads), sequences)
    let plain = FloatBuffer(count: stream.rows * plan.capacity.outputs)
    let turned = FloatBuffer(count: stream.rows * plan.capacity.outputs)
    return try plan.layers.indices.compactMap { index in
      let weights = try LayerWeights(plan.layers[index], threads: threads)
      guard let attention = plan.layers[index].recipe.attention else {
        let passed = try stream.layer(index, weights)
        passed.project()
        try passed.finish()
        return nil
      }
      let inputs = attention.outputColumns
      let rotated = try stream.layer(index, weights, as: target)
      rotated.project()
      rotated.attend(into: turned)
      let own = try stream.layer(index, weights)
      own.project()
      own.attend(into: plain)
      let reach = own.reach(every: queryStep)
      var difference = turned.pointer
      var outputs = plain.pointer
      for _ in 0..<(stream.rows * inputs) {
        difference.pointee -= outputs.pointee
        difference += 1
        outputs += 1
      }
      var changes = CrossMoment(inputs, inputs)
      var moments = CrossMoment(inputs, inputs)
      for (buffer, isChange) in [(turned, true), (plain, false)] {
        var moment = CrossMoment(inputs, inputs)
        moment.add(
          buffer.pointer, aStride: inputs, buffer.pointer, bStride: inputs, rows: stream.rows,
          threads: threads)
        if isChange { changes = moment } else { moments = moment }
      }
      try own.update(from: plain)
      let layer = try findings(
        plan, attention, index, rotation: target.layers[index].value, reach: reach,
        moments: moments.sum,
        changes: changes.sum)
      onLayer(layer)
      return layer
    }
  }

  private func findings(
    _ plan: ModelPlan, _ attention: AttentionRecipe, _ index: Int, rotation: ValueRotation?,
    reach: AttentionReach,
    moments: DoubleMatrix, changes: DoubleMatrix
  ) throws -> Layer {
    let frequencies = rotation?.frequencies ?? []
    var output = DoubleMatrix(rows: plan.shape.width, columns: attention.outputColumns)
    if let source = plan.layers[index][.attentionOutput] {
      output.values = try source.decoded().map { Double($0) }
    }
    let gram = output.transposed() * output
    let energy = zip(gram.values, moments.values).reduce(0) { $0 + $1.0 * $1.1 }
    guard energy.isFinite else { throw Self.notFinite(plan, index) }
    func share(_ value: Double) -> Double { energy > 0 ? max(value, 0) / energy : 0 }

    var predicted: [Double] = []
    var measured: [Double] = []
    var lost: [Double] = []
    for (pair, frequency) in frequencies.enumerated() {
      guard let (x, y) = rotation?.layout.dims(ofPair: pair, pairs: frequencies.count) else {
        break
      }
      let dims = (0..<attention.heads).flatMap {
        [$0 * attention.valueWidth + x, $0 * attention.valueWidth + y]
      }
      var (disturbed, gone, found) = (0.0, 0.0, 0.0)
      for one in dims {
        let head = one / attention.valueWidth
        let weight = gram[one, one] * moments[one, one]
        disturbed += weight * reach.disturbance(head: head, frequency: frequency)
        gone += weight * (1 - reach.survival(head: head, frequency: frequency))
        for two in dims { found += gram[one, two] * changes[one, two] }
      }
      guard disturbed.isFinite, found.isFinite, gone.isFinite else {
        throw Self.notFinite(plan, index)
      }
      predicted.append(share(disturbed))
      measured.append(share(found))
      lost.append(share(gone))
    }
    return Layer(
      layer: index, frequencies: frequencies,
      heads: (0..<attention.heads).map { head in
        Head(
          meanDistance: reach.meanDistance(head: head), mass: Self.octaves(reach.mass[head]),
          sink: plan.layers[index].hasSinks ? reach.sinks[head] : nil,
          coherence: frequencies.map { reach.coherence(head: head, frequency: $0) })
      }, predicted: predicted, measured: measured, lost: lost)
  }

  private static func notFinite(_ plan: ModelPlan, _ layer: Int) -> ModelError {
    .notFinite(file: plan.checkpoint.path, what: "the attention of layer \(layer)")
  }

  /// Sums over distances 0, 1, 2-3, 4-7, ...
  private static func octaves(_ mass: [Double]) -> [Double] {
    var sums: [Double] = []
    for (distance, weight) in mass.enumerated() {
      let octave = distance == 0 ? 0 : Int.bitWidth - distance.leadingZeroBitCount
      while sums.count <= octave { sums.append(0) }
      sums[octave] += weight
    }
    return sums
  }
}
