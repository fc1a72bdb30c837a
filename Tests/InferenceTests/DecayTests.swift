import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Rotary
import Tensors
import TestSupport
import Testing

/// Decay attention in both of its forms: RetNet-shaped checkpoints of both published codes against their
/// golden logits (shared/relatives), and the forms against each other.
@Suite struct DecayTests {
  static let names = ["retnet-fla", "retnet-torchscale"]

  private func ids(_ length: Int) -> [Int32] {
    (0..<length).map { index -> Int32 in
      let square = index * index % 311
      let id = (index * 7919 + square + 5) % 320
      return Int32(id)
    }
  }

  private func difference(_ one: [Float], _ other: [Float]) -> Double {
    let mean = other.reduce(0) { $0 + Double($1) } / Double(other.count)
    let variance =
      other.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(other.count)
    return zip(one, other).reduce(0.0) { max($0, abs(Double($1.0) - Double($1.1))) }
      / variance.squareRoot()
  }

  /// The largest difference from the golden logits, in their standard deviations.
  private func difference(_ model: Model, _ golden: ParityTests.Golden, _ form: MixerForm) throws
    -> Double
  {
    difference(
      try golden.rows.flatMap { try model.logits($0, form: form, threads: 2) }, golden.logits)
  }

  @Test(arguments: names, MixerForm.allCases)
  func logitsEqualThePublishedCode(name: String, form: MixerForm) throws {
    guard let folder = try References.shared("relatives/\(name)") else { return }
    let golden = try ParityTests.Golden(folder: folder)
    let model = try Model(opening: folder)
    let found = try difference(model, golden, form)
    print("\(name) as \(form.rawValue): \(found)")
    #expect(found <= 2e-4)

    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var last = model
    for (output, absorbed) in [
      ("one.gguf", []), ("two/", []), ("three.gguf", [.pairLayout, .scoreBasis, .normGain]),
    ] as [(String, [AbsorptionIdentity])] {
      _ = try ConversionPlan(
        last.plan, ConversionRequest(sites: nil, output: "\(work)/\(output)", absorb: absorbed)
      ).write(version: "test")
      last = try Model(opening: "\(work)/\(output)")
      #expect(try difference(last, golden, form) <= 2e-4, "\(output)")
    }
  }

  /// One token, ends of blocks and of units of work, parts of sequences.
  @Test(arguments: names)
  func bothFormsGiveTheSame(name: String) throws {
    guard let folder = try References.shared("relatives/\(name)") else { return }
    let model = try Model(opening: folder)
    for sites in ["qk", "qkvo", "vo", "nope", "kv"] {
      let request = RotaryRequest(sites: try RotarySites(parsing: sites))
      for length in [1, 2, 63, 64, 65, 256, 257, 700] {
        let tokens = ids(length)
        let one = try model.logits(tokens, rotary: request, form: .attention, threads: 2)
        let other = try model.logits(tokens, rotary: request, form: .recurrent, threads: 3)
        let found = difference(other, one)
        #expect(found <= 1e-5, "\(sites) \(length)")
      }
    }
  }

  /// A variant whose values turn is relative: positions may begin anywhere.
  @Test(arguments: names)
  func valuesThatTurnAreRelative(name: String) throws {
    guard let folder = try References.shared("relatives/\(name)") else { return }
    let model = try Model(opening: folder)
    func logits(_ sites: RotarySites, start: Int) throws -> [Float] {
      try model.logits(
        ids(100), rotary: RotaryRequest(sites: sites), start: start, form: .recurrent, threads: 2)
    }
    for sites in [RotarySites.scores, .all, .message] {
      let plain = try logits(sites, start: 0)
      #expect(difference(try logits(sites, start: 1000), plain) <= 1e-4)
    }
    let absolute = try logits(.value, start: 0)
    #expect(difference(try logits(.value, start: 1000), absolute) > 1e-2)
  }

  /// Windows longer than what goes through the layers at a time: the same likelihoods, token by token.
  @Test(arguments: names)
  func sequencesThatComeInPartsAreScoredAsWhole(name: String) throws {
    guard let folder = try References.shared("relatives/\(name)") else { return }
    let model = try Model(opening: folder)
    func values(_ form: MixerForm, context: Int, tokens: Int) throws -> [Float] {
      var options = RunOptions(threads: 2)
      options.form = form
      return try PerplexityEvaluation(
        windows: WindowPlan(context: context, scored: .all), options: options
      ).run(model, on: TokenizedText(name: "ids", tokens: ids(tokens))).values
    }
    for (context, tokens) in [(5000, 10_000), (2049, 4098), (2048, 2048), (700, 2100)] {
      let whole = try values(.attention, context: context, tokens: tokens)
      let parts = try values(.recurrent, context: context, tokens: tokens)
      try #require(whole.count == parts.count && whole.count >= tokens - tokens / context)
      let largest = zip(whole, parts).map { abs($0 - $1) }.max() ?? .infinity
      #expect(largest <= 2e-5, "\(context)")
    }
  }

  /// Greedy decoding keeps keys and values: what it computes is the attention form, token by token.
  @Test(arguments: names)
  func growingSequencesGiveTheSame(name: String) throws {
    guard let folder = try References.shared("relatives/\(name)") else { return }
    let model = try Model(opening: folder)
    let tokens = ids(70)
    let whole = try model.logits(tokens, threads: 2)
    let pass = ForwardPass(plan: model.plan, threads: 2)
    let sequences = try CachedSequences(pass, count: 1, capacity: 70, keepsWeights: true)
    try sequences.append([Array(tokens[..<66])])
    for token in tokens[66...] { try sequences.append([[token]]) }
    let (hidden, last) = sequences.states
    let blocks = LogitBlocks(of: pass)
    let normed = try blocks.normed(hidden, rows: last)
    let logits = FloatBuffer(count: blocks.vocabulary)
    let weights = try blocks.weights(0)
    blocks.multiply(weights, normed, rows: 0..<1, to: logits.pointer)
    let found = (0..<blocks.vocabulary).map { logits.pointer[$0] }
    #expect(difference(found, Array(whole.suffix(blocks.vocabulary))) <= 1e-4)
  }

  @Test func whatADecayCannotDoIsRefused() throws {
    guard let folder = try References.shared("relatives/retnet-fla") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    // A mixer that is not computed, and key heads that serve several.
    for (index, change) in [("use_short_conv", true as Any), ("num_kv_heads", 2)].enumerated() {
      try References.folder(like: folder, at: "\(work)/\(index)") { $0[change.0] = change.1 }
      let error = #expect(throws: ModelError.self) { try Model(opening: "\(work)/\(index)") }
      #expect(error?.summary.contains(change.0) == true)
    }
    // Nothing tells the code that made it.
    try References.folder(like: folder, at: "\(work)/untold") { $0["expand_v"] = nil }
    #expect(throws: FormatError.self) { try Model(opening: "\(work)/untold") }
    let model = try Model(opening: folder)
    #expect(throws: EvaluationError.self) {
      try AttentionAnalysis(windows: WindowPlan(context: 64)).run(
        model, on: TokenizedText(name: "ids", tokens: ids(64)))
    }
    #expect(throws: ConversionError.self) {
      _ = try ConversionPlan(
        model.plan,
        ConversionRequest(sites: nil, output: "\(work)/x.gguf", absorb: [.valueBasis]))
    }
  }
}
