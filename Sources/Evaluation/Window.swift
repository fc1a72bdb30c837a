/// Which targets of a window are scored.
public enum ScoredTargets: String, Sendable, CaseIterable {
  /// The targets at N/2+1 ... N-1 of a window of N tokens, as llama-perplexity does.
  case secondHalf = "second-half"
  /// The targets at 1 ... N-1.
  case all
}

/// A run of tokens evaluated alone, and the targets scored in it.
public struct Window: Sendable, Equatable {
  /// Number of the window, from 0.
  public let index: Int
  /// Tokens of the text it covers.
  public let tokens: Range<Int>
  /// Scored positions within the window; each is predicted from the one before it.
  public let targets: Range<Int>
}

/// How a text is cut into windows.
public struct WindowPlan: Sendable, Equatable {
  public var context: Int
  /// The first so many windows only; nil: all.
  public var limit: Int?
  public var scored: ScoredTargets
  /// Windows start at multiples of this and every target is scored once; nil: windows do not overlap.
  public var stride: Int?

  public init(
    context: Int = 512, limit: Int? = nil, scored: ScoredTargets = .secondHalf, stride: Int? = nil
  ) {
    self.context = context
    self.limit = limit
    self.scored = scored
    self.stride = stride
  }

  /// Positions up to the end of a window whose first token stands at `start`.
  /// - Throws: `EvaluationError.usage` for a start or a context beyond what positions can be.
  func length(from start: Int) throws(EvaluationError) -> Int {
    guard (0...Self.lastPosition).contains(start) else {
      throw .usage("--start is \(start), expected a number from 0 to 2^40")
    }
    guard (4...Self.lastPosition).contains(context) else {
      throw .usage("--ctx is \(context), expected a number from 4 to 2^40")
    }
    return start + context
  }

  /// Angles of positions beyond have lost the digits that tell neighbours apart.
  private static let lastPosition = 1 << 40

  /// The windows of a text, in order.
  /// - Throws: `EvaluationError.textTooShort`, or `.usage` for sizes that make no sense.
  public func windows(of text: TokenizedText) throws(EvaluationError) -> [Window] {
    _ = try length(from: 0)
    if let limit, limit < 1 { throw .usage("--chunks is \(limit), expected at least 1") }
    let count = text.tokens.count
    guard count >= context else {
      throw .textTooShort(file: text.name, tokens: count, needed: context)
    }
    var windows: [Window] = []
    if let stride {
      guard stride >= 1, stride < context else {
        throw .usage("--stride is \(stride), expected a number from 1 to \(context - 1)")
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
}
