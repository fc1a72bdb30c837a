import Base
import Checkpoints
import Foundation
import Inference
import Models
import OrderedCollections
import Rotary
import Vocabulary

/// Writes on after prompts, greedily or by drawing tokens; alone or side by side, a prompt gives the
/// same tokens.
package struct TextGeneration {
  /// The most tokens after a prompt.
  package var maximum: Int
  /// 0 takes the most likely token; more draws tokens from logits divided by it.
  package var temperature: Double
  /// Only the likeliest tokens with this share of the probability together are drawn.
  package var topP: Double
  package var seed: UInt64
  /// Texts that end what is written; they are not part of it.
  package var until: [String]
  package var chat: ChatFormat?
  package var rotary: RotaryRequest
  package var options: RunOptions

  package init(
    maximum: Int = 128, temperature: Double = 0, topP: Double = 1, seed: UInt64 = 0,
    until: [String] = [], chat: ChatFormat? = nil, rotary: RotaryRequest = .asStored,
    options: RunOptions = RunOptions()
  ) {
    self.maximum = maximum
    self.temperature = temperature
    self.topP = topP
    self.seed = seed
    self.until = until
    self.chat = chat
    self.rotary = rotary
    self.options = options
  }

  /// A prompt as the model gets it.
  package struct Prompt: Sendable {
    package let text: String
    package let tokens: [Int32]
    /// The most tokens after it: fewer than asked for where the model has no positions for them.
    package let maximum: Int
  }

  /// The prompts as a model gets them.
  /// - Throws: `EvaluationError.setting` for settings that make no sense, `.usage` for a prompt
  ///   without tokens.
  package func prompts(_ texts: [String], for model: Model) throws -> [Prompt] {
    guard (1...1_000_000).contains(maximum) else {
      throw EvaluationError.setting(
        .maximumTokens, problem: "is \(maximum), expected a number from 1 to 1000000")
    }
    guard temperature.isFinite, temperature >= 0 else {
      throw EvaluationError.setting(
        .temperature, problem: "is \(temperature), expected 0 or a positive number")
    }
    guard topP > 0, topP <= 1 else {
      throw EvaluationError.setting(
        .topP, problem: "is \(topP), expected a number above 0, at most 1")
    }
    guard !texts.isEmpty else { throw EvaluationError.usage("no prompt to continue") }
    let tokenizer = try model.tokenizer()
    return try texts.enumerated().map { index, text in
      let tokens =
        try chat?.prompt(text, tokenizer) ?? tokenizer.encode(prompt: [.marked(text.utf8)])
      guard !tokens.isEmpty else {
        throw EvaluationError.usage("prompt \(index + 1) has no tokens that could be continued")
      }
      TokenizerNotes.tell(
        of: (chat?.words(of: text) ?? text).utf8, named: "prompt \(index + 1)", as: tokens,
        by: tokenizer)
      if let chat, !chat.trimsWords, text != text.withoutOuterSpaces {
        TokenizerNotes.tell(
          "prompt \(index + 1): begins or ends with spaces or line feeds, which chat format"
            + " \(chat.name) keeps in the user's turn")
      }
      // The last token of a text goes through the model no more.
      let room = model.plan.globals[.positions].map { $0.rows - tokens.count + 1 }
      return Prompt(
        text: text, tokens: tokens, maximum: max(min(maximum, room ?? maximum), 1))
    }
  }

  /// Writes on after prompts.
  /// - Parameters:
  ///   - prompts: those of this model.
  ///   - model: the model.
  ///   - onText: called with a prompt's index and the next piece of its text, whole characters alone, as
  ///     soon as nothing that may come can change it; false ends all work.
  ///   - progress: called with the share done.
  /// - Returns: the texts.
  /// - Throws: `ModelError` for logits that are not finite and for a prompt that is longer than the
  ///   positions that a model has.
  package func run(
    _ prompts: [Prompt], _ model: Model, onText: (Int, String) -> Bool = { _, _ in true },
    progress: (Double) -> Void = { _ in }
  ) throws -> GeneratedTexts {
    let clock = ContinuousClock()
    let began = clock.now
    let tokenizer = try model.tokenizer()
    let ends = try stops(model, tokenizer)
    let generator = TokenGenerator(
      ForwardPass(plan: model.plan, as: rotary, threads: options.threads), stops: Set(ends),
      choice: choice)
    var growing = prompts.map { _ in GrowingText(tokenizer, stops: until) }
    var told = [Int](repeating: 0, count: prompts.count)
    var isWanted = true
    func tell(_ index: Int, upTo count: Int) {
      guard isWanted, count > told[index] else { return }
      let piece = growing[index].bytes.dropFirst(told[index]).prefix(count - told[index])
      told[index] = count
      isWanted = onText(index, String(decoding: piece, as: UTF8.self))
    }
    var tokens: [[Int32]] = []
    let length = prompts.map { $0.tokens.count + $0.maximum }.max() ?? 0
    for batch in Array(prompts.indices).batches(
      of: try options.growing(model.plan, length: length))
    {
      tokens += try generator.generate(
        batch.map { prompts[$0].tokens }, maxima: batch.map { prompts[$0].maximum }
      ) { place, found in
        let index = batch[place]
        if let last = found.last { growing[index].append(last) }
        tell(index, upTo: growing[index].certainCount)
        return growing[index].isStopped || !isWanted
      } onStep: { step in
        let share = Double(step) / Double(maximum) * Double(batch.count)
        progress((Double(batch[0]) + share) / Double(prompts.count))
      }
      for index in batch { tell(index, upTo: growing[index].bytes.count) }
    }
    try model.checkRead()
    let texts = prompts.enumerated().map { index, prompt in
      GeneratedTexts.Text(
        prompt: prompt.text, promptTokens: prompt.tokens.count,
        text: String(decoding: growing[index].bytes, as: UTF8.self), tokens: tokens[index],
        end: end(of: tokens[index], prompt, isStopped: growing[index].isStopped))
    }
    return GeneratedTexts(
      texts: texts, seconds: (clock.now - began) / .seconds(1), date: Date())
  }

  /// The tokens that end a text: the model's, then the chat format's.
  private func stops(_ model: Model, _ tokenizer: Tokenizer) throws -> OrderedSet<Int32> {
    try tokenizer.ends(of: model.checkpoint).union(
      [chat?.endToken(of: tokenizer)].compactMap { $0 })
  }

  /// A number for each step follows from the seed alone: no prompt changes what another one gets.
  private var choice: TokenChoice {
    guard temperature > 0 else { return .mostLikely }
    return .drawn(
      TokenSampling(temperature: temperature, topP: topP) { [seed] step in
        var random = SeededGenerator(seed: seed, task: "generate", length: 0, index: step)
        return Double(random.next() >> 11) * 0x1p-53
      })
  }

  private func end(
    of tokens: [Int32], _ prompt: Prompt, isStopped: Bool
  ) -> GeneratedTexts.End {
    if isStopped { return .until }
    guard tokens.count == prompt.maximum else { return .endToken }
    return prompt.maximum == maximum ? .maximum : .positions
  }

  /// Everything that a token of the texts depends on; waits for the model's hash.
  package func identity(_ prompts: [Prompt], _ model: Model) throws -> EvaluationIdentity {
    let longest = prompts.map { $0.tokens.count + $0.maximum }.max() ?? 0
    let texts = prompts.map { SourceHash.sha256(text: chat?.words(of: $0.text) ?? $0.text) }
    let tokenizer = try model.tokenizer()
    var settings = Settings.of(
      self, leaving: ["rotary", "options"], names: ["maximum": "max_tokens", "topP": "top_p"])
    settings["stops"] = Settings.json(Array(try stops(model, tokenizer)))
    return EvaluationIdentity(
      of: "generate",
      models: [
        try model.identity(
          rotary: model.plan.rotary.applying(rotary, length: longest), length: longest,
          tokenizer: tokenizer)
      ],
      settings: settings,
      materials: ["prompts_sha256": .array(texts.map { .string($0) })], options: options,
      units: prompts.count)
  }
}
