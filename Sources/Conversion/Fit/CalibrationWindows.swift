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
      throw ConversionError.usage(
        "--calibrate-ctx is \(settings.context), expected at least 4")
    }
    let count = settings.tokens / settings.context
    guard count >= 2 * texts.count else {
      throw ConversionError.usage(
        "--calibrate-tokens is \(settings.tokens), expected at least two windows of"
          + " \(settings.context)" + (texts.count > 1 ? " for each of \(texts.count) texts" : ""))
    }
    let all = try texts.map { try WindowPlan(context: settings.context).windows(of: $0) }
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
    sequences = places.map { place in
      var ids = Array(texts[place.text].tokens[place.window.tokens])
      if let first = texts[place.text].windowStart { ids[0] = first }
      return ids
    }
    let name = texts.map(\.name).joined(separator: ", ")
    let inputs = plan.shape.heads * plan.shape.valueWidth
    guard fitted * context >= inputs else {
      throw ConversionError.calibration(
        text: name,
        problem: "\(places.count) windows of \(context) tokens leave \(fitted * context) to fit"
          + " \(inputs) inputs of an output matrix on, expected at least \(inputs)")
    }
    let distinct = Set(sequences.prefix(fitted).joined()).count
    guard distinct >= plan.shape.valueWidth else {
      throw ConversionError.calibration(
        text: name,
        problem: "only \(distinct) different tokens: the statistics are singular, expected at"
          + " least \(plan.shape.valueWidth)")
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
        hash: SourceHash.sha256(tokens: [text.tokens]), tokens: tokens(places[..<fitted]),
        heldOutTokens: tokens(places[fitted...]))
    }
  }

  /// Perplexity of the windows held out.
  /// - Parameters:
  ///   - states: hidden states behind the last layer.
  ///   - first: the index among `states` of the first window held out.
  func perplexity(
    _ states: ForwardPass.HiddenStates, first: Int, plan: ModelPlan, threads: Int
  ) throws -> HeldOutPerplexity {
    let scorer = TargetScorer(blocks: LogitBlocks(plan: plan, threads: threads))
    var rows: [Int] = []
    var targets: [Int32] = []
    var owners: [Int] = []
    for (index, place) in places[fitted...].enumerated() {
      for target in place.window.targets {
        rows.append(states.starts[first + index] + target - 1)
        targets.append(texts[place.text].tokens[place.window.tokens.lowerBound + target])
        owners.append(place.text)
      }
    }
    let nats = try scorer.negativeLogLikelihoods(
      states, rows: rows, counts: places[fitted...].map(\.window.targets.count), targets: targets)
    let byText = texts.indices.map { text in
      let own = zip(nats, owners).filter { $0.1 == text }.map(\.0)
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
