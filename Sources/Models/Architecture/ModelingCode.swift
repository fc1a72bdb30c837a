import Base
import Checkpoints

/// The Python code of `formats/huggingface/` by which transformers runs a rotary variant: what a
/// folder needs to carry and what its config.json's `auto_map` names.
package struct ModelingCode: Sendable, Equatable {
  /// The class of the configuration, in the first file.
  package let configurationClass: String
  /// The class of the causal language model, in the second file.
  package let modelClass: String
  /// Names of the files.
  package let files: [String]

  private static let folder = "huggingface"

  /// The code for a `model_type` of config.json, without its `_rotary`; nil where there is none.
  package static func forModelType(_ type: String) throws -> ModelingCode? {
    let file = "\(folder)/modeling.json"
    let json = try FormatResources.json(file)
    guard let classes = json["classes"]?[type] else { return nil }
    guard let files = json["files"]?.array?.compactMap(\.string), files.count == 2,
      let configuration = classes["configuration"]?.string, let model = classes["model"]?.string
    else {
      throw FormatError.invalid(
        file: file, place: "classes.\(type)", problem: "expected two files and two class names")
    }
    return ModelingCode(configurationClass: configuration, modelClass: model, files: files)
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
