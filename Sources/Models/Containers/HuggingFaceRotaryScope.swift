import Base
import Checkpoints

/// The object of config.json that says how one kind of layers rotates.
///
/// A file may hold both spellings, transformers 4's `rope_scaling` and 5's `rope_parameters`. The
/// reference (transformers 5, `convert_rope_params_to_dict`) then takes `rope_scaling` in the other's
/// place, `rope_theta` and all; of a model with windowed layers that rotate otherwise (Gemma 3), it
/// replaces single members of what the full layers state.
struct HuggingFaceRotaryScope {
  /// The key that errors name.
  let name: String
  /// The members stand below the name of a kind of layers.
  let isNested: Bool
  private let members: JSONValue
  /// Members that go before those of the same name.
  private let overriding: JSONValue

  subscript(_ key: String) -> JSONValue? { overriding[key] ?? members[key] }

  /// A scope that says nothing.
  static let empty = HuggingFaceRotaryScope(
    name: "rope_parameters", members: [:])

  private init(
    name: String, isNested: Bool = false, members: JSONValue, overriding: JSONValue = [:]
  ) {
    self.name = name
    self.isNested = isNested
    self.members = members
    self.overriding = overriding
  }

  /// - Parameters:
  ///   - windowed: for layers with a sliding window, where those have frequencies of their own.
  ///   - hasLocalBase: windowed layers of the architecture do.
  /// - Throws: `ModelError.hyperparameter` where one of the two is no object.
  init(_ parameters: Hyperparameters, windowed: Bool, hasLocalBase: Bool) throws {
    func object(_ key: String) throws -> JSONValue? {
      guard let stated = parameters.checkpoint.configuration?[key], stated != .null else {
        return nil
      }
      guard let members = stated.object else {
        throw ModelError.hyperparameter(
          file: parameters.checkpoint.path, key: key, problem: "is not an object")
      }
      return members.isEmpty ? nil : stated
    }
    let older = try object("rope_scaling")
    let newer = try object("rope_parameters")
    guard let stated = hasLocalBase ? newer : older ?? newer else {
      self = windowed || older == nil ? .empty : Self(name: "rope_scaling", members: older ?? [:])
      return
    }
    let name = !hasLocalBase && older != nil ? "rope_scaling" : "rope_parameters"
    let kind = windowed ? "sliding_attention" : "full_attention"
    let nested = stated[kind].flatMap { $0 == .null ? nil : $0 }
    // A nested object without an entry for this kind of layer says nothing about it.
    let hasKinds = stated["full_attention"] != nil || stated["sliding_attention"] != nil
    let members = nested ?? (hasKinds ? [:] : stated)
    guard members.object != nil else {
      throw ModelError.hyperparameter(
        file: parameters.checkpoint.path, key: "\(name).\(kind)", problem: "is not an object")
    }
    self.init(
      name: nested == nil ? name : "\(name).\(kind)", isNested: hasKinds, members: members,
      overriding: hasLocalBase && !windowed ? older ?? [:] : [:])
  }
}
