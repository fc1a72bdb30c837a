import Base
import Checkpoints
import Conversion
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
    // Thoughts follow what the reply begins with, as in Qwen 3.5: empty ones or others.
    Case(
      [
        loop, #"{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"#,
        asked, "\n", #"    {{- '<|im_start|>assistant\n' }}"#, "\n",
        "    {%- if enable_thinking is defined and enable_thinking is false %}\n",
        #"        {{- '<think>\n\n</think>\n\n' }}"#, "\n    {%- else %}\n",
        #"        {{- '<think>\n' }}"#, "\n    {%- endif %}\n{%- endif %}",
      ],
      writes: nil),
    // In Qwen 3 they follow where they are asked for.
    Case(
      [
        loop, #"{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"#,
        asked, "\n", #"    {{- '<|im_start|>assistant\n' }}"#, "\n",
        "    {%- if enable_thinking is defined and enable_thinking is false %}\n",
        #"        {{- '<think>\n\n</think>\n\n' }}"#, "\n    {%- endif %}\n{%- endif %}",
      ],
      writes: "<|im_start|>user\nHI<|im_end|>\n<|im_start|>assistant\n"),
    Case(
      [
        loop, #"{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"#,
        #"{% endfor %}{{ '<|im_start|>assistant\n' if add_generation_prompt else '' }}"#,
      ],
      writes: "<|im_start|>user\nHI<|im_end|>\n<|im_start|>assistant\n"),
    Case(
      [
        loop, #"{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"#,
        #"{% endfor %}{{ '<|im_start|>assistant\n' if add_generation_prompt else '' }}<think>"#,
      ],
      writes: nil),
    // A mark of calls, as in Devstral.
    Case(
      [
        loop, "{% if m['role'] == 'user' %}{{ '[INST]' + m['content'] + '[/INST]' }}{% else %}",
        "{{ '[TOOL_CALLS]' + m['name'] + '[ARGS]' + m['arguments'] }}{% endif %}{% endfor %}",
      ],
      writes: "[INST]HI[/INST]"),
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
      writes: "<|user|>HI<|end|><|assistant|>"),
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
    // As TheBloke/FusionNet_34Bx2_MoE-AWQ has it: jinja2 writes `HI [/INST]`, as only later turns, or
    // those behind a system turn, have their opening.
    Case(
      [
        "{%- for i in range(0, messages|length) -%}\n{%- if messages[i]['role'] == 'user' -%}\n",
        "{%- if i > 1 -%}\n{{- bos_token + '[INST] ' + messages[i]['content'] + ' [/INST]' -}}\n",
        "{%- else -%}\n{{- messages[i]['content'] + ' [/INST]' -}}\n{%- endif -%}\n",
        "{% elif messages[i]['role'] == 'system' %}\n",
        #"{{- '[INST] <<SYS>>\n' + messages[i]['content'] + '\n<</SYS>>\n\n' -}}"#,
        "\n{%- else -%}\n{{- ' ' + messages[i]['content'] + ' ' + eos_token -}}\n{% endif %}\n",
        "{% endfor %}",
      ],
      writes: nil),
    Case(
      [
        loop, "{% if loop.first %}{{ m.content + ' [/INST]' }}{% else %}",
        "{{ '[INST] ' + m.content + ' [/INST]' }}{% endif %}{% endfor %}",
      ],
      writes: nil),
    // What one branch writes before the words is no reason where both open the turn.
    Case(
      [
        loop, #"{% if loop.first %}{{ '[INST] ' + '' + m.content + ' [/INST]' }}{% else %}"#,
        "{{ '[INST] ' + m.content + ' [/INST]' }}{% endif %}{% endfor %}",
      ],
      writes: "[INST] HI [/INST]"),
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

  /// Hands the body the fixture with this template, or with names of some.
  private func model(
    _ template: String?, named names: [String] = [], _ body: (Model) throws -> Void
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Checkpoint.open(lantern)
    var metadata = source.metadata
    metadata["tokenizer.chat_template"] = template.map { MetadataValue.string($0) }
    if !names.isEmpty { metadata["tokenizer.chat_templates"] = .array(.strings(names)) }
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

  private func refusal(_ template: String?, named names: [String] = []) throws -> String? {
    var refusal: String?
    try model(template, named: names) { model in
      let error = #expect(throws: EvaluationError.self) { try ChatFormat.named("auto", for: model) }
      #expect(error?.exitStatus == .usage)
      refusal = error?.summary
    }
    return refusal
  }

  /// A list of templates without one named `default`, in a GGUF file as in a folder.
  @Test func templatesWithoutADefault() throws {
    let said = "has chat templates, none named 'default': tool_use"
    #expect(try refusal(nil, named: ["tool_use"])?.contains(said) == true)
    #expect(try refusal(nil)?.contains("has no chat template") == true)
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try ConversionPlan(
      Model(opening: lantern).plan, ConversionRequest(sites: .scores, output: "\(work)/hf/")
    ).write(version: "1.2.3")
    let path = "\(work)/hf/tokenizer_config.json"
    var fields = try #require(JSONValue.read(contentsOf: path).object)
    fields["chat_template"] = [["name": "tool_use", "template": "tools"]]
    try JSONValue.object(fields).serialized(pretty: true).write(
      toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: EvaluationError.self) {
      try ChatFormat.named("auto", for: Model(opening: "\(work)/hf"))
    }
    #expect(error?.summary.contains(said) == true)
  }

  /// Pieces that are repeated behind a template of chatml up to the limit. 44 kB of `{#` took 18 s,
  /// 64 KiB of `<|x|>` two; a template beyond the limit is refused.
  @Test(arguments: [
    "{#", "<|x|>", "<|im_start|>' + role ", "<|im_start|>assistant\n' }}{% if ",
    "{% if tools %}<|im_start|>system",
  ])
  func repeatedPieces(piece: String) throws {
    let limit = 1 << 16
    let known = Self.cases[0].template
    let template =
      known
      + String(repeating: piece, count: (limit - known.utf8.count) / piece.utf8.count)
    let chatml = try #require(ChatFormat.known.first { $0.name == "chatml" })
    try model(template) { model in
      let time = ContinuousClock().measure {
        _ = try? ChatFormat.named("auto", for: model)
        _ = try? chatml.omission(for: model)
      }
      #expect(time < .milliseconds(1500), "\(piece): \(time)")
    }
    let said = try refusal(template + String(repeating: " ", count: limit))
    #expect(said?.contains("it is longer than \(limit) bytes") == true)
  }

  /// The beginning of a template, and what is said of the system turn that jinja2 writes by it for
  /// one message of a user; nil where that is none.
  struct Beginning: Sendable {
    let format: String
    let template: String
    let said: String?

    init(_ format: String, _ parts: [String], says said: String?) {
      self.format = format
      template = parts.joined()
      self.said = said
    }
  }

  /// As GLM 4.6, Qwen3-Coder, Qwen 2.5, SmolLM3, Vigogne and llama 2 have them.
  static let beginnings: [Beginning] = [
    Beginning(
      "glm4", ["[gMASK]<sop>\n{%- if tools -%}\n<|system|>\n# Tools\n{%- endif -%}"], says: nil),
    Beginning(
      "chatml",
      [
        #"{%- if own is defined %}{{- '<|im_start|>system\n' + own }}{%- else %}"#,
        "{%- if tools is iterable and tools | length > 0 %}",
        #"{{- '<|im_start|>system\nYou have tools.' }}{%- endif %}{%- endif %}"#,
      ], says: nil),
    Beginning(
      "chatml",
      [
        #"{%- if not tools %}{{- '<|im_start|>system\nYou are a lamp.<|im_end|>\n' }}"#,
        #"{%- else %}{{- '<|im_start|>system\nYou have tools.<|im_end|>\n' }}{%- endif %}"#,
      ], says: "('You are a lamp.') is left out"),
    Beginning(
      "chatml",
      [
        #"{%- if not tools %}{%- else %}{{- '<|im_start|>system\nYou have tools.' }}{%- endif %}"#
      ], says: nil),
    Beginning(
      "chatml",
      [
        #"{#- {% if x %} #}{{- '<|im_start|>system\n' -}}{%- if messages[0].role == 'system' -%}"#,
        #"{%- set own = messages[0].content -%}{%- endif -%}{{- '## Metadata\n' -}}"#,
      ], says: "begins with is left out"),
    Beginning(
      "chatml",
      [
        #"{%- if messages[0].role == 'system' -%}{{- '<|im_start|>system\n' -}}"#,
        "{{- messages[0].content -}}{%- endif -%}",
      ], says: nil),
    Beginning(
      "mistral",
      [
        "{% if messages[0].role == 'system' %}{% elif true == true %}",
        "{% set system_message = 'You are a lamp.' %}{% endif %}",
        #"{% if system_message %}{{ '[INST] <<SYS>>\n' + system_message }}{% endif %}"#,
      ], says: "('You are a lamp.') is left out"),
    Beginning(
      "mistral",
      [
        "{% if messages[0].role == 'system' %}{% elif false == true %}",
        "{% set system_message = 'You are a lamp.' %}{% endif %}",
        #"{% if system_message %}{{ '[INST] <<SYS>>\n' + system_message }}{% endif %}"#,
      ], says: nil),
  ]

  @Test(arguments: beginnings.indices)
  func systemTurnsLeftOut(index: Int) throws {
    let beginning = Self.beginnings[index]
    let format = try #require(ChatFormat.known.first { $0.name == beginning.format })
    // The marks of the user's turn have to be there.
    try model(beginning.template + "{{ '\(format.beforeUser)' }}") { model in
      let omission = try format.omission(for: model)
      guard let said = beginning.said else {
        #expect(omission == nil, "\(beginning.template)")
        return
      }
      #expect(omission?.contains(said) == true, "\(beginning.template): \(omission ?? "nothing")")
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
