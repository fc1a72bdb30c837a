import Base
import Foundation
import OrderedCollections
import Rotary

/// Scores a whole text: how many bits a model needs for a byte of it. Unlike perplexity, which
/// counts tokens, this compares models of different vocabularies.
package struct BitsPerByteEvaluation {
  /// Tokens of the longest window.
  package var context: Int
  /// Windows start at multiples of this, and every token is scored once.
  package var stride: Int
  /// Variant to score the model as; the checkpoint's own by default.
  package var rotary: RotaryRequest
  package var options: RunOptions

  package init(
    context: Int = 512, stride: Int = 256, rotary: RotaryRequest = .asStored,
    options: RunOptions = RunOptions()
  ) {
    self.context = context
    self.stride = stride
    self.rotary = rotary
    self.options = options
  }

  /// Scores a text; `progress` is called with the share done and the bits per token of the units
  /// finished.
  /// - Throws: `EvaluationError` for token ids, a text of less than four and settings that make no
  ///   sense; `ModelError` for a likelihood that is not finite.
  package func run(
    _ model: Model, on text: TokenizedText, progress: (Double, Double?) -> Void = { _, _ in }
  ) throws -> BitsPerByteResult {
    let plan = try windowPlan(of: text)
    _ = try model.plan.rotary.applying(rotary, length: plan.context)
    let scoring = WindowScoring(
      kind: BitsPerByteResult.self, model: model, text: text,
      windows: try plan.windows(of: text), context: plan.context,
      rotary: rotary, options: options)
    let (record, _) = try scoring.run {
      try identity(model, on: text)
    } progress: { done, total, finished in
      progress(done / Double(max(total, 1)), PerplexityResult.perplexity(finished).map(log2))
    } values: { window, nats in
      PerplexityResult.WindowSum(index: window.index, nats).json
    }
    return try BitsPerByteResult(record, file: model.checkpoint.path)
  }

  /// What the result is of, computed without scoring anything.
  /// - Throws: what `run` throws for settings that make no sense.
  package func identity(_ model: Model, on text: TokenizedText) throws -> EvaluationIdentity {
    let plan = try windowPlan(of: text)
    return EvaluationIdentity(
      of: BitsPerByteResult.self,
      models: [
        try model.identity(
          rotary: model.plan.rotary.applying(rotary, length: plan.context), length: plan.context)
      ], text: text,
      settings: Settings.of(self, leaving: ["rotary", "options"], names: ["context": "ctx"]),
      materials: ["bytes": JSONValue(text.byteCount ?? 0)], options: options,
      units: try plan.windows(of: text).count)
  }

  /// A text shorter than a window is a window.
  private func windowPlan(of text: TokenizedText) throws -> WindowPlan {
    guard text.byteCount != nil else {
      throw EvaluationError.usage("bits per byte are of a text: token ids have no bytes")
    }
    // What is asked for must make sense, whatever the text's length.
    _ = try WindowPlan(context: context).length(from: 0)
    guard (1..<context).contains(stride) else {
      throw EvaluationError.setting(
        .stride, problem: "is \(stride), expected a number from 1 to \(context - 1)")
    }
    return Self.windowPlan(context: context, stride: stride, tokens: text.tokens.count)
  }

  static func windowPlan(context: Int, stride: Int, tokens: Int) -> WindowPlan {
    let context = min(context, max(tokens, 4))
    return WindowPlan(context: context, scored: .all, stride: min(stride, context - 1))
  }
}

/// The bits that a model needs for a text, and the text's bytes.
package struct BitsPerByteResult: EvaluationResult {
  package typealias Unit = PerplexityResult.WindowSum

  package static let kind = "bytes"
  package static let unitName = "a window of a text"

  package let record: EvaluationRecord
  package let windows: [Unit]
  /// Of the whole text, also where these are the windows of a shard.
  package let bytes: Int

  /// - Throws: `EvaluationError.record` where the identity does not state the bytes.
  package init(
    _ record: EvaluationRecord, units: [Unit], file: String
  ) throws(EvaluationError) {
    guard let bytes = record.identity["materials"]?["bytes"]?.int, bytes > 0 else {
      throw .record(file: file, problem: "identity.materials.bytes is not a number of bytes")
    }
    self.record = record
    self.bytes = bytes
    windows = units
  }

  package static func expected(
    of identity: OrderedDictionary<String, JSONValue>
  ) -> ExpectedUnits? {
    ExpectedUnits.windows(of: identity, counted: "scored") { settings, tokens in
      guard let context = settings["ctx"]?.int, let stride = settings["stride"]?.int,
        context >= 4, stride >= 1
      else { return nil }
      return BitsPerByteEvaluation.windowPlan(context: context, stride: stride, tokens: tokens)
    }
  }

  package var essentials: [(name: String, number: Estimate)] {
    [("bits per byte", Estimate(value: bitsPerByte, error: bitsPerByteError))]
  }

  package var scored: Int { windows.reduce(0) { $0 + $1.scored } }

  /// The negative log-likelihood of all tokens scored, in nats.
  package var negativeLogLikelihood: Double { windows.reduce(0) { $0 + $1.sum } }

  /// Bits of all tokens over bytes of the text. A first token with none before it is not scored.
  package var bitsPerByte: Double { negativeLogLikelihood / log(2) / Double(bytes) }

  /// `sqrt(n * var(nll) * n / (n - 1))` in bits, over bytes.
  package var bitsPerByteError: Double {
    Double(scored) * windows.errorOfMean / log(2) / Double(bytes)
  }
}
