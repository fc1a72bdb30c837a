import Base

/// All matches of a pattern in texts, found by several threads.
///
/// Long texts are cut into windows that are searched side by side. A search through the whole text
/// is in no other state than the place it has come to. So where it comes to a place within a window
/// at which that window's own search stood too, or which lies between two of its matches, it would
/// find the same from there on, and the window's matches are taken over; until then it searches on
/// by itself. The windows depend on the texts alone, not on the number of threads.
package struct PatternScan {
  private static let windowSize = 1 << 16

  let pattern: Pattern
  let bytes: UnsafeBufferPointer<UInt8>
  let threads: Int
  private let budget: PatternBudget

  /// A scan of `bytes`, which are those of all texts, within a budget of its own.
  package init(pattern: Pattern, bytes: UnsafeBufferPointer<UInt8>, threads: Int) {
    self.init(
      pattern: pattern, bytes: bytes, threads: threads,
      budget: PatternBudget(byteCount: bytes.count))
  }

  /// A scan of `bytes` within a budget that others may spend of too.
  package init(
    pattern: Pattern, bytes: UnsafeBufferPointer<UInt8>, threads: Int, budget: PatternBudget
  ) {
    self.pattern = pattern
    self.bytes = bytes
    self.threads = threads
    self.budget = budget
  }

  /// A window of a long text, or a run of whole texts; ranges of texts and of bytes.
  private struct Unit {
    var texts: Range<Int>
    var window: Range<Int>?
  }

  /// What a unit's search found: for each text the number of its matches, and all of them.
  private struct Found {
    var counts: [Int] = []
    var matches: [Range<Int>] = []
    var failure: VocabularyError?
  }

  /// Calls `body` with each text and its matches, in order, as ranges of the bytes.
  /// - Throws: `VocabularyError.matching` with a place of the bytes.
  package func forEach(
    _ texts: [Range<Int>], _ body: (Range<Int>, ArraySlice<Range<Int>>) -> Void
  ) throws(VocabularyError) {
    let units = units(texts)
    var found = [Found](repeating: Found(), count: units.count)
    found.withUnsafeMutableBufferPointer { found in
      nonisolated(unsafe) let (found, scan) = (found, self)
      Parallel.forEach(count: units.count, threads: threads) { index, _ in
        found[index] = scan.search(units[index], texts)
      }
    }
    var index = 0
    while index < units.count {
      if units[index].window == nil {
        var first = 0
        for (text, count) in zip(units[index].texts, found[index].counts) {
          body(texts[text], found[index].matches[first..<(first + count)])
          first += count
        }
        if let failure = found[index].failure { throw failure }
        index += 1
        continue
      }
      let text = units[index].texts.lowerBound
      var windows = index..<index
      while windows.upperBound < units.count, units[windows.upperBound].texts.lowerBound == text {
        windows = index..<(windows.upperBound + 1)
      }
      let matches = try join(windows.map { (units[$0].window ?? 0..<0, found[$0]) }, texts[text])
      body(texts[text], matches[...])
      index = windows.upperBound
    }
  }

  private func units(_ texts: [Range<Int>]) -> [Unit] {
    var units: [Unit] = []
    var size = 0
    for (index, text) in texts.enumerated() {
      if text.count > 2 * Self.windowSize, pattern.isLocal {
        var start = text.lowerBound
        while start < text.upperBound {
          let end = windowEnd(from: start, in: text)
          units.append(Unit(texts: index..<(index + 1), window: start..<end))
          start = end
        }
        size = Self.windowSize
        continue
      }
      if let last = units.last, last.window == nil, size < Self.windowSize {
        units[units.count - 1].texts = last.texts.lowerBound..<(index + 1)
      } else {
        units.append(Unit(texts: index..<(index + 1)))
        size = 0
      }
      size += text.count
    }
    return units
  }

  /// The end of a window: where white space begins, if possible, as most patterns' pieces do.
  private func windowEnd(from start: Int, in text: Range<Int>) -> Int {
    let aim = start + Self.windowSize
    guard aim < text.upperBound else { return text.upperBound }
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A }
    for end in aim..<min(aim + 256, text.upperBound)
    where isSpace(bytes[end]) && !isSpace(bytes[end - 1]) {
      return end
    }
    var end = aim
    while end < text.upperBound, !Pattern.beginsCharacter(bytes[end]) { end += 1 }
    return end
  }

  private func search(_ unit: Unit, _ texts: [Range<Int>]) -> Found {
    var found = Found()
    var meter = PatternMeter(budget)
    var start = 0
    do throws(VocabularyError) {
      for text in texts[unit.texts] {
        let first = found.matches.count
        start = text.lowerBound
        let window = unit.window ?? text
        defer { found.counts.append(found.matches.count - first) }
        try pattern.matches(
          in: UnsafeBufferPointer(rebasing: bytes[text]),
          from: window.lowerBound - text.lowerBound, below: window.upperBound - text.lowerBound,
          to: &found.matches, &meter)
        for index in first..<found.matches.count {
          let match = found.matches[index]
          found.matches[index] =
            (match.lowerBound + text.lowerBound)..<(match.upperBound + text.lowerBound)
        }
      }
    } catch {
      found.failure = error.moved { $0 + start }
    }
    return found
  }

  /// The matches of a whole text from those of its windows.
  private func join(
    _ windows: [(range: Range<Int>, found: Found)], _ text: Range<Int>
  ) throws(VocabularyError) -> [Range<Int>] {
    let subject = UnsafeBufferPointer(rebasing: bytes[text])
    var matches: [Range<Int>] = []
    var meter = PatternMeter(budget)
    var position = text.lowerBound
    for (window, found) in windows where position < window.upperBound {
      // No match begins between the last one and the end of its window.
      position = max(position, window.lowerBound)
      // Where the window's search stood before its match of each index.
      func place(_ index: Int) -> Int {
        index == 0 ? window.lowerBound : next(after: found.matches[index - 1], subject, text)
      }
      var index = 0
      func meets(_ position: Int) -> Bool {
        while index < found.matches.count, found.matches[index].lowerBound < position { index += 1 }
        return place(index) <= position
      }
      if !meets(position) {
        var own: [Range<Int>] = []
        var reached = position
        do throws(VocabularyError) {
          try pattern.matches(
            in: subject, from: position - text.lowerBound,
            below: window.upperBound - text.lowerBound, to: &own, &meter
          ) { match in
            // The match follows `reached`; the window's search may have been there.
            if meets(reached) { return true }
            reached =
              Pattern.next(after: match, in: subject) + text.lowerBound
            return false
          }
        } catch {
          throw error.moved { $0 + text.lowerBound }
        }
        matches += own.map {
          ($0.lowerBound + text.lowerBound)..<($0.upperBound + text.lowerBound)
        }
        position = reached
        guard meets(position) else { continue }
      }
      matches += found.matches[index...]
      if let failure = found.failure { throw failure }
      position = matches.last.map { max(position, next(after: $0, subject, text)) } ?? position
    }
    return matches
  }

  private func next(
    after match: Range<Int>, _ subject: UnsafeBufferPointer<UInt8>, _ text: Range<Int>
  ) -> Int {
    let local = (match.lowerBound - text.lowerBound)..<(match.upperBound - text.lowerBound)
    return Pattern.next(after: local, in: subject) + text.lowerBound
  }
}
