import Base
import Checkpoints
import OrderedCollections

/// The object of config.json that says how one kind of layers rotates.
///
/// A file may hold both spellings, transformers 4's `rope_scaling` and 5's `rope_parameters`. The
/// reference (transformers 5, `convert_rope_params_to_dict`) then takes `rope_scaling` in the other's
/// place, `rope_theta` and all; of a model with windowed layers that rotate otherwise (Gemma 3), it
/// replaces single members of what the full layers state.
struct HuggingFaceRotaryScope {
  /// The members of config.json that hold such an object.
  enum Key: String, CaseIterable {
    case older = "rope_scaling"
    case newer = "rope_parameters"
  }

  /// The key that errors name.
  let name: String
  /// The members stand below the name of a kind of layers.
  let isNested: Bool
  private let members: JSONValue
  /// Members that go before those of the same name.
  private let overriding: JSONValue

  subscript(_ member: HuggingFaceScaling.Member) -> JSONValue? { self[member.rawValue] }

  subscript(_ key: String) -> JSONValue? { overriding[key] ?? members[key] }

  /// What it calls the share of a head is one of the pairs, the fastest, of which whole heads have all.
  var isProportional: Bool {
    let kind = HuggingFaceScaling.Kind.proportional.rawValue
    return [self[.type], self[.olderType]].contains { $0?.string == kind }
  }

  /// A scope that says nothing.
  static let empty = HuggingFaceRotaryScope(name: Key.newer.rawValue, members: [:])

  private init(
    name: String, isNested: Bool = false, members: JSONValue, overriding: JSONValue = [:]
  ) {
    self.name = name
    self.isNested = isNested
    self.members = members
    self.overriding = overriding
  }
}

// MARK: - Reading

extension HuggingFaceRotaryScope {
  /// Finds the object for one kind of layers.
  /// - Parameters:
  ///   - parameters: those of the model.
  ///   - windowed: for layers with a sliding window, where those have frequencies of their own.
  ///   - hasLocalBase: windowed layers of the architecture do.
  /// - Throws: `ModelError.hyperparameter` where one of the two is not an object.
  init(_ parameters: Hyperparameters, windowed: Bool, hasLocalBase: Bool) throws {
    func object(_ key: Key) throws -> JSONValue? {
      guard let stated = parameters.checkpoint.configuration?[key.rawValue], stated != .null else {
        return nil
      }
      guard let members = stated.object else {
        throw ModelError.hyperparameter(
          file: parameters.checkpoint.path, key: key.rawValue, problem: "is not an object")
      }
      return members.isEmpty ? nil : stated
    }
    let older = try object(.older)
    let newer = try object(.newer)
    let names = RotarySetNames(parameters.architecture.block)
    if names.isOfCompression {
      let key = older == nil ? Key.newer : .older
      self = try Self(older ?? newer ?? [:], key, names, parameters, near: windowed)
      return
    }
    guard let stated = hasLocalBase ? newer : older ?? newer else {
      self =
        windowed || older == nil
        ? .empty : Self(name: Key.older.rawValue, members: older ?? [:])
      return
    }
    let name = (!hasLocalBase && older != nil ? Key.older : .newer).rawValue
    let kind = names.name(near: windowed)
    let nested = stated[kind].flatMap { $0 == .null ? nil : $0 }
    // A nested object without an entry for this kind of layer says nothing about it.
    let hasKinds = names.all.contains { stated[$0] != nil }
    let members = nested ?? (hasKinds ? [:] : stated)
    guard members.object != nil else {
      throw ModelError.hyperparameter(
        file: parameters.checkpoint.path, key: "\(name).\(kind)",
        problem: "is not an object")
    }
    self.init(
      name: nested == nil ? name : "\(name).\(kind)", isNested: hasKinds,
      members: members, overriding: hasLocalBase && !windowed ? older ?? [:] : [:])
  }

  /// Of a model with layers that compress: `stated` has an object for either set of layers, or is that
  /// of the layers that compress, whose base has a key of its own.
  private init(
    _ stated: JSONValue, _ key: Key, _ names: RotarySetNames, _ parameters: Hyperparameters,
    near: Bool
  ) throws {
    guard names.all.allSatisfy({ stated[$0]?.object != nil }) else {
      let magnitude = HuggingFaceScaling.Member.magnitude.rawValue
      var members = stated.object ?? [:]
      members[HuggingFaceScaling.Member.base.rawValue] = nil
      if parameters.architecture.block.unitMagnitude, members[magnitude] ?? .null == .null {
        members[magnitude] = 1
      }
      self.init(name: key.rawValue, members: near ? [:] : .object(members))
      return
    }
    let name = names.name(near: near)
    self.init(name: "\(key.rawValue).\(name)", isNested: true, members: stated[name] ?? [:])
  }
}

// MARK: - Writing

extension HuggingFaceRotaryScope {
  /// Both spellings: transformers 5 reads one object, 4 an object of the scaling and, beside it, the
  /// base, the share of a head that rotates and the context before stretching.
  static func write(
    _ shape: StatedShape, of plan: ModelPlan, to fields: inout ConfigurationFields
  ) throws {
    typealias Member = HuggingFaceScaling.Member
    guard let score = shape.score else { return }
    var members = try HuggingFaceScaling.members(of: score, plan)
    if case .longRoPE(let long) = score.scaling {
      fields.set(key: Member.originalContext.rawValue, .whole(long.originalContext))
    }
    fields.set(.rotaryDimensions, .ofLayers(shape.rotaryDimensions))
    if let fraction = try RotaryParameters.fraction(shape, of: plan) {
      members[Member.fraction.rawValue] = .number(fraction)
      fields.set(key: Member.fraction.rawValue, .number(fraction))
    }
    if shape.temperature != nil,
      plan.architecture.key(of: .attentionTemperature, on: .huggingface) == nil
    {
      throw ModelError.notRepresentable(
        file: plan.checkpoint.path, what: "a temperature of attention by position",
        container: ModelFolder.configuration)
    }
    // The reference asks for both, though nothing is to be multiplied.
    if let key = plan.architecture.key(of: .attentionTemperature, on: .huggingface) {
      members[key] = .number(shape.temperature?.strength ?? 0)
      let original = Member.originalContext.rawValue
      if members[original] == nil { members[original] = .integer(Int64(shape.context)) }
    }
    members.merge(CopiedKeys.rotaryMembers(plan)) { own, _ in own }
    func put(_ key: Key, _ members: HuggingFaceScaling.Members) {
      fields.values[key.rawValue] = .object(members)
    }
    let names = RotarySetNames(plan.architecture.block)
    if names.isOfCompression {
      try writeSets(of: shape, names, plan, to: &fields)
    } else if let local = shape.localScore {
      let windowed = try HuggingFaceScaling.members(of: local, plan)
      put(
        .newer,
        [
          names.far: .object(members),
          names.near: .object(windowed),
        ])
    } else {
      put(.newer, members)
      fields.set(key: Member.base.rawValue, .number(score.base))
      if score.scaling != .none { put(.older, members) }
    }
  }

  /// Both sets of a model with layers that compress, the one that no layer has as its family's bases
  /// say.
  private static func writeSets(
    of shape: StatedShape, _ names: RotarySetNames, _ plan: ModelPlan,
    to fields: inout ConfigurationFields
  ) throws {
    let fraction = HuggingFaceScaling.Member.fraction.rawValue
    var sets: OrderedDictionary<String, JSONValue> = [:]
    let stated: [(Bool, Hyperparameter)] = [(true, .rotaryBaseLocal), (false, .rotaryBase)]
    for (isNear, parameter) in stated {
      let score = plan.rotary.scores.first { $0.isLocal == isNear }
      var members: HuggingFaceScaling.Members = [:]
      if let score {
        members = try HuggingFaceScaling.members(of: score, plan)
        fields.set(parameter, .number(score.base))
      } else if let base = plan.architecture.hyperparameters[parameter]?.fallback {
        members = [
          HuggingFaceScaling.Member.base.rawValue: base,
          HuggingFaceScaling.Member.type.rawValue:
            .string(HuggingFaceScaling.Kind.plain.rawValue),
        ]
      }
      members[fraction] = fields.values[fraction]
      sets[names.name(near: isNear)] = .object(members)
    }
    fields.values[Key.newer.rawValue] = .object(sets)
  }
}
