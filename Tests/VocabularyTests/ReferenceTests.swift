import Base
import Checkpoints
import Foundation
import TestSupport
import Testing
import Vocabulary

/// Token ids against the ecosystem's own: llama.cpp's vocabulary vectors and Hugging Face's
/// `tokenizers` package.
@Suite struct ReferenceTests {
  static let vocabularies = ["deepseek-llm", "falcon", "gpt-2", "llama-bpe", "llama-spm", "qwen2"]

  /// Those of llama.cpp's folder `models`, where `ROPECONV_VOCABULARIES` names it.
  static let moreVocabularies =
    References.environment["ROPECONV_VOCABULARIES"] == nil
    ? []
    : [
      "bert-bge", "command-r", "deepseek-coder", "gemma-4", "mpt", "phi-3", "qwen35", "refact",
      "starcoder",
    ]

  private static func vocabulary(_ name: String) throws -> String? {
    let file = "ggml-vocab-\(name).gguf"
    guard moreVocabularies.contains(name) else { return try References.shared("vocab/\(file)") }
    return References.environment["ROPECONV_VOCABULARIES"].map { "\($0)/\(file)" }
  }

  @Test(arguments: vocabularies + moreVocabularies)
  func vectorsOfLlamaCpp(name: String) throws {
    guard let path = try Self.vocabulary(name) else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(path)))
    let texts = try String(contentsOfFile: path + ".inp", encoding: .utf8)
      .components(separatedBy: "\n__ggml_vocab_test__\n")
    let lines = try String(contentsOfFile: path + ".out", encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
    try #require(texts.count > 10 && lines.count >= texts.count)
    for (text, line) in zip(texts, lines) {
      let expected = line.split(separator: " ").compactMap { Int32($0) }
      let ids = try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: false)
      #expect(ids == expected, "\(name): \(text.debugDescription)")
    }
  }

  @Test func wikitextWithSmolLM2() throws {
    guard let model = try References.smolLM2(),
      let text = try References.shared("corpora/wiki.test.tokens"),
      let golden = try References.shared("oracle/wiki.test.smollm2.ids.json")
    else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(model)))
    let bytes = try #require(FileManager.default.contents(atPath: text)).prefix(200_000)
    let ids = try tokenizer.encode(Array(bytes), addSpecial: true, parseSpecial: false)
    let expected = try #require(try JSONValue.read(contentsOf: golden).array).compactMap(\.int)
    #expect(ids.map(Int.init) == expected)
  }

  static let folders = ["gpt2", "llama3", "smollm", "spm-prepend", "spm-metaspace"]

  @Test(arguments: folders)
  func tokenizerJSONOfHuggingFace(name: String) throws {
    let folder = References.file("Tests/VocabularyTests/Golden/\(name)")
    let tokenizer = try #require(try Tokenizer.load(fromFolder: folder))
    let cases = try #require(try JSONValue.read(contentsOf: "\(folder)/golden.json").array)
    try #require(cases.count > 20)
    for entry in cases {
      let text = try #require(entry["text"]?.string)
      let expected = try #require(entry["ids"]?.array).compactMap(\.int)
      let ids = try tokenizer.encode(Array(text.utf8), addSpecial: true, parseSpecial: true)
      #expect(ids.map(Int.init) == expected, "\(name): \(text.debugDescription)")
    }
  }

  /// The families' pre-tokenizers, and the name that GGUF has for each; none for the last, which
  /// tries every behavior of a split.
  static let families = [
    "falcon": "falcon", "deepseek-llm": "deepseek-llm", "deepseek-coder": "deepseek-coder",
    "deepseek-v3": "deepseek-v3", "tekken": "tekken", "gpt-4o": "gpt-4o", "qwen2": "qwen2",
    "dbrx": "dbrx", "qwen35": "qwen35", "seed-coder": "seed-coder", "bailingmoe": "bailingmoe",
    "bloom": "poro-chat", "gemma": "default", "glm": "dbrx", "behaviors": "",
  ]

  @Test(arguments: families.keys.sorted())
  func tokenizerJSONOfFamilies(name: String) throws {
    try tokenizerJSONOfHuggingFace(name: "families/\(name)")
    let folder = References.file("Tests/VocabularyTests/Golden/families/\(name)")
    let tokenizer = try #require(try Tokenizer.load(fromFolder: folder))
    let size = tokenizer.vocabularySize
    if name == "behaviors" {
      #expect(throws: VocabularyError.self) { try tokenizer.ggufMetadata(vocabularySize: size) }
      return
    }
    let metadata = try tokenizer.ggufMetadata(vocabularySize: size)
    #expect(metadata["tokenizer.ggml.pre"]?.string == Self.families[name])
    #expect(metadata["tokenizer.ggml.add_bos_token"]?.bool == false)
    #expect(tokenizer.lostInGGUF().isEmpty == (name != "glm"))
  }

  /// The keys written for GGUF give the same ids when read back.
  @Test(arguments: ["gpt2", "llama3", "smollm"])
  func metadataForGGUFGivesTheSameIds(name: String) throws {
    let folder = References.file("Tests/VocabularyTests/Golden/\(name)")
    let tokenizer = try #require(try Tokenizer.load(fromFolder: folder))
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var metadata = try tokenizer.ggufMetadata(vocabularySize: tokenizer.vocabularySize + 3)
    metadata["general.architecture"] = .string("llama")
    _ = try GGUFWriter.write(
      to: "\(work)/x.gguf", metadata: metadata, tensors: [], force: false, inputs: [], progress: nil
    )
    let back = try #require(try Tokenizer.load(from: Checkpoint.open("\(work)/x.gguf")))
    #expect(back.vocabularySize == tokenizer.vocabularySize + 3)
    #expect(back.addsBOS == tokenizer.addsBOS)
    for text in ["Hello world", "it's 1234", " two  spaces\n\n", "東京 🙂", "a<|end|>b"] {
      #expect(
        try back.encode(Array(text.utf8), addSpecial: true, parseSpecial: true)
          == tokenizer.encode(Array(text.utf8), addSpecial: true, parseSpecial: true), "\(text)")
    }
  }

  /// tokenizer.json made from a GGUF vocabulary, read back, gives llama.cpp's vectors
  /// (`Tests/Checks/transformers` holds the `tokenizers` package against them).
  @Test(arguments: vocabularies + moreVocabularies.filter { $0 != "bert-bge" })
  func folderFilesGiveTheVectors(name: String) throws {
    guard let path = try Self.vocabulary(name) else { return }
    let tokenizer = try #require(try Tokenizer.load(from: Checkpoint.open(path)))
    let files = try tokenizer.huggingFaceFiles(context: 2048)
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for (file, json) in [
      ("tokenizer.json", files.tokenizer), ("tokenizer_config.json", files.configuration),
    ] {
      try json.serialized(pretty: true)
        .write(toFile: "\(work)/\(file)", atomically: true, encoding: .utf8)
    }
    let back = try #require(try Tokenizer.load(fromFolder: work))
    #expect(back.vocabularySize == tokenizer.vocabularySize)
    #expect(back.addsBOS == tokenizer.addsBOS && back.addsEOS == tokenizer.addsEOS)
    // The converter of llama.cpp knows these tokenizers, and gives MPT's the name of OLMo's.
    let pre = try back.ggufMetadata(vocabularySize: back.vocabularySize)["tokenizer.ggml.pre"]
    let stored = name == "gemma-4" ? "default" : tokenizer.preTokenizer
    #expect(pre?.string == (name == "mpt" ? "olmo" : stored))
    let texts = try String(contentsOfFile: path + ".inp", encoding: .utf8)
      .components(separatedBy: "\n__ggml_vocab_test__\n")
    for text in texts {
      let bytes = Array(text.utf8)
      #expect(
        try back.encode(bytes, addSpecial: true, parseSpecial: true)
          == tokenizer.encode(bytes, addSpecial: true, parseSpecial: true),
        "\(name): \(text.debugDescription)")
    }
  }
}
