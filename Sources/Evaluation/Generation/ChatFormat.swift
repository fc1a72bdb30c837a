import Base
import Checkpoints
import Foundation
import Vocabulary

/// How a conversation is written for a family of chat models. A checkpoint's own template is only
/// looked at to tell the family: it is code, and none of it is run.
package struct ChatFormat: Sendable, Equatable {
  package let name: String
  /// What a conversation begins with, where that is more than the tokenizer puts there.
  private(set) var start = ""
  /// What comes right before the user's words.
  let opening: String
  /// What ends them.
  private(set) var closing: String
  /// What the model's turn begins with.
  let reply: String
  /// What ends the model's turn, where that is a token of its own.
  private(set) var turnEnd: String?
  /// What begins a system turn, where the family has one.
  private(set) var systemMark: String?
  /// Whether the family's first vocabularies have no tokens for the marks.
  private(set) var marksArePlain = false
  /// Whether the family's templates take spaces and line feeds away at both ends of what somebody
  /// wrote.
  private(set) var trimsWords = false

  /// What comes before the user's words, and between them and the model's.
  package var beforeUser: String { start + opening }
  package var afterUser: String { closing + reply }

  /// Stands for the text of the vocabulary's EOS token.
  static let eos = "{eos}"

  /// The families known. A template is of at most one: the pieces of each exclude the others'.
  package static let known: [ChatFormat] = [
    ChatFormat(
      name: "chatml", opening: "<|im_start|>user\n", closing: "<|im_end|>\n",
      reply: "<|im_start|>assistant\n", turnEnd: "<|im_end|>", systemMark: "<|im_start|>system"),
    ChatFormat(
      name: "llama3", opening: "<|start_header_id|>user<|end_header_id|>\n\n",
      closing: "<|eot_id|>", reply: "<|start_header_id|>assistant<|end_header_id|>\n\n",
      turnEnd: "<|eot_id|>", systemMark: "<|start_header_id|>system<|end_header_id|>",
      trimsWords: true),
    ChatFormat(
      name: "gemma", opening: "<start_of_turn>user\n", closing: "<end_of_turn>\n",
      reply: "<start_of_turn>model\n", turnEnd: "<end_of_turn>", trimsWords: true),
    ChatFormat(
      name: "phi3", opening: "<|user|>\n", closing: "<|end|>\n", reply: "<|assistant|>\n",
      turnEnd: "<|end|>", systemMark: "<|system|>"),
    ChatFormat(
      name: "phi4", opening: "<|im_start|>user<|im_sep|>", closing: "<|im_end|>",
      reply: "<|im_start|>assistant<|im_sep|>", turnEnd: "<|im_end|>",
      systemMark: "<|im_start|>system<|im_sep|>"),
    ChatFormat(
      name: "phi4-mini", opening: "<|user|>", closing: "<|end|>", reply: "<|assistant|>",
      turnEnd: "<|end|>", systemMark: "<|system|>"),
    ChatFormat(
      name: "zephyr", opening: "<|user|>\n", closing: eos + "\n", reply: "<|assistant|>\n",
      systemMark: "<|system|>", marksArePlain: true),
    ChatFormat(
      name: "glm4", start: "[gMASK]<sop>", opening: "<|user|>\n", closing: "",
      reply: "<|assistant|>", turnEnd: "<|user|>", systemMark: "<|system|>"),
    ChatFormat(
      name: "mistral", opening: "[INST] ", closing: " [/INST]", reply: "", systemMark: "<<SYS>>",
      marksArePlain: true),
    ChatFormat(name: "mistral-v3", opening: "[INST] ", closing: "[/INST]", reply: ""),
    ChatFormat(name: "tekken", opening: "[INST]", closing: "[/INST]", reply: ""),
  ]

  /// The names for messages and help: `a, b or c`.
  package static let names: String = {
    let names = known.map(\.name)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }()

  /// The marks that surround turns: what models have tokens of their own for.
  var marks: [String] { ChatTemplateText.marks(in: start + opening + closing + reply) }

  /// Warnings to give before an answer in this format: markers that are not tokens of the vocabulary,
  /// and a system turn that is left out.
  /// - Throws: what reading the checkpoint's template or its tokenizer throws.
  package func notes(for model: Model) throws -> [String] {
    [try spelledMarks(try model.tokenizer()), try omission(for: model)].compactMap { $0 }
  }

  private func spelledMarks(_ tokenizer: Tokenizer) throws -> String? {
    guard !marksArePlain else { return nil }
    let spelled = try marks.filter { try Self.token($0, tokenizer) == nil }
    guard !spelled.isEmpty else { return nil }
    return "chat format \(name): the vocabulary has no token for"
      + " \(spelled.map { quoted($0) }.joined(separator: ", ")), which is spelled as plain text: the"
      + " model knows another format"
  }

  /// What is to be said of a checkpoint whose own template begins a conversation with a system turn
  /// that nobody wrote, which this format leaves out; nil where there is no sign of one.
  package func omission(for model: Model) throws -> String? {
    guard let words = try model.checkpoint.chatTemplate().flatMap(omittedTurn(in:)) else {
      return nil
    }
    let shown = words.isEmpty ? "" : " (\(quoted(words)))"
    return "chat format \(name): the system turn that the checkpoint's own template begins with"
      + "\(shown) is left out: answers are not those of a chat by that template"
  }

  // MARK: - System turn

  /// The system turn that a template of this format adds when the user writes none.
  /// - Returns: its words, empty where they cannot be read; nil where the template seems to add none.
  func omittedTurn(in template: String) -> String? {
    guard let mark = marks.first, template.contains(mark) else { return nil }
    let parts = ChatTemplatePart.parts(of: ChatTemplateText.withoutComments(template)).filter {
      !$0.isForTools && !$0.isUnused
    }
    if let words = systemWords(in: parts) ?? parts.lazy.compactMap(\.storedSystemTurn).first {
      return words
    }
    // These templates keep it in a variable, or write it piece by piece.
    if template.contains("default_system") { return "" }
    guard let systemMark else { return nil }
    let isWritten =
      name == "llama3"
      ? template.contains(systemMark) : parts.contains { $0.alwaysWrites(systemMark) }
    return isWritten ? "" : nil
  }

  /// The words of a system turn that a template holds as they are.
  private func systemWords(in parts: [ChatTemplatePart]) -> String? {
    guard let systemMark else { return nil }
    // So many marks are looked at: templates have one or two.
    var left = 100
    for text in parts.flatMap({ [$0.tag, $0.text] }) where left > 0 {
      for mark in text.ranges(of: systemMark).prefix(left) {
        let words = Self.literal(text[mark.upperBound...])
        if !words.isEmpty { return words }
        left -= 1
      }
    }
    return nil
  }

  /// The words that a template's text begins with: what ends a string literal, or holds what somebody
  /// wrote, is none of them. A sentence's length of it is looked at.
  static func literal(_ text: Substring) -> String {
    let mostCharacters = 1000
    return String(
      text.prefix(mostCharacters).replacing("\\n", with: "\n").drop(while: \.isWhitespace)
        .prefix { !"<{'\"+".contains($0) && !$0.isNewline })
  }

  // MARK: - Tokens

  /// The token that ends the model's turn; nil where the vocabulary has none.
  func endToken(of tokenizer: Tokenizer) throws -> Int32? {
    try turnEnd.flatMap { try Self.token($0, tokenizer) }
  }

  /// The one token that a text is; nil where it is several.
  private static func token(_ text: String, _ tokenizer: Tokenizer) throws -> Int32? {
    let tokens = try tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: true)
    return tokens.count == 1 ? tokens[0] : nil
  }

  /// What a user's turn has of what somebody wrote.
  func words(of text: String) -> String { trimsWords ? text.withoutOuterSpaces : text }

  /// The tokens of what a user wrote, up to where the model's turn begins; special tokens in the words
  /// are plain text.
  func prompt(_ text: String, _ tokenizer: Tokenizer) throws -> [Int32] {
    try tokenizer.encode(
      prompt: [.marked(beforeUser.utf8), .plain(words(of: text).utf8), .marked(afterUser.utf8)])
  }

  /// The format of a name; `auto` takes the checkpoint's, `none` is nil.
  /// - Throws: `EvaluationError.setting` for a name not known, `.usage` for a checkpoint without a
  ///   template of a known one, and what reading the template throws.
  package static func named(_ name: String, for model: Model) throws -> ChatFormat? {
    if name == "none" { return nil }
    if let format = known.first(where: { $0.name == name }) {
      return try format.resolved(for: model)
    }
    guard name == "auto" else {
      throw EvaluationError.setting(
        .chat, problem: "is '\(name)', expected none, auto, \(names)")
    }
    func refused(_ problem: String) -> EvaluationError {
      .usage("the checkpoint\(problem); name a chat format: \(names)")
    }
    guard let template = try model.checkpoint.chatTemplate() else {
      let others = try model.checkpoint.otherChatTemplates()
      throw refused(
        others.isEmpty
          ? " has no chat template"
          : " has chat templates, none named 'default': "
            + shortened(others.map(printable).joined(separator: ", "), to: 80))
    }
    guard let text = ChatTemplateText(template) else {
      throw refused(
        "'s chat template is of no known family: it is longer than \(ChatTemplateText.byteLimit)"
          + " bytes")
    }
    guard let format = text.format else {
      throw refused("'s chat template is of no known family")
    }
    return try format.resolved(for: model)
  }

  /// The format in a model's vocabulary: with the text of its EOS, and without a start that the
  /// tokenizer puts before every text.
  private func resolved(for model: Model) throws -> ChatFormat {
    var format = self
    let tokenizer = try model.tokenizer()
    if closing.contains(Self.eos) {
      guard let id = tokenizer.namedEOS else {
        throw EvaluationError.usage(
          "chat format \(name) ends turns with EOS, which the vocabulary does not have")
      }
      format.closing = closing.replacing(
        Self.eos, with: String(decoding: tokenizer.decode([id]), as: UTF8.self))
    }
    if !start.isEmpty {
      let put = tokenizer.decode(try tokenizer.encode([], addSpecial: true, parseSpecial: false))
      if String(decoding: put, as: UTF8.self).hasPrefix(start) { format.start = "" }
    }
    return format
  }
}

extension ChatFormat: SettingValue {
  /// What surrounds the user's words.
  var setting: JSONValue {
    [
      "name": .string(name), "before_user": .string(beforeUser), "after_user": .string(afterUser),
    ]
  }
}

extension Checkpoint {
  /// The chat template as it is stored, a program in Jinja; nil where there is none.
  func chatTemplate() throws(FileError) -> String? {
    if case .string(let template)? = metadata[TokenizerKey.chatTemplate] { return template }
    guard let companions else { return nil }
    return try ChatTemplate(companions).text
  }

  /// The names of templates in a list beside the one named `default`.
  fileprivate func otherChatTemplates() throws(FileError) -> [String] {
    if let names = metadata[TokenizerKey.chatTemplates]?.strings { return names }
    guard let companions else { return [] }
    return try ChatTemplate(companions).others
  }
}
