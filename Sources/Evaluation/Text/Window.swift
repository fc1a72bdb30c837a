/// Which targets of a window are scored.
public enum ScoredTargets: String, Sendable, CaseIterable {
  /// The targets at N/2+1 ... N-1 of a window of N tokens, as llama-perplexity does.
  case secondHalf = "second-half"
  /// The targets at 1 ... N-1.
  case all
}

/// A run of tokens evaluated alone, and the targets scored in it.
package struct Window: Sendable, Equatable {
  /// Number of the window, from 0.
  package let index: Int
  /// Tokens of the text it covers.
  package let tokens: Range<Int>
  /// Scored positions within the window; each is predicted from the one before it.
  package let targets: Range<Int>
}

/// How a text is cut into windows.
public struct WindowPlan: Sendable, Equatable {
  /// Tokens of a window.
  public var context: Int
  /// The first so many windows only; nil: all.
  public var limit: Int?
  /// Which targets of each window are scored.
  public var scored: ScoredTargets
  /// Windows start at multiples of this and every target is scored once; nil: windows do not overlap.
  public var stride: Int?
  /// The targets are those of windows of so many tokens, no fewer than `context`, of which `limit`
  /// counts the first ones; each is predicted with at most `context` tokens before it. Plans that
  /// differ in `context` alone score the same targets. Nil: windows choose their own.
  public var targetContext: Int?

  /// By default windows follow one another without overlap, and the second half of each is scored.
  public init(
    context: Int = 512, limit: Int? = nil, scored: ScoredTargets = .secondHalf, stride: Int? = nil,
    targetContext: Int? = nil
  ) {
    self.context = context
    self.limit = limit
    self.scored = scored
    self.stride = stride
    self.targetContext = targetContext
  }

  /// Positions up to the end of a window whose first token stands at `start`.
  /// - Throws: `EvaluationError.setting` for a start or a context beyond what positions can be.
  func length(from start: Int) throws(EvaluationError) -> Int {
    guard (0...Self.lastPosition).contains(start) else {
      throw .setting(.start, problem: "is \(start), expected a number from 0 to 2^40")
    }
    guard Self.contexts.contains(context) else {
      throw .setting(.context, problem: "is \(context), expected a number from 4 to 2^40")
    }
    return start + context
  }

  /// Angles of positions beyond have lost the digits that tell neighbours apart.
  static let lastPosition = 1 << 40

  /// Tokens that a window can have.
  package static let contexts = 4...lastPosition

  /// The windows of a text, in order.
  /// - Parameters:
  ///   - text: the text.
  ///   - use: what it is read for, which an error says.
  /// - Returns: at least one window.
  /// - Throws: `EvaluationError.textTooShort`, or `.setting` for sizes that make no sense.
  package func windows(
    of text: TokenizedText, for use: EvaluationError.TextUse = .chunks
  ) throws(EvaluationError) -> [Window] {
    if let targetContext, targetContext != context {
      return try windows(of: text, targetsOf: targetContext)
    }
    _ = try length(from: 0)
    if let limit, limit < 1 {
      throw .setting(.windows, problem: "is \(limit), expected at least 1")
    }
    let count = text.tokens.count
    guard count >= context else {
      throw .textTooShort(file: text.name, tokens: count, needed: context, for: use)
    }
    var windows: [Window] = []
    if let stride {
      guard stride >= 1, stride < context else {
        throw .setting(
          .stride, problem: "is \(stride), expected a number from 1 to \(context - 1)")
      }
      var scoredUpTo = 1
      var start = 0
      while scoredUpTo < count {
        let end = min(start + context, count)
        windows.append(
          Window(
            index: windows.count, tokens: start..<end,
            targets: (scoredUpTo - start)..<(end - start)))
        scoredUpTo = end
        start += stride
      }
    } else {
      let first = scored == .secondHalf ? context / 2 + 1 : 1
      for index in 0..<(count / context) {
        windows.append(
          Window(
            index: index, tokens: (index * context)..<((index + 1) * context),
            targets: first..<context))
      }
    }
    if let limit { windows = Array(windows.prefix(limit)) }
    return windows
  }

  /// Windows of `context` tokens over the targets of longer ones.
  ///
  /// Each scores the next `context / 2` of them and ends with the last, so that at least half of its
  /// tokens stand before each target; only at the start of a longer window, where that has no more
  /// before a target itself, all targets of a window are scored. None begins before the longer one.
  private func windows(
    of text: TokenizedText, targetsOf longer: Int
  ) throws(EvaluationError) -> [Window] {
    guard stride == nil else {
      throw .setting(.stride, problem: "scores every target at every length by itself")
    }
    guard longer > context else {
      throw .usage("targets of \(longer) tokens have no room for a context of \(context)")
    }
    _ = try length(from: 0)
    let plan = WindowPlan(context: longer, limit: limit, scored: scored)
    var windows: [Window] = []
    for long in try plan.windows(of: text) {
      let end = long.tokens.lowerBound + long.targets.upperBound
      var next = long.tokens.lowerBound + long.targets.lowerBound
      while next < end {
        let last = min(max(next + context / 2, long.tokens.lowerBound + context), end)
        let first = last - context
        windows.append(
          Window(
            index: windows.count, tokens: first..<last, targets: (next - first)..<context))
        next = last
      }
    }
    return windows
  }
}
