import Base
import Checkpoints
import Rotary
import Tensors

/// An attention module of published code whose rotation is not the one that it is meant to be, in the
/// words of `formats/recognition/modules.json`.
package struct PublishedModule: Sendable, Equatable {
  package static let file = "recognition/modules.json"

  /// The name of its class, by which a config.json tells it.
  package let name: String
  /// The repository that has it.
  package let source: String
  /// The tensors of one such module.
  package let tensors: Set<String>
  /// What it is meant to rotate.
  package let sites: RotarySites
  package let layout: PairLayout
  /// What it does instead.
  package let words: String

  private enum Top: String, CaseIterable { case modules }
  package enum Key: String, CaseIterable { case name, source, tensors, sites, layout, words }

  /// All that are known.
  package static func all() throws -> [PublishedModule] {
    try all(FormatResources.json(file))
  }

  package static func all(_ json: JSONValue) throws(FormatError) -> [PublishedModule] {
    let top = try StrictObject<Top>(json, file: file, place: "")
    guard let list = try top.required(.modules).array else {
      throw top.failure(.modules, "expected a list")
    }
    var modules: [PublishedModule] = []
    for (index, entry) in list.enumerated() {
      modules.append(
        try PublishedModule(
          StrictObject<Key>(entry, file: file, place: "\(Top.modules.rawValue)[\(index)]")))
    }
    return modules
  }

  private init(_ entry: StrictObject<Key>) throws(FormatError) {
    name = try entry.string(.name)
    source = try entry.string(.source)
    tensors = Set(try entry.strings(.tensors))
    layout = try entry.choice(.layout)
    words = try entry.string(.words)
    let text = try entry.string(.sites)
    guard let sites = try? RotarySites(parsing: text) else {
      throw entry.failure(.sites, "unknown value '\(text)' (known: letters such as qkvo)")
    }
    self.sites = sites
  }

  /// The module that a checkpoint without config.json is, and nothing else.
  static func alone(in checkpoint: Checkpoint) throws -> PublishedModule? {
    guard checkpoint.configuration == nil else { return nil }
    let names = checkpoint.tensors.keys
    return try all().first { module in
      names.count == module.tensors.count
        && names.allSatisfy { name in
          module.tensors.contains { name == $0 || name.hasSuffix(".\($0)") }
        }
    }
  }

  /// The module that a model attends by, as its config.json says in any member.
  static func stated(in checkpoint: Checkpoint) throws -> PublishedModule? {
    guard let members = checkpoint.configuration?.object else { return nil }
    return try all().first { module in members.values.contains { module.isNamed(by: $0) } }
  }

  private func isNamed(by value: JSONValue) -> Bool {
    value.string == name || value.array?.contains { $0.string == name } == true
  }

  /// Members of a config.json that name none of these modules.
  static func withoutNames(_ fields: inout ConfigurationFields) {
    guard let modules = try? all() else { return }
    for (key, value) in fields.values where modules.contains(where: { $0.isNamed(by: value) }) {
      fields.values[key] = nil
    }
  }

  /// The rotation that the module is meant to do, of a model with `plain`, that of a plain file.
  func rotation(
    _ plain: RotaryConfiguration, length: Int
  ) throws(RotaryError) -> RotaryConfiguration {
    try TrainingFlags(sites: sites, scores: ScoreDeclaration(layout: layout))
      .rotation(plain, length: length)
  }
}
