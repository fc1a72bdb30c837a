import Checkpoints
import Foundation
import OrderedCollections
import TestSupport
import Testing

/// What is said where the tokens of a text are worth less than they seem.
@Suite struct TokenizerWarningTests: CommandSuite {
  private func call(_ arguments: [String]) throws -> Finished {
    try runProgram(Self.program, arguments)
  }

  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  /// The fixture with other metadata.
  private func changed(
    _ path: String, _ change: (inout OrderedDictionary<String, MetadataValue>) throws -> Void
  ) throws {
    let source = try Checkpoint.open(Self.model)
    var metadata = source.metadata
    try change(&metadata)
    try GGUFWriter.write(
      to: path, metadata: metadata,
      tensors: source.tensors.values.map {
        OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
      }, force: true, inputs: [])
  }

  private func warnings(_ finished: Finished, of word: String) -> Int {
    finished.errors.split(separator: "\n").count {
      $0.hasPrefix("ropeconv: warning: ") && $0.contains(word)
    }
  }

  /// Every command that tokenizes says once that a text is not the vocabulary's.
  @Test func textsThatTheVocabularyLacks() throws {
    try folder { work in
      let text = "\(work)/cyrillic.txt"
      let letters = (0x410...0x44F).compactMap { Unicode.Scalar($0).map(String.init) }.joined()
      try String(repeating: letters + ". ", count: 20).write(
        toFile: text, atomically: true, encoding: .utf8)
      let tasks = "\(work)/task.jsonl"
      try Array(
        repeating: "{\"context\": \"\(letters)\", \"continuation\": \"\(letters.prefix(3))\"}\n",
        count: 3
      ).joined().write(toFile: tasks, atomically: true, encoding: .utf8)
      let chunks = ["--text", text, "--ctx", "64", "--chunks", "2"]
      let calls = [
        ["tokenize", Self.model, "--text", text],
        ["eval", "perplexity", Self.model] + chunks,
        ["eval", "perplexity", Self.model, "--text", text, "--lengths", "32,64"],
        ["eval", "compare", Self.model, Self.model] + chunks,
        ["eval", "bytes", Self.model, "--text", text, "--ctx", "64"],
        ["eval", "needle", Self.model, "--haystack", text, "--lengths", "256", "--trials", "1"],
        [
          "eval", "ruler", Self.model, "--task", "niah_single_2", "--essays", text, "--lengths",
          "1024", "--samples", "1", "--mode", "nll",
        ],
        ["eval", "icl", Self.model, "--tasks", tasks, "--examples", "2"],
        ["analyze", Self.model] + chunks,
        ["verify", Self.model, Self.model] + chunks,
        ["convert", Self.model, "--to", "nope", "-o", "\(work)/a.gguf"] + chunks,
        [
          "convert", Self.model, "--to", "qkvo", "-o", "\(work)/b.gguf", "--calibrate", text,
          "--calibrate-ctx", "64",
        ],
      ]
      for arguments in calls {
        let finished = try call(arguments)
        #expect(finished.status == 0, "\(arguments): \(finished.errors)")
        #expect(
          warnings(finished, of: "% of its tokens are unknown or single bytes") == 1,
          "\(arguments): \(finished.errors)")
      }
      let fields = try json(call(calls[1] + ["--json", "--quiet"]))
      #expect(fields["warnings"]?.array?.count == 1)
      let own = try call(["tokenize", Self.model, "--text", Self.text])
      #expect(own.errors.isEmpty)
    }
  }

  @Test func aPreTokenizerThatIsNotStated() throws {
    try folder { work in
      let model = "\(work)/model.gguf"
      try changed(model) { $0["tokenizer.ggml.pre"] = nil }
      let finished = try call(["tokenize", model, "--text", Self.text])
      #expect(finished.status == 0)
      #expect(warnings(finished, of: "tokenizer.ggml.pre): 'default' is taken") == 1)
    }
  }

  /// A byte order mark is scored like any text, and that is said.
  @Test func aByteOrderMark() throws {
    try folder { work in
      let (marked, plain) = ("\(work)/marked.txt", "\(work)/plain.txt")
      let text = try Data(contentsOf: URL(fileURLWithPath: Self.text)).prefix(2000)
      try text.write(to: URL(fileURLWithPath: plain))
      try (Data([0xEF, 0xBB, 0xBF]) + text).write(to: URL(fileURLWithPath: marked))
      for command in [["tokenize", Self.model], ["eval", "bytes", Self.model, "--ctx", "64"]] {
        let finished = try call(command + ["--text", marked])
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(
          warnings(finished, of: "marked.txt: begins with a UTF-8 byte order mark") == 1,
          "\(finished.errors)")
        #expect(try call(command + ["--text", plain, "--quiet"]).errors.isEmpty)
        #expect(try warnings(call(command + ["--text", plain]), of: "byte order mark") == 0)
      }
    }
  }

  /// An example whose right answer stands among its choices before can never be right.
  @Test func rightAnswersThatStandTwice() throws {
    try folder { work in
      let tasks = "\(work)/twice.jsonl"
      func line(_ choices: String, _ gold: Int) -> String {
        #"{"query": "The code of the fox is", "choices": [\#(choices)], "gold": \#(gold)}"#
      }
      // The blank line counts; a copy behind the right answer does no harm.
      try [
        line(#""5486", "1234""#, 0), "", line(#""5486", "1234", "5486""#, 2),
        line(#""5486", "1234", "5486""#, 0), line(#""1", "1", "2""#, 1),
      ].joined(separator: "\n").write(toFile: tasks, atomically: true, encoding: .utf8)
      let icl = ["eval", "icl", Self.model, "--tasks", tasks, "--json"]
      let finished = try call(icl)
      #expect(finished.status == 0, "\(finished.errors)")
      let words = "twice: 2 examples have a right answer that is equal to one before it"
      #expect(warnings(finished, of: words) == 1, "\(finished.errors)")
      #expect(finished.errors.contains("(the first in line 3)"), "\(finished.errors)")
      let units = try #require(json(finished)["units"]?.array)
      for index in [1, 3] { #expect(units[index]["values"]?["correct"] == false) }
      #expect(try warnings(call(icl + ["--examples", "2"]), of: "twice: an example has") == 1)
      #expect(try warnings(call(icl + ["--examples", "1"]), of: "a right answer") == 0)
    }
  }

  /// Bytes without a token are counted.
  @Test func bytesThatAreLeftOut() throws {
    guard let model = try References.smolLM2() else { return }
    let finished = try runProgram(
      Self.program, ["tokenize", model, "--text", "-"], input: "a\u{4}b\u{6}c\u{1}d")
    #expect(finished.output == "81 82 83 191 84\n")
    #expect(warnings(finished, of: "standard input: 2 bytes have no token in") == 1)
  }

  @Test func whatATokenizerPutsAfterTexts() throws {
    try folder { work in
      let model = "\(work)/model.gguf"
      try changed(model) { $0["tokenizer.ggml.add_eos_token"] = .bool(true) }
      let short = "\(work)/short.txt"
      try String(repeating: "The fox is here. ", count: 40).write(
        toFile: short, atomically: true, encoding: .utf8)
      let text = ["--text", short, "--ctx", "64"]
      for arguments in [
        ["eval", "bytes", model] + text, ["eval", "perplexity", model, "--chunks", "1"] + text,
        ["generate", model, "--prompt", "There is", "--max-tokens", "1"],
      ] {
        let finished = try call(arguments)
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(warnings(finished, of: "after every text") == 1, "\(finished.errors)")
      }
      #expect(try call(["tokenize", model, "--text", short]).errors.isEmpty)
    }
  }

  @Test func aHaystackThatIsTooShort() throws {
    try folder { work in
      let text = "\(work)/short.txt"
      try "The fox is here. The dog is there again.\n".write(
        toFile: text, atomically: true, encoding: .utf8)
      let finished = try call([
        "eval", "needle", Self.model, "--haystack", text, "--lengths", "256", "--trials", "1",
        "--depths", "50", "--json",
      ])
      #expect(warnings(finished, of: "tokens are repeated to fill") == 1, "\(finished.errors)")
      #expect(try json(finished)["haystack_tokens"]?.int ?? 99 < 42)
    }
  }

  /// The words of a template's own system turn, which no format has.
  @Test func theSystemTurnOfATemplate() throws {
    try folder { work in
      let model = "\(work)/model.gguf"
      for (begins, quoted) in [
        (#"{{ '<|im_start|>system\nYou are a lamp<|im_end|>\n' }}"#, "('You are a lamp')"),
        (
          #"{% if messages[0].role == 'system' %}{{ '<|im_start|>system\n' + messages[0].content }}"#
            + "{% endif %}", nil
        ),
        (#"{% set default_system_message = 'You' %}"#, "is left out"),
      ] {
        let turns =
          #"{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"#
          + "{% endfor %}"
          + #"{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"#
        try changed(model) { $0["tokenizer.chat_template"] = .string(begins + turns) }
        for chat in ["auto", "chatml", "llama3"] {
          let finished = try call([
            "generate", model, "--prompt", "Who", "--chat", chat, "--max-tokens", "1",
          ])
          #expect(finished.status == 0, "\(finished.errors)")
          let count = quoted != nil && chat != "llama3" ? 1 : 0
          #expect(warnings(finished, of: "system turn") == count, "\(finished.errors)")
          // The fixture's vocabulary has no tokens for any of them.
          let mark = chat == "llama3" ? "'<|start_header_id|>'" : "'<|im_start|>'"
          #expect(warnings(finished, of: "has no token for \(mark)") == 1, "\(finished.errors)")
          if count == 1, let quoted { #expect(finished.errors.contains(quoted)) }
        }
      }
    }
  }

  /// One vocabulary, of whose merges two changed places.
  @Test func twoTokenizersOfOneVocabulary() throws {
    try folder { work in
      let (chatting, other, exported) = (
        "\(work)/chatting.gguf", "\(work)/other.gguf", "\(work)/hf/"
      )
      try changed(chatting) { $0["tokenizer.chat_template"] = .string("{{ messages }}") }
      try changed(other) { metadata in
        var merges = try #require(metadata["tokenizer.ggml.merges"]?.array?.strings())
        merges.swapAt(0, 1)
        metadata["tokenizer.ggml.merges"] = .array(.strings(merges))
      }
      #expect(try call(["convert", Self.model, "--to", "qk", "-o", exported]).status == 0)
      let chunks = ["--text", Self.text, "--ctx", "64", "--chunks", "1"]
      for command in [["verify"], ["eval", "compare"]] {
        let differing = try call(command + [Self.model, other] + chunks)
        #expect(differing.status == 0, "\(differing.errors)")
        let words = "different tokenizers: merge 0 joins 'h' and 'e' in the first and ' ' and 't'"
        #expect(warnings(differing, of: words) == 1, "\(differing.errors)")
        for same in [chatting, exported] {
          let finished = try call(command + [Self.model, same] + chunks)
          #expect(finished.status == 0, "\(finished.errors)")
          #expect(warnings(finished, of: "different tokenizers") == 0, "\(finished.errors)")
        }
      }
    }
  }

  @Test func twoVocabulariesOfOneSize() throws {
    try folder { work in
      let (same, other) = ("\(work)/same.gguf", "\(work)/other.gguf")
      try changed(same) { _ in }
      try changed(other) { metadata in
        var tokens = try #require(metadata["tokenizer.ggml.tokens"]?.array?.strings())
        tokens.swapAt(300, 301)
        metadata["tokenizer.ggml.tokens"] = .array(.strings(tokens))
      }
      let chunks = ["--text", Self.text, "--ctx", "64", "--chunks", "1"]
      for command in [["verify"], ["eval", "compare"]] {
        let differing = try call(command + [Self.model, other] + chunks)
        #expect(differing.status == 0, "\(differing.errors)")
        #expect(
          warnings(differing, of: "different vocabularies: 2 of 768 token ids") == 1,
          "\(differing.errors)")
        #expect(warnings(try call(command + [Self.model, same] + chunks), of: "vocabular") == 0)
      }
    }
  }
}
