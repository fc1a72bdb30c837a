import Evaluation
import Foundation
import Inference

/// The windows of a calibration text: the last fifth is held out.
struct CalibrationWindows {
  let sequences: [[Int32]]
  let windows: [Window]
  /// Windows fitted on come first.
  let fitted: Int
  let context: Int

  /// - Throws: `ConversionError.calibration` where the text holds too little.
  init(_ text: TokenizedText, _ settings: FitSettings, for plan: ModelPlan) throws {
    guard settings.context >= 4 else {
      throw ConversionError.usage(
        "--calibrate-ctx is \(settings.context), expected at least 4")
    }
    let count = settings.tokens / settings.context
    guard count >= 2 else {
      throw ConversionError.usage(
        "--calibrate-tokens is \(settings.tokens), expected at least two windows of"
          + " \(settings.context)")
    }
    // Spread over the whole text: the windows of one article know little of others.
    let all = try WindowPlan(context: settings.context).windows(of: text)
    let chosen = min(count, all.count)
    windows = (0..<chosen).map { all[$0 * all.count / chosen] }
    context = settings.context
    fitted = windows.count - max(1, windows.count / 5)
    sequences = windows.map { window in
      var ids = Array(text.tokens[window.tokens])
      if let first = text.windowStart { ids[0] = first }
      return ids
    }
    let inputs = plan.shape.heads * plan.shape.valueWidth
    guard fitted * context >= inputs else {
      throw ConversionError.calibration(
        text: text.name,
        problem: "\(windows.count) windows of \(context) tokens leave \(fitted * context) to fit"
          + " \(inputs) inputs of an output matrix on, expected at least \(inputs)")
    }
    let distinct = Set(sequences.prefix(fitted).joined()).count
    guard distinct >= plan.shape.valueWidth else {
      throw ConversionError.calibration(
        text: text.name,
        problem: "only \(distinct) different tokens: the statistics are singular, expected at"
          + " least \(plan.shape.valueWidth)")
    }
  }

  /// Rows of a stream of all sequences that are fitted on; the others are held out.
  var fittedRows: Int { fitted * context }
  var heldOutRows: Int { (sequences.count - fitted) * context }

  /// Perplexity of the windows held out.
  /// - Parameters:
  ///   - states: hidden states behind the last layer.
  ///   - first: the index among `states` of the first window held out.
  func perplexity(
    _ states: ForwardPass.HiddenStates, first: Int, text: TokenizedText, plan: ModelPlan,
    threads: Int
  ) throws -> Double {
    let scorer = TargetScorer(blocks: LogitBlocks(plan: plan, threads: threads))
    var rows: [Int] = []
    var targets: [Int32] = []
    for (index, window) in windows[fitted...].enumerated() {
      for target in window.targets {
        rows.append(states.starts[first + index] + target - 1)
        targets.append(text.tokens[window.tokens.lowerBound + target])
      }
    }
    let nats = try scorer.negativeLogLikelihoods(
      states, rows: rows, counts: windows[fitted...].map(\.targets.count), targets: targets)
    return exp(nats.reduce(0, +) / Double(nats.count))
  }
}
