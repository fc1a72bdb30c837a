import Base
import Checkpoints
import OrderedCollections

/// The text model of a folder that holds other parts too, as a checkpoint of its own: everything else
/// reads, scores and converts that.
struct TextPart {
  /// The text model's statements and tensors, under the names they have in a folder of their own.
  let checkpoint: Checkpoint
  /// What is left, as a sentence with counts; nil where there is nothing else.
  let leftOut: String?

  private static let modelType = HuggingFaceConfiguration.Key.modelType.rawValue

  /// Nil for a checkpoint that is not a known wrapper, or whose `model_type` some family reads.
  /// - Throws: `ModelError.hyperparameter` where config.json has no such text model; `FormatError`.
  init?(of checkpoint: Checkpoint, in catalog: ArchitectureCatalog) throws {
    guard let configuration = checkpoint.configuration,
      let type = configuration[Self.modelType]?.string,
      try catalog.reading(modelType: type, in: checkpoint.configuration) == nil,
      let wrapper = try ModelWrapper.named(type)
    else { return nil }
    var tensors: [TensorEntry] = []
    var names: Set<String> = []
    var left: [String: Int] = [:]
    for tensor in checkpoint.tensors.values {
      // The other parts first: what the text model's names begin with may be short.
      if let part = wrapper.part(of: tensor.name) {
        left[part, default: 0] += 1
      } else {
        // A second tensor of one name stays what it is called, which no family knows.
        let plain = wrapper.plainName(tensor.name)
        tensors.append(names.insert(plain).inserted ? tensor.renamed(plain) : tensor)
      }
    }
    self.checkpoint = checkpoint.restated(
      configuration: try wrapper.textConfiguration(configuration, file: checkpoint.path),
      tensors: tensors)
    let parts = wrapper.others.keys.compactMap { part in
      left[part].map { "\($0) tensor\($0 == 1 ? "" : "s") of \(part)" }
    }
    leftOut =
      parts.isEmpty
      ? nil
      : "the text model of this \(type) folder is read alone: \(parts.joined(separator: ", ")) are"
        + " left out"
  }
}

extension ModelWrapper {
  /// The part that a tensor belongs to; nil for one of the text model, and one that is not known.
  fileprivate func part(of tensor: String) -> String? {
    others.first { _, prefixes in prefixes.contains(where: tensor.hasPrefix) }?.key
  }

  /// A tensor's name in a folder of the text model alone.
  fileprivate func plainName(_ name: String) -> String {
    for (wrapped, plain) in prefixes where name.hasPrefix(wrapped) {
      return plain + name.dropFirst(wrapped.count)
    }
    return name
  }

  /// The text model's own config.json.
  fileprivate func textConfiguration(
    _ configuration: JSONValue, file: String
  ) throws(ModelError) -> JSONValue {
    let key = HuggingFaceConfiguration.Key.modelType.rawValue
    let stated = configuration[text].flatMap { $0 == .null ? nil : $0 }
    guard var members = (stated ?? configuration).object else {
      throw .hyperparameter(file: file, key: text, problem: "is not an object")
    }
    if stated == nil || members[key] == nil { members[key] = textType.map { .string($0) } }
    guard let type = members[key]?.string else {
      throw .hyperparameter(
        file: file, key: "\(text).\(key)", problem: "does not say which text model it is")
    }
    for path in carried {
      let value = path.split(separator: ".").reduce(configuration as JSONValue?) { value, name in
        value?[String(name)]
      }
      guard let value, value != .null, let name = path.split(separator: ".").last else { continue }
      members[String(name)] = value
    }
    for (name, value) in defaults[type] ?? [:] where members[name] == nil { members[name] = value }
    return .object(members)
  }
}
