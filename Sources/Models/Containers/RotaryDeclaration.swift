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
  /// Set where Q and K do not lie in the layout the architecture's readers expect.
  package var scoreLayout: PairLayout?
  package var baseArchitecture: String
  /// Latent attention stands in absorbed form: its matrices of keys and values are not there.
  package var absorbsLatent: Bool

  package init(
    sites: RotarySites, value: ValueTable?, scoreLayout: PairLayout?, baseArchitecture: String,
    absorbsLatent: Bool = false
  ) {
    self.absorbsLatent = absorbsLatent
    self.sites = sites
    self.value = value
    self.scoreLayout = scoreLayout
    self.baseArchitecture = baseArchitecture
  }

  /// The version of the format this program reads and writes.
  package static let version = 1
  /// The member of config.json.
  package static let object = "rotary"
  /// What stands before the fields in a GGUF file.
  package static let prefix = object + "."

  private enum Field: String {
    case version
    case baseArchitecture = "base_architecture"
    case sites
    case scoreLayout = "score.layout"
    case frequencies = "value.frequencies"
    case valueLayout = "value.layout"
    case bias = "value.bias"
    case base = "value.freq_base"
    case pairs = "value.pairs"
    case latent = "latent"

    var path: [String] { rawValue.split(separator: ".").map(String.init) }
  }
}

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
    guard field(.version)?.int == Self.version else {
      throw failure(.version, "is missing or not \(Self.version), the version supported")
    }
    guard let text = field(.sites)?.string else { throw failure(.sites, "is missing") }
    self.init(
      sites: try RotarySites(parsing: text), value: nil, scoreLayout: nil,
      baseArchitecture: identity.architecture.name)
    if field(.scoreLayout)?.string != nil {
      scoreLayout = try choice(.scoreLayout, [PairLayout.interleaved, .half])
    }
    if field(.latent) != nil {
      absorbsLatent = try choice(.latent, [LatentForm.absorbed]) == .absorbed
    }
    guard sites.rotatesMessage else { return }
    let layout: PairLayout = try choice(.valueLayout, [.interleaved, .half])
    let bias: ValueRotation.Bias = try choice(.bias, [.rotated, .unrotated])
    guard let list = field(.frequencies)?.array else {
      throw failure(.frequencies, "is missing")
    }
    let numbers = list.compactMap(\.double)
    guard numbers.count == list.count, numbers.allSatisfy(\.isFinite) else {
      throw failure(.frequencies, "holds something that is not a finite number")
    }
    let most = pairs.reduce(0) { max($0, $1 ?? 0) }
    let sizes = pairs.map { $0 ?? most }
    let isOneRow = numbers.count == most && sizes.agreed != nil
    guard isOneRow || numbers.count == sizes.reduce(0, +) else {
      throw RotaryError.tableSize(
        found: numbers.count, layers: pairs.count, pairs: sizes.agreed ?? most)
    }
    var first = 0
    let table = try sizes.enumerated().map { layer, size in
      let still = [Double](repeating: 0, count: size)
      if isOneRow { return pairs[layer] == nil ? still : numbers }
      let row = Array(numbers[first...].prefix(size))
      first += size
      guard pairs[layer] != nil || row == still else {
        throw failure(.frequencies, "turns values of layer \(layer), which has no positions")
      }
      return row
    }
    value = ValueTable(
      frequencies: table, layout: layout, bias: bias, base: field(.base)?.double,
      pairs: field(.pairs)?.int)
  }
}

extension RotaryDeclaration {
  /// The absorbed form is stated of a layer that cannot have it.
  static func notLatent(_ checkpoint: Checkpoint, layer: Int) -> ModelError {
    .hyperparameter(
      file: checkpoint.path, key: prefix + Field.latent.rawValue,
      problem: "is stated, but layer \(layer) has no latent attention")
  }
}

// MARK: - Writing

extension RotaryDeclaration {
  /// The table as the file stores it: one row where all layers agree, those without positions (whose
  /// rows are 0) among them.
  private var frequencies: [Float] {
    guard let table = value?.frequencies, let first = table.first else { return [] }
    let rows = table.allSatisfy { $0 == first } ? [first] : table
    return rows.flatMap { $0.map(Float.init) }
  }

  private var fields: [(Field, StatedValue)] {
    var fields: [(Field, StatedValue)] = [
      (.version, .whole(Self.version)), (.baseArchitecture, .text(baseArchitecture)),
      (.sites, .text(sites.code)),
    ]
    if let scoreLayout { fields.append((.scoreLayout, .text(scoreLayout.rawValue))) }
    if absorbsLatent { fields.append((.latent, .text(LatentForm.absorbed.rawValue))) }
    guard let value else { return fields }
    fields += [
      (.frequencies, .numbers(frequencies)), (.valueLayout, .text(value.layout.rawValue)),
      (.bias, .text(value.bias.rawValue)),
    ]
    if let base = value.base { fields.append((.base, .number(base))) }
    if let pairs = value.pairs { fields.append((.pairs, .whole(pairs))) }
    return fields
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
