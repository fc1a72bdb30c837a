import Base
import Checkpoints
import OrderedCollections

/// A result, or a shard of one, as numbers that can be stored, resumed and merged: what was
/// evaluated, and what each unit of it gave. Every report is made from this alone.
package struct EvaluationRecord: Sendable {
  /// One unit: a window, a trial, a sample.
  package struct Unit: Sendable, Equatable {
    package let index: Int
    package let values: JSONValue

    package init(index: Int, values: JSONValue) {
      self.index = index
      self.values = values
    }
  }

  /// The command's name: `perplexity`, `needle`, ...
  package let kind: String
  /// Everything that a digit depends on, hashes of model and text included.
  package let identity: OrderedDictionary<String, JSONValue>
  /// Names for people that no digit depends on: paths of model and text, variants in words.
  package let labels: OrderedDictionary<String, JSONValue>
  /// Units of the whole evaluation.
  package let unitCount: Int
  package let shard: Shard
  /// Finished units, in order.
  package let units: [Unit]
  package var seconds: Double
  /// Tokens of all sequences of this run.
  package var evaluatedTokens: Int
  /// Those that went through the model: what several sequences begin with goes through once.
  package var computedTokens: Int
  /// The programs that made the result, and when; nil of one that does not say.
  package let makers: Makers?

  init(
    identity: EvaluationIdentity, labels: OrderedDictionary<String, JSONValue> = [:],
    unitCount: Int, shard: Shard = .whole, units: [Unit], seconds: Double = 0,
    evaluatedTokens: Int = 0, computedTokens: Int? = nil, makers: Makers? = Makers(.current)
  ) {
    kind = identity.fields["kind"]?.string ?? ""
    self.identity = identity.fields
    self.labels = labels
    self.unitCount = unitCount
    self.shard = shard
    self.units = units.sorted { $0.index < $1.index }
    self.seconds = seconds
    self.evaluatedTokens = evaluatedTokens
    self.computedTokens = computedTokens ?? evaluatedTokens
    self.makers = makers
  }

  /// What stands at the head of the JSON of every evaluation.
  package var header: OrderedDictionary<String, JSONValue> {
    var header: OrderedDictionary<String, JSONValue> = [
      "kind": .string(kind), "key": .string(key),
      "protocol": JSONValue(Self.protocolVersion),
    ]
    header.merge(makers?.json ?? [:]) { own, _ in own }
    header.merge(labels) { own, _ in own }
    header["identity"] = .object(identity)
    header["units_total"] = JSONValue(unitCount)
    header["shard"] = .string(shard.text)
    return header
  }

  /// Grows when a number of the same settings would change its meaning.
  package static let protocolVersion = 2

  /// What names this result: two with the same key have the same digits. A shard has its own; a state
  /// file and `merge` know shards by what they have in common, the identity.
  package var key: String { EvaluationIdentity(fields: identity).key(of: shard) }

  /// The settings the evaluation was run with, by the names of their options.
  package var settings: JSONValue { identity["settings"] ?? .null }

  /// What the identity states about a model; null where there is none.
  package func model(_ index: Int = 0) -> JSONValue {
    guard let models = identity["models"]?.array, models.indices.contains(index) else {
      return .null
    }
    return models[index]
  }

  /// The letters of the sites that a model was computed with.
  package func sites(_ index: Int = 0) -> JSONValue { model(index)["rotation"]?["sites"] ?? .null }

  /// The variant a model was computed as, in words.
  package func variant(_ index: Int = 0) -> String { ModelDescription.variant(model(index)) }

  /// `f32` or `bf16`.
  package var compute: JSONValue { identity["arithmetic"]?["compute"] ?? .null }

  /// `units` of a result's JSON.
  package var unitsJSON: JSONValue {
    .array(
      units.map { unit in
        .object(["unit": .integer(Int64(unit.index)), "values": unit.values])
      })
  }

  /// Reads a result back from its JSON.
  /// - Throws: `EvaluationError.record` for anything but the result of an evaluation.
  package init(_ json: JSONValue, file: String) throws(EvaluationError) {
    func malformed(_ problem: String) -> EvaluationError { .record(file: file, problem: problem) }
    guard let kind = json["kind"]?.string, let identity = json["identity"]?.object,
      let count = json["units_total"]?.int, let part = json["shard"]?.string,
      let units = json["units"]?.array
    else {
      throw malformed(
        "expected the JSON of an evaluation: kind, identity, units_total, shard, units")
    }
    guard json["protocol"]?.int == Self.protocolVersion else {
      let found = json["protocol"]?.int.map { "\($0)" } ?? "none"
      throw malformed(
        "expected a result of protocol \(Self.protocolVersion), found \(found): it is of another"
          + " version of ropeconv")
    }
    let stated = EvaluationIdentity(fields: identity)
    guard identity["kind"]?.string == kind, let known = Evaluations.named(kind) else {
      throw malformed("its kind is '\(kind.prefix(40))', which no evaluation here has")
    }
    let shard: Shard
    do { shard = try Shard(parsing: part) } catch {
      throw malformed("shard is '\(part.prefix(40))', expected I/N")
    }
    guard json["key"]?.string == stated.key(of: shard) else {
      throw malformed(
        shard.isPart
          ? "'key' is not that of 'identity' and 'shard': one of them was changed, or an older"
            + " ropeconv made the shard"
          : "'key' is not that of 'identity': one of them was changed")
    }
    guard count >= 0, identity["units"]?.int == count else {
      throw malformed("units_total is \(count), and not what the identity says")
    }
    let expected = known.expected(of: identity)
    var parsed: [Unit] = []
    for (place, unit) in units.enumerated() {
      guard let index = unit["unit"]?.int, index >= 0, index < count, let values = unit["values"]
      else { throw malformed("units[\(place)] is not a unit from 0 to \(count - 1)") }
      let read = Unit(index: index, values: values)
      if let fault = known.fault(of: read, in: expected) {
        throw malformed("units[\(place)] \(fault)")
      }
      parsed.append(read)
    }
    self.init(
      identity: stated, labels: Self.labels(json), unitCount: count, shard: shard,
      units: parsed, seconds: json["seconds"]?.double ?? 0,
      evaluatedTokens: Self.tokens(json["evaluated_tokens"]) ?? 0,
      computedTokens: Self.tokens(json["computed_tokens"]),
      makers: try Makers(json, file: file))
  }

  /// A count that sums of many cannot overflow.
  private static func tokens(_ json: JSONValue?) -> Int? {
    (json?.int).map { min(max($0, 0), 1 << 50) }
  }

  private static func labels(_ json: JSONValue) -> OrderedDictionary<String, JSONValue> {
    var labels: OrderedDictionary<String, JSONValue> = [:]
    for name in labelNames { if let value = json[name] { labels[name] = value } }
    return labels
  }

  private static let labelNames = [
    "model", "base", "other", "text", "text_sha256", "haystack", "haystack_tokens", "models",
  ]

  /// Puts shards together; in any order they give the same digits as one run.
  /// - Throws: `EvaluationError.record` naming the file that does not belong, or what is missing.
  package static func merge(
    _ parts: [(file: String, record: EvaluationRecord)]
  ) throws(EvaluationError) -> EvaluationRecord {
    guard let first = parts.first else { throw .usage("no shards to merge") }
    var units: [Int: (file: String, unit: Unit)] = [:]
    var makers: [Makers] = []
    for (file, record) in parts {
      guard let own = record.makers else {
        throw .record(file: file, problem: "it does not state its program and date")
      }
      makers.append(own)
      let one = JSONValue.object(record.identity)
      let other = JSONValue.object(first.record.identity)
      let difference = EvaluationIdentity.difference(
        one, other, in: (file, first.file), path: "identity")
      if let difference {
        let areWhole = [record, first.record].allSatisfy { $0.units.count == $0.unitCount }
        throw .record(
          file: file,
          problem: "not of the same evaluation as \(first.file): \(difference)"
            + (areWhole ? " (both are whole results, not shards)" : ""))
      }
      for unit in record.units {
        if let known = units[unit.index] {
          throw .record(
            file: file, problem: "unit \(unit.index) is in \(known.file) too")
        }
        units[unit.index] = (file, unit)
      }
    }
    let missing = first.record.unitCount - units.count
    guard missing == 0 else {
      // Among as many units as there are, and the next, one is missing.
      let one = (0...units.count).first { units[$0] == nil } ?? 0
      throw .record(
        file: first.file,
        problem: "\(missing) of \(first.record.unitCount) units are in no shard, the first is"
          + " unit \(one)")
    }
    return EvaluationRecord(
      identity: EvaluationIdentity(fields: first.record.identity), labels: first.record.labels,
      unitCount: first.record.unitCount, units: units.values.map(\.unit),
      seconds: parts.reduce(0) { $0 + $1.record.seconds },
      evaluatedTokens: parts.reduce(0) { $0 + $1.record.evaluatedTokens },
      computedTokens: parts.reduce(0) { $0 + $1.record.computedTokens },
      makers: Makers(merging: makers))
  }
}
