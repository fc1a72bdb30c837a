import Base
import Evaluation

/// A fit that is to be done in a conversion.
public struct FitRequest: Sendable {
  /// How the fit is done.
  public let settings: FitSettings
  /// Calibration texts, whose windows are taken in turn.
  public let sources: [TextSource]
  /// In percent of held-out perplexity: as many value pairs turn as raise it by no more; nil: those
  /// of the conversion's request.
  public let maxIncrease: Double?

  /// A fit on these texts; nil `maxIncrease` keeps the value pairs of the conversion's request.
  public init(_ settings: FitSettings, on sources: [TextSource], maxIncrease: Double? = nil) {
    self.settings = settings
    self.sources = sources
    self.maxIncrease = maxIncrease
  }
}

/// The fit of a conversion, its settings checked and its texts read.
struct ConversionFit {
  private let settings: FitSettings
  private let budget: RotationBudget?
  private let texts: [TokenizedText]
  private let threads: Int
  /// What the fit is going to be done on.
  private(set) var planned: FitReport?

  /// What is told of a fit while it runs.
  enum Step {
    /// The share of the whole fit that is done.
    case layer(Double, ConversionEvent.Work)
    case trial(RotationBudget.Trial)
  }

  /// - Throws: also for texts or settings that a fit to the plan would refuse.
  init(
    _ request: FitRequest, of model: Model, _ conversion: ConversionRequest, _ plan: ConversionPlan
  ) throws {
    settings = request.settings
    threads = conversion.threads
    budget = request.maxIncrease.map { RotationBudget(maxIncrease: $0) }
    try budget?.check(conversion, of: model)
    guard plan.siteChange != nil else {
      throw ConversionError.setting(.nothingToFit(sites: plan.sites.name))
    }
    for (index, layer) in model.plan.layers.enumerated() {
      guard let reason = layer.boundKeys ?? layer.unweighted else { continue }
      throw ConversionError.setting(.notFittable(layer: index, reason: reason))
    }
    let absorption = Absorption(plan: plan.source, target: plan.target, identities: [])
    if settings.mode == .full, let reason = absorption.objection(to: .valueBasis) {
      throw ConversionError.noFreeBasis(file: plan.source.checkpoint.path, reason: reason)
    }
    texts = try request.sources.map {
      try TokenizedText($0, for: model, threads: conversion.threads)
    }
    try Self.checkDistinct(texts)
    planned = try fit(plan).planned(on: texts)
  }

  /// One text that is given twice would count twice, and hold out what was fitted on.
  /// - Throws: `SettingFault.equalCalibrationTexts`.
  private static func checkDistinct(_ texts: [TokenizedText]) throws(ConversionError) {
    guard texts.count > 1 else { return }
    var names: [String: String] = [:]
    for text in texts {
      let hash = SourceHash.sha256(tokens: [text.tokens])
      if let known = names[hash] {
        throw .setting(.equalCalibrationTexts(known, text.name))
      }
      names[hash] = text.name
    }
  }

  /// In percent, of a search for the most value rotation.
  var maxIncrease: Double? { budget?.maxIncrease }

  /// Tokens that are used, those held out included.
  var tokens: Int { min(settings.tokens, texts.reduce(0) { $0 + $1.tokens.count }) }

  /// Fits that the work consists of, at most.
  var mostTrials: Int { budget?.trials ?? 1 }

  private func fit(_ plan: ConversionPlan) -> Fit {
    Fit(plan.source, to: plan.fitTarget, settings: settings, threads: threads)
  }

  /// Runs the fit, or the search for the most value rotation.
  func run(
    _ model: Model, _ request: ConversionRequest, _ plan: ConversionPlan, tell: (Step) -> Void
  ) throws -> RotationBudget.Choice {
    guard let budget else {
      let fitted = try run(fit(plan), trial: nil, tell: tell)
      return RotationBudget.Choice(request: request, fit: fitted, trials: [])
    }
    var trials = 0
    return try budget.choose(
      model, request, settings: settings, on: texts,
      fit: { try run($0, trial: (trials + 1, budget.trials), tell: tell) },
      onTrial: { trial in
        trials += 1
        tell(.trial(trial))
      })
  }

  /// The share of a fit's work that its layers are; the rest measures perplexities.
  private static let shareOfLayers = 0.85

  private func run(
    _ fit: Fit, trial: (number: Int, most: Int)?, tell: (Step) -> Void
  ) throws -> FittedModel {
    let layers = Double(fit.plan.layers.count)
    let (done, most) = trial.map { (Double($0.number - 1), Double($0.most)) } ?? (0, 1)
    return try fit.run(texts) { layer in
      let share = Self.shareOfLayers * Double(layer.layer + 1) / layers
      tell(.layer((done + share) / most, .fitting(layer, trial: trial)))
    }
  }

  /// Perplexity of what was written on the windows held out; `progress` gets the share of the
  /// layers done.
  func heldOutPerplexity(
    of written: Model, _ plan: ConversionPlan, progress: (Double) -> Void
  ) throws -> HeldOutPerplexity {
    let layers = Double(plan.source.layers.count)
    return try fit(plan).heldOutPerplexity(of: written, texts) { progress(Double($0) / layers) }
  }
}
