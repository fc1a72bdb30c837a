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
    guard let file = try? companions?.open("tokenizer_config.json"),
      let json = try? JSONValue.read(file)
    else { return nil }
    return json["chat_template"]?.string
  }
}
