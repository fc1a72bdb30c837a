/// Variable tracking: a chain of assignments, hidden in noise.
extension RulerGenerator {
  private static let hops = 4
  /// The first value, and the number of values.
  private static let (firstValue, values) = (10_000, 89_999)
  /// Tokens of the worked example, as published; of shorter prompts half of what there is.
  private static let exampleTokens = 500

  func chainDraft(budget: Int, _ random: inout SeededGenerator) throws -> RulerDraft {
    let example = Chain(names: 3, values: [], &random)
    let chain = Chain(names: 5, values: [example.value], &random)
    let least = Self.hops + 1
    var exampleNoise = least
    let search = HaystackSearch(
      budget: min(Self.exampleTokens, budget / 2), units: least...Self.exampleTokens)
    if case .fits(let units, _) = try search.run(count: { try tokens(of: example.text($0)) }) {
      exampleNoise = units
    }
    // As published: one space ends the beginning of the answer, another comes before the answer.
    let solved = example.text(exampleNoise) + " " + example.names.joined(separator: " ") + "\n\n"
    return RulerDraft(references: chain.names, units: least...max(budget, least)) { units in
      solved + chain.text(units)
    }
  }

  /// A chain of variables that all hold one value.
  private struct Chain {
    let names: [String]
    let value: Int
    /// Draws the places of the assignments, for every size of the haystack alike.
    private let places: SeededGenerator

    /// A chain with names of so many letters, and none of the values that other chains have taken.
    init(names letters: Int, values taken: [Int], _ random: inout SeededGenerator) {
      var names: [String] = []
      while names.count <= RulerGenerator.hops {
        let name = random.letters(letters, from: UInt8(ascii: "A"))
        if !names.contains(name) { names.append(name) }
      }
      var value: Int
      repeat {
        value = RulerGenerator.firstValue + random.integer(below: RulerGenerator.values)
      } while taken.contains(value)
      self.names = names
      self.value = value
      places = SeededGenerator(seed: random.next())
    }

    /// Task text, noise with the assignments in it, question and beginning of the answer.
    func text(_ noise: Int) -> String {
      var places = places
      let assignments = names.indices.map { index in
        // The published lines end with a space, but for the first.
        "VAR \(names[index]) = " + (index == 0 ? "\(value)" : "VAR \(names[index - 1]) ")
      }
      let haystack = rulerLines(
        noise, line: { _ in rulerNoise }, inserting: assignments,
        before: places.sample(assignments.count, below: noise))
      return "Memorize and track the chain(s) of variable assignment hidden in the following "
        + "text.\n\n\(haystack)\nQuestion: Find all variables that are assigned the value "
        + "\(value) in the text above. Answer: According to the chain(s) of variable assignment "
        + "in the text above, \(names.count) variables are assigned the value \(value), they are: "
    }
  }
}

extension SeededGenerator {
  /// Random letters of the English alphabet.
  mutating func letters(_ count: Int, from first: UInt8) -> String {
    String(decoding: (0..<count).map { _ in first + UInt8(integer(below: 26)) }, as: UTF8.self)
  }
}
