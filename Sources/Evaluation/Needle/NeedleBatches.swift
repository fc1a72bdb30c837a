import Inference
import Models

/// How trials of one length come into batches: those that begin alike together, since what they have
/// in common is computed once in a batch.
struct NeedleBatches {
  private let length: Int
  private let passages: NeedleEvaluation.Passages
  /// Trials of a batch where nothing is shared.
  private let size: Int
  /// Nil where nothing is shared, or a batch of so many trials was asked for.
  private let sharing: Sharing?

  private struct Sharing {
    /// Tokens in flight.
    let tokens: Int
    /// What the keys and values of shared tokens take, once more for each trial, of a token's memory;
    /// 0 without a cap of memory.
    let gathered: Double
  }

  /// - Throws: `EvaluationError.setting` where the memory asked for does not suffice for one trial.
  init(
    length: Int, _ passages: NeedleEvaluation.Passages, of plan: ModelPlan, _ options: RunOptions
  ) throws(EvaluationError) {
    self.length = length
    self.passages = passages
    size = try options.batch(for: [plan], context: length)
    let estimate = MemoryEstimate(
      plan: plan, arithmetic: options.arithmetic, threads: options.threads)
    let isCapped = options.memory != nil
    sharing =
      options.batch == nil && SharedPrefixes.apply(to: plan)
      ? Sharing(
        tokens: max(size * length, isCapped ? 0 : RunOptions.tokensInFlight),
        gathered: isCapped
          ? Double(estimate.bytesPerGatheredToken) / Double(estimate.bytesPerToken) : 0) : nil
  }

  /// - Parameters:
  ///   - units: numbers of trials.
  ///   - cell: the place of each in the grid.
  /// - Returns: all of them, batch by batch.
  func batches(_ units: [Int], _ cell: (Int) -> NeedleResult.Cell) -> [[Int]] {
    let ordered = units.sorted {
      order(cell($0)).lexicographicallyPrecedes(order(cell($1)))
    }
    guard let sharing else { return ordered.batches(of: size) }
    var batches: [[Int]] = []
    var used = 0.0
    for unit in ordered {
      let others = batches.last?.map(cell) ?? []
      let part = sharedPart(cell(unit), others)
      let taken = Double(length) * (part > 0 ? 1 - part + sharing.gathered : 1)
      if !others.isEmpty, used + taken <= Double(sharing.tokens) {
        batches[batches.count - 1].append(unit)
        used += taken
      } else {
        batches.append([unit])
        used = Double(length)
      }
    }
    return batches
  }

  /// The longest beginnings first, each beside those that share it.
  private func order(_ cell: NeedleResult.Cell) -> [Double] {
    switch passages {
    case .own: [Double(cell.trial), -cell.depth]
    case .one: [-cell.depth, Double(cell.trial)]
    }
  }

  /// About what part of a trial others begin with too: all before the first of their needles.
  private func sharedPart(_ cell: NeedleResult.Cell, _ others: [NeedleResult.Cell]) -> Double {
    let depths = others.filter { passages == .one || $0.trial == cell.trial }
      .map { min($0.depth, cell.depth) }
    return (depths.max() ?? 0) / 100
  }
}
