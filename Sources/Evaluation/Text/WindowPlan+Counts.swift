import Base

extension WindowPlan {
  /// The plan that an identity states; nil where its settings state none.
  init?(stated settings: JSONValue) {
    guard let context = settings["ctx"]?.int,
      let scored = settings["score"]?.string.flatMap(ScoredTargets.init)
    else { return nil }
    self.init(
      context: context, limit: settings["chunks"]?.int, scored: scored,
      stride: settings["stride"]?.int, targetContext: settings["target_ctx"]?.int)
  }

  /// How many targets a window of a text scores, without making the windows: the numbers may be those
  /// of any file.
  /// - Parameters:
  ///   - index: the window's number, from 0.
  ///   - count: tokens of the text.
  /// - Returns: nil where such a text has no such window.
  package func targetCount(ofWindow index: Int, inTokens count: Int) -> Int? {
    let sizes = 4...Self.lastPosition
    let limit = limit ?? .max
    guard sizes.contains(context), sizes.contains(count), index >= 0 else { return nil }
    if let targetContext, targetContext != context {
      guard stride == nil, targetContext > context, sizes.contains(targetContext) else {
        return nil
      }
      return targetCount(
        ofWindow: index, targetsOf: targetContext, windows: min(limit, count / targetContext))
    }
    guard index < limit, count >= context else { return nil }
    guard let stride else {
      return index < count / context ? context - firstTarget(of: context) : nil
    }
    guard (1..<context).contains(stride),
      index <= (count - context + stride - 1) / stride
    else { return nil }
    // A window scores what those before it have not.
    func end(_ window: Int) -> Int { window < 0 ? 1 : min(window * stride + context, count) }
    return end(index) - end(index - 1)
  }

  /// The same of windows over the targets of `windows` longer ones, each cut alike.
  private func targetCount(
    ofWindow index: Int, targetsOf longer: Int, windows: Int
  ) -> Int? {
    let first = firstTarget(of: longer)
    let half = context / 2
    // Where the first of them ends, which may score more than the others.
    let head = min(max(first + half, context), longer)
    let parts = 1 + (longer - head + half - 1) / half
    guard index / parts < windows else { return nil }
    func edge(_ part: Int) -> Int { part == 0 ? first : min(head + (part - 1) * half, longer) }
    let part = index % parts
    return edge(part + 1) - edge(part)
  }

  private func firstTarget(of length: Int) -> Int {
    scored == .secondHalf ? length / 2 + 1 : 1
  }
}
