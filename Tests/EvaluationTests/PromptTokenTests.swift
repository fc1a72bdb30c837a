import Base
import Checkpoints
import Evaluation
import Foundation
import OrderedCollections
import TestSupport
import Testing
import Vocabulary

/// What the prompts of evaluations are as tokens, for tokenizers that add something to a text.
@Suite struct PromptTokenTests {
  private let lantern = References.file("fixtures/lantern.gguf")

  /// The fixture with other metadata.
  private func model(
    _ change: (inout OrderedDictionary<String, MetadataValue>) throws -> Void,
    _ body: (Model) throws -> Void
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Checkpoint.open(lantern)
    var metadata = source.metadata
    try change(&metadata)
    let tensors = source.tensors.values.map {
      OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
    }
    try GGUFWriter.write(
      to: "\(work)/m.gguf", metadata: metadata, tensors: tensors, force: true, inputs: [])
    try body(try Model(opening: "\(work)/m.gguf"))
  }

  /// A vocabulary of characters in the way of SentencePiece, which puts a space before every text.
  private func characters(_ metadata: inout OrderedDictionary<String, MetadataValue>) throws {
    let count = try #require(metadata["tokenizer.ggml.tokens"]?.array?.count)
    var tokens = ["<unk>", "<s>", "</s>"]
    var kinds: [Int32] = [2, 3, 3]
    for byte in 0..<256 {
      tokens.append("<0x\(String(format: "%02X", byte))>")
      kinds.append(6)
    }
    for text in ["\u{2581}"] + (UInt8(0x21)...0x7E).map({ String(UnicodeScalar($0)) }) {
      tokens.append(text)
      kinds.append(1)
    }
    while tokens.count < count {
      tokens.append("[PAD\(tokens.count)]")
      kinds.append(5)
    }
    for key in metadata.keys where key.hasPrefix("tokenizer.") { metadata[key] = nil }
    metadata["tokenizer.ggml.model"] = .string("llama")
    metadata["tokenizer.ggml.tokens"] = .array(.strings(tokens))
    metadata["tokenizer.ggml.token_type"] = .array(.int32(kinds))
    metadata["tokenizer.ggml.scores"] = .array(.floats([Float](repeating: 0, count: count)))
    metadata["tokenizer.ggml.bos_token_id"] = .uint32(1)
    metadata["tokenizer.ggml.eos_token_id"] = .uint32(2)
  }

  private func needles() throws -> (template: NeedleTemplate, haystack: Haystack) {
    let file = References.file("fixtures/lantern.needle.json")
    let json = try JSONValue.parse(TokenizedText.read(file), file: file)
    return (
      try NeedleTemplate(json, file: file),
      try Haystack(path: References.file("fixtures/lantern.haystack.txt"))
    )
  }

  /// Ids are those of the whole text, which has single spaces, and an answer has the ids that it has
  /// in the needle.
  @Test(arguments: [nil, "mistral", "chatml"])
  func needlesGetNoSpaceOfTheirOwn(chat: String?) throws {
    let (template, haystack) = try needles()
    try model(characters) { model in
      let tokenizer = try model.tokenizer()
      let format = ChatFormat.known.first { $0.name == chat }
      let evaluation = NeedleEvaluation(template: template, chat: format)
      for (depth, trial) in [(0.0, 0), (0, 1), (50, 0), (50, 1), (100, 2)] {
        let made = try evaluation.completion(
          model, in: haystack, length: 400, depth: depth, trial: trial)
        // Where a size ends with a space, none is put there: some lengths cannot be had.
        #expect((399...400).contains(made.tokens.count))
        let decoded = tokenizer.decode(made.tokens, includesControl: false)
        #expect(decoded.first == 0x20)
        let text = String(decoding: decoded.dropFirst(), as: UTF8.self)
        #expect(!text.contains("  ") && !text.hasPrefix(" "), "\(text)")
        #expect(text.hasPrefix(format?.beforeUser ?? ""))
        #expect(text.contains(format?.afterUser ?? " "))
        #expect(
          try tokenizer.encode(Array(text.utf8), addSpecial: true, parseSpecial: false)
            == made.tokens)
        let answer = Array(made.tokens[made.answer])
        let value = String(decoding: tokenizer.decode(answer), as: UTF8.self)
        // A reply that begins with the answer begins without a space.
        let digits = format == nil ? value.dropFirst() : value[...]
        #expect(format != nil || value.first == " ")
        #expect(digits.wholeMatch(of: #/[0-9]{4}/#) != nil, "\(value)")
        #expect(Array(made.tokens[..<made.answer.lowerBound]).firstRange(of: answer) != nil)
      }
    }
  }

  /// A file's prompts are the texts: whoever encodes one as a text gets its ids.
  @Test func promptsAreTextsOfTheirTokens() throws {
    let (template, haystack) = try needles()
    try model(characters) { model in
      let tokenizer = try model.tokenizer()
      let evaluation = NeedleEvaluation(
        template: template, lengths: [300], depths: [0, 60], trials: 2)
      let prompts = try evaluation.prompts(model, in: haystack)
      for index in 0..<prompts.count {
        let json = try prompts.json(at: index)
        let input = try #require(json["input"]?.string)
        let output = try #require(json["outputs"]?.array?.first?.string)
        let made = try evaluation.completion(
          model, in: haystack, length: 300, depth: try #require(json["depth"]?.double),
          trial: try #require(json["trial"]?.int))
        #expect(
          try tokenizer.encode(Array((input + output).utf8), addSpecial: true, parseSpecial: false)
            == made.tokens)
      }
    }
  }

  /// A tokenizer that ends every text with EOS gives the numbers that it gives without.
  @Test func noPromptAndNoTextEndsWithEOS() throws {
    let plain = try Model(opening: lantern)
    func end(_ metadata: inout OrderedDictionary<String, MetadataValue>) {
      metadata["tokenizer.ggml.add_eos_token"] = .bool(true)
    }
    try model(end) { ending in
      #expect(try ending.tokenizer().addsEOS)
      let recall = try FewShotTask(path: References.file("fixtures/tasks/recall.jsonl"))
      func answers(_ model: Model) throws -> FewShotResult {
        try FewShotEvaluation(limit: 4).run(model, on: [recall])
      }
      #expect(try answers(plain).meanAccuracy > 0.5)
      #expect(try answers(ending).record.units == answers(plain).record.units)
      func ruler(_ model: Model) throws -> RulerResult {
        try RulerEvaluation(tasks: [.niahSingle1], lengths: [1024], samples: 1, mode: .nll).run(
          model, prompts: RulerGenerator(tokenizer: try model.tokenizer(), seed: 7))
      }
      #expect(try ruler(ending).record.units == ruler(plain).record.units)
      let source = TextSource.bytes(Array("Bram walked from the mill.".utf8), name: "t")
      #expect(
        try TokenizedText(source, for: ending).tokens == TokenizedText(source, for: plain).tokens)
      func bits(_ model: Model) throws -> Double {
        try BitsPerByteEvaluation().run(model, on: TokenizedText(source, for: model)).bitsPerByte
      }
      #expect(try bits(ending) == bits(plain))
    }
  }

  /// An answer's likelihood is that of its tokens in the whole text, from all logits in double
  /// precision: variable tracking's prompt ends with the space that the answer's first token has.
  @Test func likelihoodsOfAnswersAreThoseOfTheWholeText() throws {
    let model = try Model(opening: lantern)
    let tokenizer = try model.tokenizer()
    let generator = RulerGenerator(tokenizer: tokenizer, seed: 7)
    let result = try RulerEvaluation(
      tasks: [.niahSingle1, .variableTracking], lengths: [1024], samples: 1, mode: .nll
    ).run(model, prompts: generator)
    for unit in result.record.units {
      let task = try #require(RulerTask(rawValue: unit.values["task"]?.string ?? ""))
      let sample = try generator.sample(task: task, length: 1024, index: 0)
      let tokens = try tokenizer.encode(
        Array((sample.prompt + sample.answerText).utf8), addSpecial: true, parseSpecial: false)
      // As many of the last tokens as it takes to spell the answer.
      var count = 0
      while tokenizer.decode(tokens.suffix(count)).count < sample.answerText.utf8.count {
        count += 1
      }
      let vocabulary = model.plan.shape.vocabulary
      let logits = try model.logits(tokens)
      var sum = 0.0
      for place in (tokens.count - count)..<tokens.count {
        let row = (0..<vocabulary).map { Double(logits[(place - 1) * vocabulary + $0]) }
        let top = try #require(row.max())
        sum += log(row.reduce(0) { $0 + exp($1 - top) }) + top - row[Int(tokens[place])]
      }
      let found = try #require(unit.values["answer_nll"]?.double)
      #expect(abs(found - sum / Double(count)) < 1e-4, "\(task)")
    }
  }

  /// 4,000 marks of a system turn: what stands behind one was copied up to the template's end.
  @Test func manySystemTurnsOfATemplate() throws {
    let mark = "<|im_start|>system"
    let chat = try #require(ChatFormat.known.first { $0.name == "chatml" })
    func omission(_ template: String) throws -> (words: String?, time: Duration) {
      var found: String?
      var time = Duration.zero
      func change(_ metadata: inout OrderedDictionary<String, MetadataValue>) {
        metadata["tokenizer.chat_template"] = .string(template)
      }
      try model(change) { model in
        time = ContinuousClock().measure { found = try? chat.omission(for: model) }
      }
      return (found, time)
    }
    let many = try omission(String(repeating: mark, count: 4000))
    // It is written in every conversation, with words that are not known.
    #expect(many.words?.contains("begins with is left out") == true)
    #expect(many.time < .seconds(3))
    let few = String(repeating: mark, count: 50)
    let words = try omission(few + "\\nYou are a lamp<|im_end|>").words
    #expect(words?.contains("('You are a lamp')") == true, "\(words ?? "")")
  }
}
