import Base
import Checkpoints

/// The Python code of `formats/huggingface/` by which transformers runs a rotary variant: what a
/// folder needs to carry and what its config.json's `auto_map` names.
package struct ModelingCode: Sendable, Equatable {
  /// The class of the configuration, in the first file.
  package let configurationClass: String
  /// The class of the causal language model, in the second file.
  package let modelClass: String
  /// Names of the files: of configurations, of models, and of what those import.
  package let files: [String]

  package enum Key: String, CaseIterable { case files, classes }
  package enum ClassKey: String, CaseIterable { case configuration, model }

  private static let folder = "huggingface"
  private static let file = "\(folder)/modeling.json"

  /// The code for a `model_type` of config.json, without its `_rotary`; nil where there is none.
  package static func forModelType(_ type: String) throws -> ModelingCode? {
    try read(FormatResources.json(file))[type]
  }

  /// Reads what the data file holds, by `model_type`.
  package static func read(_ json: JSONValue) throws(FormatError) -> [String: ModelingCode] {
    let top = try StrictObject<Key>(json, file: file, place: "")
    let files = try top.strings(.files)
    guard files.count >= 2 else {
      throw top.failure(.files, "expected the files of the configuration and of the model")
    }
    var result: [String: ModelingCode] = [:]
    for (type, value) in try top.members(.classes) {
      let classes = try StrictObject<ClassKey>(
        value, file: file, place: "\(top.place(of: .classes)).\(type)")
      result[type] = ModelingCode(
        configurationClass: try classes.string(.configuration),
        modelClass: try classes.string(.model), files: files)
    }
    return result
  }

  /// Where a file of the code is to be copied from.
  package func path(of file: String) throws -> String {
    try FormatResources.folder() + "/\(Self.folder)/\(file)"
  }

  /// The `auto_map` of config.json.
  package var autoMap: JSONValue {
    func reference(_ file: Int, _ name: String) -> JSONValue {
      .string("\(files[file].dropLast(".py".count)).\(name)")
    }
    return [
      "AutoConfig": reference(0, configurationClass),
      "AutoModelForCausalLM": reference(1, modelClass),
    ]
  }
}
