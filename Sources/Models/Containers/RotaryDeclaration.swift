import Base
import Checkpoints
import OrderedCollections
import Rotary
import Tensors

/// What a converted checkpoint declares about its rotation (formats/rotary.md): `rotary.*` keys of a
/// GGUF file, or the `rotary` object of config.json with the same fields, nested. Not written where a
/// plain file of the architecture says it all.
package struct RotaryDeclaration: Sendable, Equatable {
  package var sites: RotarySites
  package var value: ValueTable?
  /// Dims of a value head of each layer that have a frequency, where those are other ones than dims
  /// of a key head somewhere.
  package var valueDimensions: [Int]?
  package var scores: ScoreDeclaration
  package var baseArchitecture: String
  /// Latent attention stands in absorbed form: its matrices of keys and values are not there.
  package var absorbsLatent: Bool

  package init(
    sites: RotarySites, value: ValueTable?, valueDimensions: [Int]? = nil,
    scores: ScoreDeclaration, baseArchitecture: String, absorbsLatent: Bool = false
  ) {
    self.valueDimensions = valueDimensions
    self.absorbsLatent = absorbsLatent
    self.sites = sites
    self.value = value
    self.scores = scores
    self.baseArchitecture = baseArchitecture
  }

  /// The versions of the format. Readers of one would compute something else where a field of a later
  /// one is stated, which is written there alone.
  private static let versions = 1...3
  /// The member of config.json.
  package static let object = "rotary"
  /// What stands before the fields in a GGUF file.
  package static let prefix = object + "."

  private enum Field: String, CaseIterable {
    case version
    case baseArchitecture = "base_architecture"
    case sites
    case scoreLayout = "score.layout"
    case scoreDirection = "score.direction"
    case scoreFrequencies = "score.frequencies"
    case frequencies = "value.frequencies"
    case valueLayout = "value.layout"
    case valueDimensions = "value.dimensions"
    case valueScaling = "value.scaling"
    case bias = "value.bias"
    case base = "value.freq_base"
    case pairs = "value.pairs"
    case latent = "latent"

    /// The first version whose readers know it.
    var since: Int {
      switch self {
      case .scoreDirection, .scoreFrequencies, .valueDimensions: 2
      case .valueScaling: 3
      default: 1
      }
    }

    var path: [String] { rawValue.split(separator: ".").map(String.init) }
  }
}

/// Whose scaling the values of a file follow: that of queries and keys.
private enum FollowedScaling: String { case scores }

/// How latent attention stands in a file.
private enum LatentForm: String { case absorbed }

// MARK: - Reading

extension RotaryDeclaration {
  /// Whether a config.json declares a rotation.
  static func isStated(in configuration: JSONValue) -> Bool {
    configuration[object]?[Field.sites.rawValue] != nil
  }

  /// Reads what a checkpoint declares.
  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - identity: its architecture and kind of container.
  ///   - pairs: rotary pairs of a head of each layer; nil in one without positions, whose row turns
  ///     nothing and has as many as any layer's.
  /// - Throws: `ModelError.hyperparameter` for a field that is missing or says something else.
  init(
    _ checkpoint: Checkpoint, of identity: CheckpointIdentity, pairs: [Int?]
  ) throws {
    func field(_ field: Field) -> JSONValue? {
      switch identity.side {
      case .gguf:
        checkpoint.metadata[Self.prefix + field.rawValue].map { JSONValue(metadata: $0) }
      case .huggingface:
        field.path.reduce(checkpoint.configuration?[Self.object]) { $0?[$1] }
      }
    }
    func failure(_ field: Field, _ problem: String) -> ModelError {
      .hyperparameter(file: checkpoint.path, key: Self.prefix + field.rawValue, problem: problem)
    }
    func choice<Choice: RawRepresentable<String>>(
      _ key: Field, _ known: [Choice]
    ) throws -> Choice {
      guard let choice = field(key)?.string.flatMap(Choice.init) else {
        let names = known.map(\.rawValue).joined(separator: ", ")
        throw failure(key, "is missing or not one of \(names)")
      }
      return choice
    }
    guard let version = field(.version)?.int, Self.versions.contains(version) else {
      throw failure(
        .version,
        "is missing or not one of \(Self.versions.map(String.init).joined(separator: ", ")), the"
          + " versions supported")
    }
    for newer in Field.allCases where newer.since > version && field(newer) != nil {
      throw failure(
        newer, "is stated, which needs \(Self.prefix)\(Field.version.rawValue) \(newer.since)")
    }
    guard let text = field(.sites)?.string else { throw failure(.sites, "is missing") }
    self.init(
      sites: try RotarySites(parsing: text), value: nil, scores: ScoreDeclaration(),
      baseArchitecture: identity.architecture.name)
    if field(.scoreLayout)?.string != nil {
      scores.layout = try choice(.scoreLayout, [PairLayout.interleaved, .half])
    }
    if field(.scoreDirection) != nil {
      scores.direction = try choice(.scoreDirection, RotationDirection.allCases)
    }
    let most = pairs.reduce(0) { max($0, $1 ?? 0) }
    let sizes = pairs.map { $0 ?? most }
    func table(_ key: Field, sizes: [Int]) throws -> [[Double]] {
      try Self.table(
        field(key), sizes: sizes, turns: pairs.map { $0 != nil },
        what: key == .frequencies ? "values" : "queries and keys"
      ) {
        failure(key, $0)
      }
    }
    if field(.scoreFrequencies) != nil {
      scores.frequencies = try table(.scoreFrequencies, sizes: sizes)
    }
    if field(.latent) != nil {
      absorbsLatent = try choice(.latent, [LatentForm.absorbed]) == .absorbed
    }
    guard sites.rotatesMessage else { return }
    let layout: PairLayout = try choice(.valueLayout, [.interleaved, .half])
    let bias: ValueRotation.Bias = try choice(.bias, [.rotated, .unrotated])
    var valueSizes = sizes
    if let stated = field(.valueDimensions) {
      let dimensions = stated.array?.compactMap(\.int) ?? stated.int.map { [$0] } ?? []
      guard dimensions.count == 1 || dimensions.count == pairs.count,
        dimensions.allSatisfy({ $0 > 0 && $0 % 2 == 0 && $0 <= 1 << 20 })
      else {
        throw failure(
          .valueDimensions, "is not one even number, or one for each of \(pairs.count) layers")
      }
      valueSizes = pairs.indices.map { dimensions[dimensions.count == 1 ? 0 : $0] / 2 }
      valueDimensions = valueSizes.map { 2 * $0 }
    }
    let follows = field(.valueScaling) != nil
    if follows {
      _ = try choice(.valueScaling, [FollowedScaling.scores])
      guard valueSizes == sizes else {
        throw failure(.valueScaling, "is stated, but values have other dims than keys that turn")
      }
    }
    value = ValueTable(
      frequencies: try table(.frequencies, sizes: valueSizes), layout: layout, bias: bias,
      base: field(.base)?.double, pairs: field(.pairs)?.int, followsScaling: follows)
  }

  /// A row of frequencies for each layer, of so many as `sizes` says; one row may stand for all. `turns`
  /// says whether each layer has positions, without which its row turns nothing.
  private static func table(
    _ stated: JSONValue?, sizes: [Int], turns: [Bool], what: String,
    failure: (String) -> ModelError
  ) throws -> [[Double]] {
    guard let list = stated?.array else { throw failure("is missing") }
    let numbers = list.compactMap(\.double)
    guard numbers.count == list.count, numbers.allSatisfy(\.isFinite) else {
      throw failure("holds something that is not a finite number")
    }
    let isOneRow = sizes.agreed == numbers.count
    guard isOneRow || numbers.count == sizes.reduce(0, +) else {
      throw RotaryError.tableSize(
        found: numbers.count, layers: sizes.count, pairs: sizes.agreed ?? sizes.max() ?? 0)
    }
    var first = 0
    return try sizes.enumerated().map { layer, size in
      let still = [Double](repeating: 0, count: size)
      if isOneRow { return turns[layer] ? numbers : still }
      let row = Array(numbers[first...].prefix(size))
      first += size
      guard turns[layer] || row == still else {
        throw failure("turns \(what) of layer \(layer), which has no positions")
      }
      return row
    }
  }
}

extension RotaryDeclaration {
  /// The absorbed form is stated of a layer that cannot have it.
  static func notLatent(_ checkpoint: Checkpoint, layer: Int) -> ModelError {
    .hyperparameter(
      file: checkpoint.path, key: prefix + Field.latent.rawValue,
      problem: "is stated, but layer \(layer) has no latent attention")
  }

  /// Declares the rotation of a checkpoint's layers.
  /// - Parameters:
  ///   - rotary: of a plain file, in which the declaration is entered.
  ///   - checkpoint: what errors name.
  /// - Throws: `ModelError.hyperparameter` where values are to follow a scaling that does not follow the
  ///   length, or of which readers would make other frequencies.
  func apply(to rotary: inout RotaryConfiguration, of checkpoint: Checkpoint) throws {
    rotary.declare(sites: sites, values: value, scores: scores)
    guard let scaling = rotary.unfollowable else { return }
    throw ModelError.hyperparameter(
      file: checkpoint.path, key: Self.prefix + Field.valueScaling.rawValue,
      problem: "is '\(FollowedScaling.scores.rawValue)', which needs a scaling of queries and keys"
        + " that follows the length (dynamic NTK or LongRoPE), found '\(scaling.name)'")
  }
}

// MARK: - Writing

extension RotaryDeclaration {
  /// A table as the file stores it: one row where all layers agree, those without positions (whose
  /// rows are 0) among them.
  private static func numbers(_ table: [[Double]]) -> StatedValue {
    guard let first = table.first else { return .numbers([]) }
    let rows = table.allSatisfy { $0 == first } ? [first] : table
    return .numbers(rows.flatMap { $0.map(Float.init) })
  }

  private var fields: [(Field, StatedValue)] {
    var fields: [(Field, StatedValue)] = [
      (.baseArchitecture, .text(baseArchitecture)), (.sites, .text(sites.code)),
    ]
    if let layout = scores.layout { fields.append((.scoreLayout, .text(layout.rawValue))) }
    if scores.direction != .forward {
      fields.append((.scoreDirection, .text(scores.direction.rawValue)))
    }
    if let table = scores.frequencies { fields.append((.scoreFrequencies, Self.numbers(table))) }
    if absorbsLatent { fields.append((.latent, .text(LatentForm.absorbed.rawValue))) }
    if let value {
      if let valueDimensions { fields.append((.valueDimensions, .ofLayers(valueDimensions))) }
      fields += [
        (.frequencies, Self.numbers(value.frequencies)),
        (.valueLayout, .text(value.layout.rawValue)),
        (.bias, .text(value.bias.rawValue)),
      ]
      if value.followsScaling {
        fields.append((.valueScaling, .text(FollowedScaling.scores.rawValue)))
      }
      if let base = value.base { fields.append((.base, .number(base))) }
      if let pairs = value.pairs { fields.append((.pairs, .whole(pairs))) }
    }
    let version = fields.map(\.0.since).max() ?? Self.versions.lowerBound
    return [(.version, .whole(version))] + fields
  }

  /// The `rotary.*` keys of a GGUF file.
  package func metadata() -> OrderedDictionary<String, MetadataValue> {
    var result: OrderedDictionary<String, MetadataValue> = [:]
    for (field, value) in fields { result[Self.prefix + field.rawValue] = value.metadata }
    return result
  }

  /// The `rotary` object of config.json.
  package func json() -> JSONValue {
    var result: OrderedDictionary<String, JSONValue> = [:]
    for (field, value) in fields {
      let path = field.path
      if path.count == 1 {
        result[path[0]] = value.json
      } else {
        var members = result[path[0]]?.object ?? [:]
        members[path[1]] = value.json
        result[path[0]] = .object(members)
      }
    }
    return .object(result)
  }
}
