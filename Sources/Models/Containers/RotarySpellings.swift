import Base
import OrderedCollections

/// Where config.json states a fact of the rotation a second time: transformers 4 reads the base beside
/// `rope_scaling`, transformers 5 all of it in `rope_parameters`. Who edits one of them edits the
/// others, or readers find two answers.
package struct RotarySpellings {
  /// A member of config.json, the outermost object's key first.
  package typealias Path = [String]

  /// A member and its value; nil where it is removed.
  package typealias Edit = (path: Path, value: JSONValue?)

  /// Kinds of layers rotate by objects of their own: `member` is the one to set.
  package struct OfLayerKinds: Error {
    package let member: String
  }

  private typealias Key = HuggingFaceRotaryScope.Key
  private typealias Member = HuggingFaceScaling.Member

  private let architecture: Architecture
  /// Members that readers of this type do not look at.
  private let unread: Set<String>
  private let names: RotarySetNames

  /// - Parameters:
  ///   - architecture: the family, with its names of config.json's members.
  ///   - modelType: of a folder whose type is known: some members are read of other types alone.
  package init(architecture: Architecture, modelType: String? = nil) {
    self.architecture = architecture
    unread = Set(modelType.flatMap { architecture.unread[$0] } ?? [])
    names = RotarySetNames(architecture.block)
  }

  /// What must be edited too, so that all spellings say the same.
  /// - Parameters:
  ///   - edit: a member that was set or removed.
  ///   - configuration: config.json after it.
  /// - Returns: other members, some of which may have their value already.
  /// - Throws: `OfLayerKinds` for a member that layers with objects of their own do not look at.
  package func others(
    of edit: Edit, in configuration: JSONValue
  ) throws(OfLayerKinds) -> [Edit] {
    guard let first = edit.path.first else { return [] }
    let newer = Self.members(.newer, in: configuration) ?? [:]
    if names.all.contains(where: { newer[$0]?.object != nil }) {
      return try othersOfKinds(of: edit, first, in: configuration)
    }
    guard let key = Key(rawValue: first) else { return besides(first, edit, in: configuration) }
    guard !unread.contains(first) else { return [] }
    return edit.path.count == 1
      ? others(ofObject: key, edit, in: configuration)
      : others(ofMember: key, edit, in: configuration)
  }

  // MARK: - What stands there

  /// An object of the rotation that says something.
  private static func members(
    _ key: Key, in configuration: JSONValue
  ) -> OrderedDictionary<String, JSONValue>? {
    guard let members = configuration[key.rawValue]?.object, !members.isEmpty else { return nil }
    return members
  }

  private static func stands(_ path: Path, in configuration: JSONValue) -> Bool {
    let found = path.reduce(Optional(configuration)) { $0?[$1] }
    return (found ?? .null) != .null
  }

  /// Those of some members that are there, with another value.
  private static func standing(
    _ paths: [Path], in configuration: JSONValue, as value: JSONValue?
  ) -> [Edit] {
    paths.filter { stands($0, in: configuration) }.map { (path: $0, value: value) }
  }

  private func keys(of parameter: Hyperparameter) -> [String] {
    architecture.keys(of: parameter, on: .huggingface).filter { !unread.contains($0) }
  }

  /// Members of an object, with the keys beside it that state them too.
  private var keysBeside: [(member: String, keys: [String])] {
    [
      // With layers that compress, the bases have keys of their own, and the object has none.
      (Member.base.rawValue, names.isOfCompression ? [] : keys(of: .rotaryBase)),
      (Member.fraction.rawValue, keys(of: .rotaryFraction)),
      (Member.originalContext.rawValue, [Member.originalContext.rawValue]),
    ]
  }

  private func keysStating(_ member: String) -> [String] {
    keysBeside.first { $0.member == member }?.keys ?? []
  }

  /// What an object keeps, or takes from the other one, where it is stated nowhere else.
  private static let kept = [Member.base.rawValue, Member.fraction.rawValue]

  // MARK: - One rotation

  /// Of a key beside the objects.
  private func besides(_ first: String, _ edit: Edit, in configuration: JSONValue) -> [Edit] {
    guard edit.path.count == 1,
      let (member, keys) = keysBeside.first(where: { $0.keys.contains(first) })
    else { return [] }
    var paths: [Path] = keys.filter { $0 != first }.map { [$0] }
    paths += Key.allCases.map { [$0.rawValue, member] }
    return Self.standing(paths, in: configuration, as: edit.value)
  }

  /// Of keys beside the objects that stand, by a member that was edited.
  private func beside(
    _ member: String, _ value: JSONValue?, in configuration: JSONValue
  ) -> [Edit] {
    Self.standing(keysStating(member).map { [$0] }, in: configuration, as: value)
  }

  private func isBeside(_ member: String, in configuration: JSONValue) -> Bool {
    !beside(member, nil, in: configuration).isEmpty
  }

  /// Of a whole object.
  private func others(
    ofObject key: Key, _ edit: Edit, in configuration: JSONValue
  ) -> [Edit] {
    let other = Self.members(key == .newer ? .older : .newer, in: configuration)
    let otherPath = [(key == .newer ? Key.older : .newer).rawValue]
    guard let own = edit.value?.object, !own.isEmpty else {
      // Without `rope_scaling` the other one must not scale either; without `rope_parameters` the
      // older spelling still says all.
      guard key == .older, let other else { return [] }
      var plain = other.filter { Self.kept.contains($0.key) }
      plain[Member.type.rawValue] = .string(HuggingFaceScaling.Kind.plain.rawValue)
      return [(path: otherPath, value: .object(plain))]
    }
    var found = own.flatMap { beside($0.key, $0.value, in: configuration) }
    guard let other else { return found }
    var same = own
    for member in Self.kept where own[member] == nil {
      guard let stated = other[member] else { continue }
      same[member] = stated
      if !isBeside(member, in: configuration) {
        found.append((path: edit.path + [member], value: stated))
      }
    }
    found.append((path: otherPath, value: .object(same)))
    return found
  }

  /// Of a member of an object.
  private func others(
    ofMember key: Key, _ edit: Edit, in configuration: JSONValue
  ) -> [Edit] {
    let other = key == .newer ? Key.older : .newer
    let member = edit.path[1]
    var found: [Edit] = []
    if edit.path.count == 2 { found += beside(member, edit.value, in: configuration) }
    let otherPath: Path = [other.rawValue] + Array(edit.path.dropFirst())
    let otherMembers = Self.members(other, in: configuration)
    if otherMembers != nil, edit.value != nil || Self.stands(otherPath, in: configuration) {
      found.append((path: otherPath, value: edit.value))
    }
    let types = [Member.type.rawValue, Member.olderType.rawValue]
    if edit.path.count == 2, types.contains(member) {
      for name in types where name != member {
        found += Self.standing(
          [[key.rawValue, name], [other.rawValue, name]], in: configuration, as: edit.value)
      }
    }
    // Where there is a `rope_scaling`, the base in the other object counts no more.
    if key == .older, let own = Self.members(.older, in: configuration), let otherMembers {
      for name in Self.kept where own[name] == nil && name != member {
        guard let stated = otherMembers[name], !isBeside(name, in: configuration) else { continue }
        found.append((path: [key.rawValue, name], value: stated))
      }
    }
    return found
  }

  // MARK: - A rotation of each kind of layers

  /// The kinds of layers, with the keys beside the objects that state their bases.
  private var kinds: [(name: String, keys: [String])] {
    [(names.far, keys(of: .rotaryBase)), (names.near, keys(of: .rotaryBaseLocal))]
  }

  private func othersOfKinds(
    of edit: Edit, _ first: String, in configuration: JSONValue
  ) throws(OfLayerKinds) -> [Edit] {
    let newer = Key.newer.rawValue
    let rest = Array(edit.path.dropFirst())
    guard first == newer else {
      if edit.value != nil {
        try checkUnread(first, rest, in: configuration)
      }
      return []
    }
    if let kind = rest.first, !names.all.contains(kind) {
      guard edit.value != nil, Member(rawValue: kind) != nil else { return [] }
      throw OfLayerKinds(member: ([newer, names.far] + rest).joined(separator: "."))
    }
    var found: [Edit] = []
    for kind in kinds where rest.isEmpty || rest[0] == kind.name {
      var members: [Edit] = []
      if rest.count == 2 {
        members = [(path: [rest[1]], value: edit.value)]
      } else if rest.count < 2 {
        let stated = rest.isEmpty ? edit.value?[kind.name] : edit.value
        members = (stated?.object ?? [:]).map { (path: [$0.key], value: Optional($0.value)) }
      }
      for (path, value) in members {
        let isBase = path == [Member.base.rawValue]
        var paths: [Path] = isBase ? kind.keys.map { [$0] } : []
        if kind.name == names.far {
          // Members of the older object go before those of layers without a window.
          paths.append([Key.older.rawValue] + path)
          if !isBase { paths += keysStating(path[0]).map { [$0] } }
        }
        found += Self.standing(paths, in: configuration, as: value)
      }
    }
    return found
  }

  /// Refuses a member outside of the objects of kinds of layers, where one of those says the same.
  private func checkUnread(
    _ first: String, _ rest: [String], in configuration: JSONValue
  ) throws(OfLayerKinds) {
    let newer = Key.newer.rawValue
    if first == Key.older.rawValue {
      throw OfLayerKinds(member: ([newer, names.far] + rest).joined(separator: "."))
    }
    guard rest.isEmpty else { return }
    for kind in kinds {
      var member = Member.base.rawValue
      if !kind.keys.contains(first) {
        guard let beside = keysBeside.first(where: { $0.keys.contains(first) }),
          beside.member != member
        else { continue }
        member = beside.member
      }
      if Self.stands([newer, kind.name, member], in: configuration) {
        throw OfLayerKinds(member: [newer, kind.name, member].joined(separator: "."))
      }
    }
  }
}
