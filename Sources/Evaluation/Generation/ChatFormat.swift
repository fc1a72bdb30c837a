import Base
import Checkpoints
import Vocabulary

/// How a conversation is written for a family of chat models. A checkpoint's own template is only
/// looked at to tell the family: it is code, and none of it is run.
package struct ChatFormat: Sendable, Equatable {
  package let name: String
  /// What comes before the user's words, and between them and the model's.
  package let beforeUser: String
  package let afterUser: String

  /// The families known, most telling marks first.
  package static let known: [ChatFormat] = [
    ChatFormat(
      name: "chatml", beforeUser: "<|im_start|>user\n",
      afterUser: "<|im_end|>\n<|im_start|>assistant\n"),
    ChatFormat(
      name: "llama3", beforeUser: "<|start_header_id|>user<|end_header_id|>\n\n",
      afterUser: "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"),
    ChatFormat(
      name: "gemma", beforeUser: "<start_of_turn>user\n",
      afterUser: "<end_of_turn>\n<start_of_turn>model\n"),
    ChatFormat(
      name: "phi3", beforeUser: "<|user|>\n", afterUser: "<|end|>\n<|assistant|>\n"),
    ChatFormat(name: "mistral", beforeUser: "[INST] ", afterUser: " [/INST]"),
  ]

  private var mark: String {
    switch name {
    case "chatml": "<|im_start|>"
    case "llama3": "<|start_header_id|>"
    case "gemma": "<start_of_turn>"
    case "phi3": "<|user|>"
    default: "[INST]"
    }
  }

  /// What ends the model's turn, where that is a token of its own.
  private var turnEnd: String? {
    switch name {
    case "chatml": "<|im_end|>"
    case "llama3": "<|eot_id|>"
    case "gemma": "<end_of_turn>"
    case "phi3": "<|end|>"
    default: nil
    }
  }

  /// What begins a system turn, where the family has one.
  private var systemMark: String? {
    switch name {
    case "chatml": "<|im_start|>system"
    case "llama3": "<|start_header_id|>system<|end_header_id|>"
    case "phi3": "<|system|>"
    default: nil
    }
  }

  /// What is to be said of a checkpoint whose own template begins a conversation with a system turn
  /// that nobody wrote, which this format leaves out; nil where there is no sign of one.
  package func omission(for model: Model) -> String? {
    guard let template = model.checkpoint.chatTemplate, template.contains(mark) else { return nil }
    var words = systemWords(in: template)
    // These templates keep it in a variable, or write it piece by piece.
    if words == nil, template.contains("default_system") { words = "" }
    if words == nil, name == "llama3", let systemMark, template.contains(systemMark) { words = "" }
    return words.map { words in
      let shown = words.isEmpty ? "" : " (\(quoted(words)))"
      return "chat format \(name): the system turn that the checkpoint's own template begins with"
        + "\(shown) is left out: answers are not those of a chat by that template"
    }
  }

  /// The words of a system turn that a template holds as they are.
  private func systemWords(in template: String) -> String? {
    guard let systemMark else { return nil }
    for start in template.ranges(of: systemMark).map(\.upperBound) {
      // What ends a string literal, or holds what somebody wrote, is none of it.
      let literal = template[start...].replacing("\\n", with: "\n")
        .drop(while: \.isWhitespace).prefix(while: { !"<{'\"+".contains($0) && !$0.isNewline })
      if !literal.isEmpty { return String(literal) }
    }
    return nil
  }

  /// The token that ends the model's turn; nil where the vocabulary has none.
  func endToken(of tokenizer: Tokenizer) throws -> Int32? {
    guard let turnEnd else { return nil }
    let tokens = try tokenizer.encode(
      Array(turnEnd.utf8), addSpecial: false, parseSpecial: true)
    return tokens.count == 1 ? tokens[0] : nil
  }

  /// The tokens of a user's words, up to where the model's turn begins; special tokens in the words
  /// are plain text.
  func prompt(_ words: String, _ tokenizer: Tokenizer) throws -> [Int32] {
    try tokenizer.encode(
      prompt: [.marked(beforeUser.utf8), .plain(words.utf8), .marked(afterUser.utf8)])
  }

  /// The format of a name; `auto` takes the checkpoint's, `none` is nil.
  /// - Throws: `EvaluationError.setting` for a name not known, `.usage` for a checkpoint without a known one.
  package static func named(_ name: String, for model: Model) throws -> ChatFormat? {
    if name == "none" { return nil }
    if let format = known.first(where: { $0.name == name }) { return format }
    let names = known.map(\.name).joined(separator: ", ")
    guard name == "auto" else {
      throw EvaluationError.setting(
        .chat, problem: "is '\(name)', expected none, auto, \(names)")
    }
    let template = model.checkpoint.chatTemplate ?? ""
    guard let format = known.first(where: { template.contains($0.mark) }) else {
      throw EvaluationError.usage(
        "the checkpoint has no chat template of a known family: \(names)")
    }
    return format
  }
}

extension Checkpoint {
  /// The chat template as it is stored, a program in Jinja; nil where there is none.
  var chatTemplate: String? {
    if case .string(let template)? = metadata[TokenizerKey.chatTemplate] { return template }
    guard let json = try? companions?.json("tokenizer_config.json") else { return nil }
    return json["chat_template"]?.string
  }
}
