import Base
import Evaluation
import Foundation
import Inference
import Models

/// The windows of calibration texts: the last fifth of each text's is held out.
struct CalibrationWindows {
  /// A window of one of the texts.
  private struct Place {
    let text: Int
    let window: Window
  }

  let sequences: [[Int32]]
  private let texts: [TokenizedText]
  private let places: [Place]
  /// Windows fitted on come first.
  let fitted: Int
  let context: Int

  /// - Throws: `ConversionError.calibration` where a text holds too little.
  init(_ texts: [TokenizedText], _ settings: FitSettings, for plan: ModelPlan) throws {
    guard settings.context >= 4 else {
      throw ConversionError.setting(.calibrationContext(settings.context))
    }
    let count = settings.tokens / settings.context
    guard count >= 2 * texts.count else {
      throw ConversionError.setting(
        .calibrationTokens(settings.tokens, context: settings.context, texts: texts.count))
    }
    let all = try texts.map {
      try WindowPlan(context: settings.context).windows(of: $0, for: .calibration)
    }
    let quotas = Self.quotas(count, of: all.map(\.count))
    var kept: [[Place]] = []
    var heldOut: [[Place]] = []
    for (text, windows) in all.enumerated() {
      let quota = quotas[text]
      if texts.count > 1, quota < 2 {
        throw ConversionError.calibration(
          text: texts[text].name,
          problem: "it has one window of \(settings.context) tokens, expected at least two: one is"
            + " held out")
      }
      // Spread over the whole text: the windows of one article know little of others.
      let chosen = (0..<quota).map {
        Place(text: text, window: windows[$0 * windows.count / quota])
      }
      let last = max(1, quota / 5)
      kept.append(Array(chosen.dropLast(last)))
      heldOut.append(Array(chosen.suffix(last)))
    }
    self.texts = texts
    places = Self.inTurn(kept) + Self.inTurn(heldOut)
    context = settings.context
    fitted = kept.reduce(0) { $0 + $1.count }
    sequences = places.flatMap { texts[$0.text].sequences([$0.window]) }
    let name = texts.map(\.name).joined(separator: ", ")
    let (inputs, width) = (plan.capacity.outputs, plan.capacity.valueWidth)
    guard fitted * context >= inputs else {
      throw ConversionError.calibration(
        text: name,
        problem: "\(places.count) windows of \(context) tokens leave \(fitted * context) to fit"
          + " \(inputs) inputs of an output matrix on, expected at least \(inputs)")
    }
    let distinct = Set(sequences.prefix(fitted).joined()).count
    guard distinct >= width else {
      throw ConversionError.calibration(
        text: name,
        problem: "only \(distinct) different tokens: the statistics are singular, expected at"
          + " least \(width)")
    }
  }

  /// How many windows each text gives: in turn, as long as it has any.
  private static func quotas(_ count: Int, of available: [Int]) -> [Int] {
    var quotas = [Int](repeating: 0, count: available.count)
    var left = min(count, available.reduce(0, +))
    while left > 0 {
      for text in quotas.indices where left > 0 && quotas[text] < available[text] {
        quotas[text] += 1
        left -= 1
      }
    }
    return quotas
  }

  /// One of each list, then the next of each, so that no text's windows come last.
  private static func inTurn(_ lists: [[Place]]) -> [Place] {
    (0..<(lists.map(\.count).max() ?? 0)).flatMap { index in
      lists.compactMap { index < $0.count ? $0[index] : nil }
    }
  }

  /// Rows of a stream of all sequences that are fitted on; the others are held out.
  var fittedRows: Int { fitted * context }
  var heldOutRows: Int { (sequences.count - fitted) * context }

  /// What each text gives, before anything is measured on it.
  func reports() -> [FitReport.Text] {
    texts.enumerated().map { index, text in
      func tokens(_ places: ArraySlice<Place>) -> Int {
        context * places.count { $0.text == index }
      }
      return FitReport.Text(
        name: URL(fileURLWithPath: text.name).lastPathComponent,
        textHash: text.sourceHash, hash: SourceHash.sha256(tokens: [text.tokens]),
        tokens: tokens(places[..<fitted]),
        heldOutTokens: tokens(places[fitted...]))
    }
  }

  /// Perplexity of the windows held out, where `states` are hidden states after the last layer and
  /// `first` is the index among them of the first window held out.
  func perplexity(
    _ states: ForwardPass.HiddenStates, first: Int, plan: ModelPlan, threads: Int
  ) throws -> HeldOutPerplexity {
    let scorer = TargetScorer(blocks: LogitBlocks(plan: plan, threads: threads))
    let heldOut = places[fitted...]
    let scored = ScoredPlaces(
      Array(sequences[fitted...]), heldOut.map(\.window.targets), in: states,
      first: first)
    let nats = try scorer.negativeLogLikelihoods(states, at: scored)
    let windows = zip(heldOut, scored.bySequence(nats))
    let byText = texts.indices.map { text in
      let own = windows.filter { $0.0.text == text }.flatMap(\.1)
      return exp(own.reduce(0, +) / Double(own.count))
    }
    return HeldOutPerplexity(all: exp(nats.reduce(0, +) / Double(nats.count)), byText: byText)
  }
}

/// Perplexity on the windows that a fit held out, of all texts and of each.
package struct HeldOutPerplexity: Sendable {
  package let all: Double
  package let byText: [Double]
}
