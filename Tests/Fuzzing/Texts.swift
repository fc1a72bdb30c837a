import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Vocabulary

/// Texts, what splits them, and what asks about them.
enum Texts {
  static func json(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let seeds = try [
      Workplace.fixtures + "/lantern.golden.json", Workplace.fixtures + "/lantern.needle.json",
      References.file("Tests/VocabularyTests/Golden/llama3/tokenizer.json"),
      References.file("formats/architectures/llama.json"),
    ].map(Workplace.bytes)
    return { random in
      guard let bytes = random.element(of: seeds) else { return }
      try readAgain(bytes.mutated(&random, within: bytes.indices))
    }
  }

  /// JSON that can be read is the same when it is written and read again.
  static func readAgain(_ bytes: [UInt8]) throws {
    let value = try JSONValue.parse(bytes, file: "case.json")
    for pretty in [true, false] {
      let text = Array(value.serialized(pretty: pretty).utf8)
      guard try JSONValue.parse(text, file: "again") == value else {
        throw Contradiction(description: "written and read again, the value is another")
      }
    }
  }

  private static let tokenizers = ["gpt2", "llama3", "smollm", "spm-metaspace", "spm-prepend"].map {
    References.file("Tests/VocabularyTests/Golden/\($0)")
  }

  static func tokenizer(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let seeds = try tokenizers.map { try JSONValue.read(contentsOf: $0 + "/tokenizer.json") }
    return { random in
      guard let seed = random.element(of: seeds) else { return }
      let folder = try workplace.fresh("case")
      _ = try workplace.write(
        Array(seed.mutated(&random).serialized(pretty: false).utf8), to: "case/tokenizer.json")
      guard let tokenizer = try Tokenizer.load(fromFolder: folder) else { return }
      try encode(words(&random), with: tokenizer, &random)
      _ = try tokenizer.huggingFaceFiles(context: 512)
      _ = try tokenizer.ggufMetadata(vocabularySize: tokenizer.vocabularySize + 3)
    }
  }

  static func text(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let seeds = try tokenizers.map { try Tokenizer.load(fromFolder: $0) }.compactMap { $0 }
    return { random in
      guard let tokenizer = random.element(of: seeds) else { return }
      try encode(words(&random), with: tokenizer, &random)
    }
  }

  /// Ids depend neither on threads nor on how often they are asked for, and stand for the text.
  private static func encode(
    _ text: [UInt8], with tokenizer: Tokenizer, _ random: inout SeededGenerator
  ) throws {
    let special = random.isOne(in: 2)
    let ids = try [1, 3].map {
      try tokenizer.encode(text, addSpecial: false, parseSpecial: special, threads: $0)
    }
    guard ids[0] == ids[1] else {
      throw Contradiction(description: "1 and 3 threads give other tokens")
    }
    _ = tokenizer.decode(ids[0] + [-1, .max])
  }

  /// Words, white space, characters of all planes and bytes that are none.
  private static func words(_ random: inout SeededGenerator) -> [UInt8] {
    let pieces = [
      "the", " lantern", "'s", "1234", "  ", "\n\n", "\t", "\u{E9}", "e\u{301}",
      "\u{1F468}\u{200D}\u{1F469}",
      "\u{AC00}", "\u{3000}", "\u{FEFF}", "<s>", "<|endoftext|>", "\0", "\u{10FFFF}", "\u{2581}",
      "!?",
    ].map { Array($0.utf8) }
    var text: [UInt8] = []
    for _ in 0..<random.integer(below: 200) {
      if random.isOne(in: 10) {
        text.append(UInt8(random.integer(below: 256)))
      } else {
        text += random.element(of: pieces) ?? []
      }
    }
    // A word without end, and a text long enough to be cut for threads.
    if random.isOne(in: 20) { text += [UInt8](repeating: 0x61, count: 100_000) }
    if random.isOne(in: 20) { text = Array(repeatElement(text, count: 300).joined()) }
    return text
  }

  static func questions(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let squad: JSONValue = [
      "data": [
        [
          "title": "t",
          "paragraphs": [
            [
              "context": "The lamp is red.",
              "qas": [
                ["question": "Which?", "is_impossible": false, "answers": [["text": "red"]]]
              ],
            ], ["context": "Other.", "qas": []],
          ],
        ]
      ]
    ]
    let hotpot: JSONValue = [
      ["question": "Which?", "answer": "red", "context": [["title", ["The lamp", " is red."]]]]
    ]
    let template = try JSONValue.read(contentsOf: Workplace.fixtures + "/lantern.needle.json")
    let tasks = try ["codes", "keepers", "recall"].map {
      try Workplace.bytes("\(Workplace.fixtures)/tasks/\($0).jsonl").split(separator: 10)
        .prefix(3).map { try JSONValue.parse(Array($0), file: "task") }
    }
    let model = try Model(opening: Workplace.fixtures + "/lantern.gguf")
    return { random in
      switch random.integer(below: 5) {
      case 0: _ = try RulerQuestions(squad: squad.mutated(&random), file: "squad.json")
      case 1: _ = try RulerQuestions(hotpot: hotpot.mutated(&random), file: "hotpot.json")
      case 2:
        let json = template.mutated(&random)
        var evaluation = NeedleEvaluation(
          template: try NeedleTemplate(json, file: "needle.json"), lengths: [128], depths: [50],
          trials: 1)
        evaluation.seed = random.next()
        _ = try evaluation.run(
          model, in: Haystack(path: Workplace.fixtures + "/lantern.haystack.txt"))
      case 3:
        let ids: JSONValue = .array((0..<20).map { JSONValue($0) })
        let path = try workplace.write(
          Array(ids.mutated(&random).serialized(pretty: false).utf8), to: "ids.json")
        _ = try PerplexityEvaluation(windows: WindowPlan(context: 8)).run(
          model, on: TokenizedText(.tokens(path: path), for: model))
      default:
        let lines = (random.element(of: tasks) ?? []).map {
          (random.isOne(in: 2) ? $0.mutated(&random) : $0).serialized(pretty: false) + "\n"
        }
        let path = try workplace.write(Array(lines.joined().utf8), to: "task.jsonl")
        let evaluation = FewShotEvaluation(shots: random.integer(below: 3))
        _ = try evaluation.run(model, on: [FewShotTask(path: path)])
      }
    }
  }
}
