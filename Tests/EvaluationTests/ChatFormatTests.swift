import Base
import Checkpoints
import Evaluation
import Foundation
import TestSupport
import Testing

/// Which format a template is taken for, against what jinja2 gives for it in transformers' settings
/// (`trim_blocks`, `lstrip_blocks`), one message `HI` of a user and a prompt for the reply.
@Suite struct ChatFormatTests {
  private let lantern = References.file("fixtures/lantern.gguf")

  private static let loop = "{% for m in messages %}"
  private static let asked = "{% endfor %}{% if add_generation_prompt %}"

  struct Case: Sendable {
    let template: String
    /// Nil where no format here writes it.
    let written: String?

    init(_ parts: [String], writes written: String?) {
      template = parts.joined()
      self.written = written
    }
  }

  static let cases: [Case] = [
    Case(
      [
        loop, #"{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"#,
        asked, #"{{ '<|im_start|>assistant\n' }}{% endif %}"#,
      ],
      writes: "<|im_start|>user\nHI<|im_end|>\n<|im_start|>assistant\n"),
    // More follows what the reply begins with.
    Case(
      [
        loop, #"{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"#,
        asked, #"{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}"#,
      ],
      writes: nil),
    Case(
      [
        loop, "{{'<|im_start|>user<|im_sep|>' + m['content']",
        "+ '<|im_end|><|im_start|>assistant<|im_sep|>'}}{% endfor %}",
      ],
      writes: "<|im_start|>user<|im_sep|>HI<|im_end|><|im_start|>assistant<|im_sep|>"),
    Case(
      [
        loop, #"{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n'"#,
        "+ m.content | trim + '<|eot_id|>' }}", asked,
        #"{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"#,
      ],
      writes:
        "<|start_header_id|>user<|end_header_id|>\n\nHI<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    Case(
      [
        loop, "{% set role = m['role'] %}",
        #"{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}"#,
        asked, #"{{'<start_of_turn>model\n'}}{% endif %}"#,
      ],
      writes: "<start_of_turn>user\nHI<end_of_turn>\n<start_of_turn>model\n"),
    Case(
      [
        loop,
        #"{{'<|user|>' + '\n' + m['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"#,
        "{% endfor %}",
      ],
      writes: "<|user|>\nHI<|end|>\n<|assistant|>\n"),
    Case(
      [
        loop, "{{'<|' + m['role'] + '|>' + m['content'] + '<|end|>'}}", asked,
        "{{ '<|assistant|>' }}{% endif %}",
      ],
      writes: nil),
    Case(
      [
        "[gMASK]<sop>", loop, "<|user|>\n{{ m['content'] }}", asked, "<|assistant|>{% endif %}",
      ],
      writes: "[gMASK]<sop><|user|>\nHI<|assistant|>"),
    Case(
      [
        "[gMASK]<sop>", loop, "<|user|>\n{{ m['content'] }}", asked,
        "<|assistant|>\n<think>{% endif %}",
      ],
      writes: nil),
    // Turns end with EOS, which is `<|end|>` in the fixture.
    Case(
      [
        loop, "\n{% if m['role'] == 'user' %}\n",
        #"{{ '<|user|>\n' + m['content'] + eos_token }}"#,
        "\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n",
        "{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
      ],
      writes: "<|user|>\nHI<|end|>\n<|assistant|>\n"),
    // Only the model's turns end with it.
    Case(
      [
        loop, #"{% if m['role'] == 'user' %}{{ '<|user|>\n' + m['content'] + '\n' }}{% else %}"#,
        #"{{ '<|assistant|>\n' + m['content'] + eos_token + '\n' }}{% endif %}"#, asked,
        #"{{ '<|assistant|>\n' }}{% endif %}"#,
      ],
      writes: nil),
    Case(
      [
        loop, "{{ '[INST] ' + m['content'] + ' [/INST]' }}{% endfor %}",
      ],
      writes: "[INST] HI [/INST]"),
    Case(
      [
        loop, "{{ '[INST] ' + m['content'] + '[/INST]' }}{% endfor %}",
      ],
      writes: "[INST] HI[/INST]"),
    Case(
      [
        loop, "{{ '[INST]' + m['content'] + '[/INST]' }}{% endfor %}",
      ],
      writes: "[INST]HI[/INST]"),
    Case(
      [
        loop, "<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}",
        "<|start|>assistant",
      ],
      writes: nil),
    Case(
      [
        "{{ messages }}"
      ],
      writes: nil),
  ]

  /// Hands the body the fixture with this template.
  private func model(_ template: String, _ body: (Model) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Checkpoint.open(lantern)
    var metadata = source.metadata
    metadata["tokenizer.chat_template"] = .string(template)
    try GGUFWriter.write(
      to: "\(work)/m.gguf", metadata: metadata,
      tensors: source.tensors.values.map {
        OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
      }, force: true, inputs: [])
    try body(try Model(opening: "\(work)/m.gguf"))
  }

  @Test(arguments: cases.indices)
  func theFormatIsWhatTheTemplateWrites(index: Int) throws {
    let template = Self.cases[index].template
    try model(template) { model in
      guard let written = Self.cases[index].written else {
        let error = #expect(throws: EvaluationError.self, "\(template)") {
          try ChatFormat.named("auto", for: model)
        }
        #expect(error?.exitStatus == .usage)
        #expect(error?.summary.contains("is of no known family") == true)
        return
      }
      let format = try #require(try ChatFormat.named("auto", for: model))
      #expect(format.beforeUser + "HI" + format.afterUser == written)
    }
  }

  /// A question of one's own is the user's to its end, and the answer begins the reply; what the
  /// built-in template puts into the model's mouth is the built-in one's.
  @Test func whoSaysWhatInAChat() throws {
    let model = try Model(opening: lantern)
    let haystack = try Haystack(path: References.file("fixtures/lantern.haystack.txt"))
    let chatml = try #require(try ChatFormat.named("chatml", for: model))
    func prompt(_ template: NeedleTemplate) throws -> (input: String, output: String) {
      let json = try NeedleEvaluation(
        template: template, lengths: [400], depths: [50], trials: 1, chat: chatml
      ).prompts(model, in: haystack).json(at: 0)
      return (
        try #require(json["input"]?.string), try #require(json["outputs"]?.array?.first?.string)
      )
    }
    let own = try prompt(
      NeedleTemplate(
        ["question": "Which number for {key}? Reply with the number only.", "keys": ["Rome"]],
        file: "t.json"))
    let asked = "\n\nWhich number for Rome? Reply with the number only."
    #expect(own.input.hasSuffix("\(asked)<|im_end|>\n<|im_start|>assistant\n"))
    #expect(own.output.wholeMatch(of: #/[0-9]{7}/#) != nil, "\(own.output)")
    let begun = try prompt(
      NeedleTemplate(["question": "Which?", "begin": "It is", "keys": ["Rome"]], file: "t.json"))
    #expect(begun.input.hasSuffix("\n\nWhich?<|im_end|>\n<|im_start|>assistant\nIt is"))
    #expect(begun.output.wholeMatch(of: #/ [0-9]{7}/#) != nil, "\(begun.output)")
    let builtIn = try prompt(NeedleTemplate(["keys": ["Rome"]], file: "t.json"))
    #expect(
      builtIn.input.hasSuffix(
        "special magic number for Rome mentioned in the text above?<|im_end|>\n"
          + "<|im_start|>assistant\n"
          + "The special magic number for Rome mentioned in the text above is:"))
    #expect(builtIn.output.hasPrefix(" "))
  }
}
