import Base
import Checkpoints
import OrderedCollections
import Tensors

/// Everything that a digit of an evaluation depends on, as one JSON object. The key of a state file,
/// the identity in a result's JSON and the label of a report's row are all made from it.
package struct EvaluationIdentity: Sendable, Equatable {
  /// `kind`, `protocol`, `models`, `text`, `arithmetic`, `settings`, `materials`, `units`, and
  /// `formats_sha256` where the data files are not the program's own.
  package let fields: OrderedDictionary<String, JSONValue>

  package init(fields: OrderedDictionary<String, JSONValue>) { self.fields = fields }

  /// What an evaluation of units is of; see below.
  init(
    of evaluation: any EvaluationResult.Type, models: [JSONValue], text: TokenizedText? = nil,
    settings: OrderedDictionary<String, JSONValue>,
    materials: OrderedDictionary<String, JSONValue> = [:], options: RunOptions, units: Int
  ) {
    self.init(
      of: evaluation.kind, models: models, text: text, settings: settings, materials: materials,
      options: options, units: units)
  }

  /// - Parameters:
  ///   - kind: the command's name.
  ///   - models: what `Model.identity` gives, in the order of the operands.
  ///   - text: the text scored, if any.
  ///   - settings: the evaluation's own.
  ///   - materials: hashes of what prompts are made from.
  ///   - options: what the evaluation is run with.
  ///   - units: how many units the whole evaluation has.
  init(
    of kind: String, models: [JSONValue], text: TokenizedText? = nil,
    settings: OrderedDictionary<String, JSONValue>,
    materials: OrderedDictionary<String, JSONValue> = [:], options: RunOptions, units: Int
  ) {
    var arithmetic: OrderedDictionary<String, JSONValue> = [
      "compute": .string(options.arithmetic.rawValue),
      "instruction_set": .string(InstructionSet.current), "libraries": Program.libraries,
      "library_instruction_set": .string(Libraries.instructionSet),
      "revision": JSONValue(Program.arithmeticRevision),
    ]
    arithmetic.merge(Settings.of(options, leaving: RunOptions.withoutEffect)) { own, _ in own }
    // Stated where it is asked for: results of other models keep their keys.
    if let form = options.form, form != .attention { arithmetic["form"] = .string(form.rawValue) }
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": .string(kind), "protocol": JSONValue(EvaluationRecord.protocolVersion),
      "models": .array(models), "text": text?.identity ?? .null,
      "arithmetic": .object(arithmetic), "settings": .object(settings),
      "materials": .object(materials), "units": JSONValue(units),
    ]
    // What comes with the program is told by its version.
    fields["formats_sha256"] = FormatResources.chosenDigest.map { .string($0) }
    self.fields = fields
  }

  /// SHA-256 of the identity: what names the evaluation in a state file, and the result of all of it.
  package var key: String { key(of: .whole) }

  /// What names the result of a shard, whose digits are not those of the whole: SHA-256 of the identity
  /// with a last member `shard`, which is `I/N`. Of the whole it is `key`.
  package func key(of shard: Shard) -> String {
    var stated = fields
    if shard.isPart { stated["shard"] = .string(shard.text) }
    return SourceHash.sha256(text: JSONValue.object(stated).serialized(pretty: false))
  }

  /// Where two identities first differ, and how; nil where they are equal.
  /// - Parameters:
  ///   - one: an identity, or a member of it.
  ///   - other: the same of the other.
  ///   - names: the files that hold them.
  ///   - path: where in the identities they stand.
  /// - Returns: one line.
  static func difference(
    _ one: JSONValue, _ other: JSONValue, in names: (one: String, other: String), path: String
  ) -> String? {
    if one == other { return nil }
    func below(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    if let left = one.object, let right = other.object {
      for key in OrderedSet(Array(left.keys) + Array(right.keys)) {
        if let found = difference(
          left[key] ?? .null, right[key] ?? .null, in: names, path: below(key))
        {
          return found
        }
      }
    }
    if let left = one.array, let right = other.array, left.count == right.count {
      for (index, pair) in zip(left, right).enumerated() {
        if let found = difference(pair.0, pair.1, in: names, path: "\(path)[\(index)]") {
          return found
        }
      }
    }
    func shown(_ value: JSONValue) -> String {
      let text = value.serialized(pretty: false)
      guard text.count > 48 else { return text }
      return "\(text.prefix(45))..." + (value.string == nil ? "" : "\"")
    }
    return "'\(path)' differs: \(shown(one)) in \(names.one), \(shown(other)) in \(names.other)"
  }
}

extension RunOptions {
  /// Options that never change a digit, and `arithmetic` and `form`, which are stated by name.
  static let withoutEffect: Set<String> = [
    "shard", "state", "threads", "batch", "memory", "arithmetic", "form",
  ]
}
