import Models
import Rotary

/// Scores a text at several lengths, with every model and every frequency scaling.
package struct PerplexitySweepEvaluation {
  package var lengths: [Int]
  package var targets: PerplexitySweep.Targets
  /// How the text is cut; each length takes the place of its context.
  package var windows: WindowPlan
  /// The position of every window's first token.
  package var start: Int
  /// The names of the scalings, which `variant` knows.
  package var scalings: [String]
  /// Tokens that the models reach without scaling; nil: what each was trained on before its own.
  package var originalContext: Int?
  package var options: RunOptions
  /// The variant of a model with a scaling and its factor.
  package var variant: (ModelPlan, _ scaling: String, _ factor: Double) throws -> RotaryRequest

  package init(
    lengths: [Int], targets: PerplexitySweep.Targets = .same, windows: WindowPlan = WindowPlan(),
    start: Int = 0, scalings: [String], originalContext: Int? = nil,
    options: RunOptions = RunOptions(),
    variant: @escaping (ModelPlan, _ scaling: String, _ factor: Double) throws -> RotaryRequest
  ) {
    self.lengths = lengths
    self.targets = targets
    self.windows = windows
    self.start = start
    self.scalings = scalings
    self.originalContext = originalContext
    self.options = options
    self.variant = variant
  }

  private var longest: Int { lengths.max() ?? windows.context }

  /// One model is open at a time.
  /// - Parameters:
  ///   - models: paths.
  ///   - source: the text.
  ///   - open: opens the model at a path.
  ///   - onCurve: called before each curve with the longest length and the variant there.
  ///   - progress: called with the share done of everything, and the scaling and length at work.
  /// - Returns: a curve for every model and scaling.
  /// - Throws: what opening a model and `PerplexityEvaluation.run` throw.
  package func run(
    _ models: [String], on source: TextSource,
    opening open: (String) throws -> Model = { try Model(opening: $0) },
    onCurve: (Model, _ longest: Int, RotaryRequest) throws -> Void = { _, _, _ in },
    progress: (Double, _ scaling: String, _ length: Int) -> Void = { _, _, _ in }
  ) throws -> PerplexitySweep {
    let clock = ContinuousClock()
    let began = clock.now
    // Read once: a pipe has nothing for a second model.
    let source = try source.loaded()
    // Shares of the whole by what each length costs; the models, of which one is open, count alike.
    var done = 0.0
    var sweep = PerplexitySweep(text: source.name, targets: targets)
    for path in models {
      let model = try open(path)
      let text = try TokenizedText(source, for: model, threads: options.threads)
      let cost = UnitCost(model.plan)
      let costs = try lengths.map { length in
        try windows(of: length).windows(of: text).reduce(0) { $0 + cost.of($1.tokens.count) }
      }
      let total = costs.reduce(0, +) * Double(models.count * scalings.count)
      for scaling in scalings {
        try onCurve(model, longest, rotary(model, scaling, longest))
        var curve = PerplexitySweep.Curve(model: path, scaling: scaling)
        for (length, cost) in zip(lengths, costs) {
          let evaluation = PerplexityEvaluation(
            windows: windows(of: length), rotary: try rotary(model, scaling, length), start: start,
            options: options)
          curve.points.append(
            try evaluation.run(model, on: text) { point in
              let share = point.tokens / Double(max(point.totalTokens, 1))
              progress(done + share * cost / total, scaling, length)
            })
          done += cost / total
        }
        sweep.curves.append(curve)
      }
    }
    sweep.seconds = (clock.now - began) / .seconds(1)
    return sweep
  }

  /// The factor that a scaling needs for a length is the length over what it stretches.
  private func rotary(_ model: Model, _ scaling: String, _ length: Int) throws -> RotaryRequest {
    let original = originalContext ?? model.plan.originalContext
    return try variant(model.plan, scaling, max(Double(length) / Double(max(original, 1)), 1))
  }

  private func windows(of length: Int) -> WindowPlan {
    var windows = windows
    windows.context = length
    if targets == .same, length < longest { windows.targetContext = longest }
    return windows
  }
}
