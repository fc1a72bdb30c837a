import Base
import Checkpoints
import Evaluation
import Foundation
import OrderedCollections
import TestSupport
import Testing

/// Where needles stand, and what that does to errors.
@Suite struct NeedlePlaceTests {
  private let model: Model

  init() throws { model = try Model(opening: References.file("fixtures/lantern.gguf")) }

  /// The text before each needle of a grid at one length, the text after it up to the question, and
  /// the depth that was asked for.
  private func places(
    of text: String, depths: [Double]
  ) throws -> [(before: String, after: String, depth: Double, placed: Double)] {
    var template = NeedleTemplate()
    template.needle = "#{value}#"
    template.question = "@{key}"
    template.begin = ""
    let evaluation = NeedleEvaluation(
      template: template, lengths: [1024], depths: depths, trials: 3)
    let prompts = try evaluation.prompts(model, in: Haystack(name: "h", bytes: Array(text.utf8)))
    return try (0..<prompts.count).map { index in
      let json = try prompts.json(at: index)
      let parts = try #require(json["input"]?.string).split(
        separator: "#", omittingEmptySubsequences: false)
      #expect(parts.count == 3 && !parts.joined().contains("\u{FFFD}"))
      let after = try #require(parts.last?.split(separator: "@").first)
      return (
        String(parts[0]), String(after), try #require(json["depth"]?.double),
        try #require(json["placed"]?.double)
      )
    }
  }

  /// Sentences of five to seven characters, which are bytes to this vocabulary, as many tokens.
  @Test(arguments: [
    "\u{3002}", "\u{FF01}", "\u{FF1F}", "\u{3002}\u{300D}", "\u{2026}\u{2026}", ".\u{201D} ",
    ".\" ", "? ", "\n",
  ])
  func sentencesEndInEveryScript(end: String) throws {
    var text = ""
    for index in 0..<900 {
      for letter in 0..<(5 + index % 3) {
        text.unicodeScalars.append(UnicodeScalar(0x4E00 + UInt32((index * 7 + letter) % 400))!)
      }
      text += end
    }
    for place in try places(of: text, depths: [25, 50, 75]) {
      #expect(place.before.hasSuffix(end) || place.before.hasSuffix("\(end) "), "\(place.before)")
      let whole = place.before.utf8.count + place.after.utf8.count
      let share = 100 * Double(place.before.utf8.count) / Double(whole)
      #expect(abs(share - place.depth) < 6 && abs(share - place.placed) < 2)
    }
  }

  /// Without sentences a needle stands between words, and between characters where there are none.
  @Test func needlesStandWhereTheyShouldWithoutSentences() throws {
    let numbers = (0..<3000).map { "\($0 * 37 % 1000).5" }.joined(separator: " ")
    for place in try places(of: numbers, depths: [25, 50, 75]) {
      #expect(place.before.last == " " && place.after.first == " ")
      #expect(place.before.dropLast().last?.isNumber == true)
      #expect(abs(place.placed - place.depth) <= 5.5)
    }
    let letters = String(repeating: "\u{4E00}\u{4E8C}\u{4E09}", count: 900)
    for place in try places(of: letters, depths: [25, 50, 75]) {
      #expect(abs(place.placed - place.depth) <= 1)
    }
  }

  @Test func resultsStateWhereNeedlesStand() throws {
    let file = References.file("fixtures/lantern.needle.json")
    let template = try NeedleTemplate(
      JSONValue.parse(TokenizedText.read(file), file: file), file: file)
    // One sentence of a thousand words: no depth has an end of a sentence near by.
    let words = Array(repeating: "the mill and the tower and", count: 170).joined(separator: " ")
    let evaluation = NeedleEvaluation(
      template: template, lengths: [256], depths: [0, 50, 100], trials: 2,
      options: RunOptions(threads: 2))
    let result = try evaluation.run(model, in: Haystack(name: "h", bytes: Array(words.utf8)))
    let placed = result.grid.compactMap(\.placed)
    #expect(placed.count == 3 && placed.first == 0 && placed.last == 100)
    #expect(abs(placed[1] - 50) < 5)
    #expect(result.placeWarning == nil)
    #expect(try changed(result) { _, values in values["placed"] = 20 }.placeWarning != nil)
    // Units of earlier programs do not state it.
    #expect(try changed(result) { _, values in values["placed"] = nil }.grid[0].placed == nil)
  }

  /// The result with other values in its units.
  private func changed(
    _ result: NeedleResult, _ change: (Int, inout OrderedDictionary<String, JSONValue>) -> Void
  ) throws -> NeedleResult {
    var object = result.record.header
    object["units"] = .array(
      result.record.units.map { unit -> JSONValue in
        var values = unit.values.object ?? [:]
        change(unit.index, &values)
        return ["unit": JSONValue(unit.index), "values": .object(values)]
      })
    let text = JSONValue.object(object).serialized(pretty: true)
    let json = try JSONValue.parse(Array(text.utf8), file: "json")
    return try NeedleResult(try EvaluationRecord(json, file: "json"), file: "json")
  }

  /// Worked by hand: of four cells with two trials each, one trial is right in all and the other in
  /// none. Two clusters with 4 and 0 right of 4 and a mean of 2 differ from it by 2 and -2, so that
  /// the error is sqrt(2 / 1 * (4 + 4)) / 8 = 0.5; eight independent draws would have 0.19.
  @Test func trialsOfOnePassageAreNotIndependent() throws {
    let file = References.file("fixtures/lantern.needle.json")
    let template = try NeedleTemplate(
      JSONValue.parse(TokenizedText.read(file), file: file), file: file)
    let haystack = try Haystack(path: References.file("fixtures/lantern.haystack.txt"))
    let evaluation = NeedleEvaluation(
      template: template, lengths: [64, 96], depths: [0, 100], trials: 2)
    let result = try changed(try evaluation.run(model, in: haystack)) { _, values in
      values["correct"] = .bool(values["trial"]?.int == 0)
    }
    #expect(result.accuracy == 0.5)
    #expect(abs(result.accuracyError - 0.5) < 1e-12)
    let mixed = try changed(result) { index, values in
      // One right answer in each trial: the clusters have the mean.
      values["correct"] = .bool(index < 2)
    }
    #expect(mixed.accuracy == 0.25 && mixed.accuracyError == 0)
    var single = evaluation
    single.trials = 1
    #expect(try single.run(model, in: haystack).accuracyError.isNaN)
  }
}
