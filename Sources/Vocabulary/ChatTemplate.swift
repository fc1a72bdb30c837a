import Base
import Checkpoints

/// A folder's chat template: a program in Jinja, of which nothing is run here.
package struct ChatTemplate: Sendable, Equatable {
  /// Nil where the folder has none, or a list without one named `default`.
  package let text: String?
  /// The names of others in a list.
  package let others: [String]

  /// Looks where transformers looks: at chat_template.jinja, and without that at
  /// tokenizer_config.json.
  /// - Throws: `FileError` for a file that cannot be read.
  package init(_ files: FileSet) throws(FileError) {
    if files.contains(ModelFolder.chatTemplate) {
      let template = try files.open(ModelFolder.chatTemplate)
      text = template.withBytes(0..<template.size) { String(decoding: $0, as: UTF8.self) }
      others = []
      return
    }
    let stated =
      files.contains(ModelFolder.tokenizerConfiguration)
      ? try files.json(ModelFolder.tokenizerConfiguration)["chat_template"] : nil
    guard let list = stated?.array else {
      text = stated?.string
      others = []
      return
    }
    let named = list.map { (name: $0["name"]?.string ?? "", text: $0["template"]?.string) }
    text = named.first { $0.name == "default" }?.text
    others = named.map(\.name).filter { $0 != "default" }
  }
}
