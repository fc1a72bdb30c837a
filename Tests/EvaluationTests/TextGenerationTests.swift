import Base
import Evaluation
import Foundation
import Inference
import TestSupport
import Testing

@Suite struct TextGenerationTests {
  private let model: Model

  init() throws { model = try Model(opening: References.file("fixtures/lantern.gguf")) }

  private static let prompts = ["The code of the little lantern is", "There is fog over", "Ida"]

  private func run(
    _ generation: TextGeneration, _ prompts: [String] = prompts,
    onText: (Int, String) -> Bool = { _, _ in true }
  ) throws -> [GeneratedTexts.Text] {
    try generation.run(generation.prompts(prompts, for: model), model, onText: onText).texts
  }

  @Test(arguments: [(0.0, 1.0), (1.0, 1.0), (0.7, 0.8)])
  func aPromptGetsTheSameTokensAloneOrAmongOthers(temperature: Double, topP: Double) throws {
    let generation = TextGeneration(
      maximum: 24, temperature: temperature, topP: topP, seed: 7,
      options: RunOptions(threads: 2))
    let together = try run(generation)
    for (index, prompt) in Self.prompts.enumerated() {
      var alone = generation
      alone.options = RunOptions(threads: 1)
      #expect(try run(alone, [prompt])[0].tokens == together[index].tokens)
    }
    var one = generation
    one.options = RunOptions(threads: 2, batch: 1)
    #expect(try run(one).map(\.tokens) == together.map(\.tokens))
  }

  @Test func greedyIsWhatTheModelGenerates() throws {
    let tokenizer = try model.tokenizer()
    let texts = try run(TextGeneration(maximum: 16))
    for text in texts {
      let ids = try tokenizer.encode(
        Array(text.prompt.utf8), addSpecial: true, parseSpecial: false)
      #expect(try model.generate([ids], maximum: 16)[0] == text.tokens)
      #expect(text.text == String(decoding: tokenizer.decode(text.tokens), as: UTF8.self))
      #expect(text.promptTokens == ids.count)
      #expect(text.end == (text.tokens.count == 16 ? .maximum : .endToken))
    }
  }

  /// A temperature near 0 and a small share leave the likeliest token alone; another seed draws
  /// others.
  @Test func whatIsDrawnFollowsFromTheSettings() throws {
    let greedy = try run(TextGeneration(maximum: 16)).map(\.tokens)
    #expect(try run(TextGeneration(maximum: 16, temperature: 1e-4)).map(\.tokens) == greedy)
    let few = TextGeneration(maximum: 16, temperature: 1, topP: 1e-6)
    #expect(try run(few).map(\.tokens) == greedy)
    let one = TextGeneration(maximum: 16, temperature: 1.5, seed: 1)
    let other = TextGeneration(maximum: 16, temperature: 1.5, seed: 2)
    #expect(try run(one).map(\.tokens) != run(other).map(\.tokens))
    #expect(try run(one).map(\.tokens) == run(one).map(\.tokens))
    let prompts = try one.prompts(Self.prompts, for: model)
    #expect(try one.identity(prompts, model).key != other.identity(prompts, model).key)
  }

  /// At a high temperature any byte may come: pieces are whole characters all the same, and all of
  /// the text.
  @Test(arguments: 0..<4)
  func piecesAreWholeCharactersAndTogetherTheText(seed: Int) throws {
    let generation = TextGeneration(
      maximum: 200, temperature: 8, seed: UInt64(seed), until: ["zq", "e the"])
    var pieces = ["", ""]
    var count = 0
    let texts = try run(generation, ["The code", "There"]) { index, piece in
      #expect(!piece.isEmpty)
      pieces[index] += piece
      count += 1
      return true
    }
    #expect(pieces == texts.map(\.text))
    #expect(count > 20)
    for text in texts { #expect(!text.text.contains("zq") && !text.text.contains("e the")) }
  }

  @Test func aTextEndsBeforeWhatIsToEndIt() throws {
    let whole = try run(TextGeneration(maximum: 40), [Self.prompts[1]])[0].text
    let stop = String(whole.dropFirst(5).prefix(4))
    let found = try run(
      TextGeneration(maximum: 40, until: ["never comes", stop]), [Self.prompts[1]])
    #expect(found[0].text == whole.components(separatedBy: stop)[0])
    #expect(found[0].end == .until)
    #expect(found[0].tokens.count < 40)
  }

  @Test func settingsThatMakeNoSense() {
    for generation in [
      TextGeneration(maximum: 0), TextGeneration(temperature: -1),
      TextGeneration(temperature: .nan), TextGeneration(topP: 0), TextGeneration(topP: 1.5),
    ] {
      #expect(throws: EvaluationError.self) { try generation.prompts(["a"], for: model) }
    }
    #expect(throws: EvaluationError.self) { try TextGeneration().prompts([], for: model) }
    #expect(throws: EvaluationError.self) { try TextGeneration().prompts([""], for: model) }
  }

  /// The last token of a text needs no position: one more than a model has room for.
  @Test func positionsEndAText() throws {
    guard let parity = try References.shared("parity") else { return }
    let model = try Model(opening: "\(parity)/gpt2")
    let ids = (0..<(model.plan.shape.context - 3)).map { Int32($0 % 7 + 3) }
    let generator = TokenGenerator(ForwardPass(plan: model.plan, threads: 2))
    #expect(try generator.generate([ids], maximum: 4)[0].count == 4)
    #expect(throws: (any Error).self) { try generator.generate([ids], maximum: 5) }
  }

  /// The templates of Llama 3 and of Gemma write `message['content'] | trim`, Qwen 2.5's and Phi 3's the
  /// words as they are. Expected are the tokens of the whole text, marks and all.
  @Test(arguments: [
    ("llama3", true), ("gemma", true), ("chatml", false), ("phi3", false), ("zephyr", false),
    ("mistral-v3", false),
  ])
  func spacesAroundThePromptAreAsInTemplates(name: String, areTrimmed: Bool) throws {
    let chat = try #require(try ChatFormat.named(name, for: model))
    let generation = TextGeneration(maximum: 1, chat: chat)
    let texts = ["\n The code\u{A0}\u{1F}\n", "The code", " \n"]
    let prompts = try generation.prompts(texts, for: model)
    #expect(prompts.map(\.text) == texts)
    for (prompt, trimmed) in zip(prompts, ["The code", "The code", ""]) {
      let words = areTrimmed ? trimmed : prompt.text
      let expected = try model.tokenizer().encode(
        Array("\(chat.beforeUser)\(words)\(chat.afterUser)".utf8), addSpecial: false,
        parseSpecial: true)
      #expect(prompt.tokens == expected)
    }
    // What has the same tokens is the same work.
    func material(_ text: String) throws -> JSONValue? {
      let prompts = try generation.prompts([text], for: model)
      return JSONValue.object(try generation.identity(prompts, model).fields)["materials"]
    }
    #expect(try (material("The code\n") == material("The code")) == areTrimmed)
  }
}
