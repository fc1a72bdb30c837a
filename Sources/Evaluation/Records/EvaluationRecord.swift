import Checkpoints
import OrderedCollections

/// A result, or a shard of one, as numbers that can be stored, resumed and merged: what was
/// evaluated, and what each unit of it gave. Every report is made from this alone.
public struct EvaluationRecord: Sendable {
  /// One unit: a window, a trial, a sample.
  public struct Unit: Sendable, Equatable {
    public let index: Int
    public let values: JSONValue

    public init(index: Int, values: JSONValue) {
      self.index = index
      self.values = values
    }
  }

  /// The command's name: `perplexity`, `needle`, ...
  public let kind: String
  /// Everything that a digit depends on, hashes of model and text included.
  public let identity: OrderedDictionary<String, JSONValue>
  /// Names for people that no digit depends on: paths of model and text.
  public let labels: OrderedDictionary<String, JSONValue>
  /// Units of the whole evaluation.
  public let unitCount: Int
  public let shard: Shard
  /// Finished units, in order.
  public let units: [Unit]
  public var seconds: Double
  /// Tokens that went through the model in this run.
  public var evaluatedTokens: Int

  public init(
    kind: String, identity: OrderedDictionary<String, JSONValue>,
    labels: OrderedDictionary<String, JSONValue> = [:], unitCount: Int, shard: Shard = .whole,
    units: [Unit], seconds: Double = 0, evaluatedTokens: Int = 0
  ) {
    self.kind = kind
    self.identity = identity
    self.labels = labels
    self.unitCount = unitCount
    self.shard = shard
    self.units = units.sorted { $0.index < $1.index }
    self.seconds = seconds
    self.evaluatedTokens = evaluatedTokens
  }

  /// What stands at the head of the JSON of every evaluation.
  public var header: OrderedDictionary<String, JSONValue> {
    var header: OrderedDictionary<String, JSONValue> = ["kind": .string(kind)]
    header.merge(labels) { own, _ in own }
    header["protocol"] = JSONValue(Self.protocolVersion)
    header["identity"] = .object(identity)
    header["units_total"] = JSONValue(unitCount)
    header["shard"] = .string(shard.text)
    return header
  }

  /// Grows when a number of the same settings would change its meaning.
  public static let protocolVersion = 1

  /// What names this evaluation in a state file.
  var key: String {
    SourceHash.sha256(
      text:
        "\(kind);\(Self.protocolVersion);\(JSONValue.object(identity).serialized(pretty: false))"
    )
  }

  /// The units of a result's JSON.
  public static let unitsKey = "units"

  public var unitsJSON: JSONValue {
    .array(
      units.map { unit in
        .object(["unit": .integer(Int64(unit.index)), "values": unit.values])
      })
  }

  /// Reads a result back from its JSON.
  /// - Throws: `EvaluationError.record` for anything that is no result of an evaluation.
  public init(_ json: JSONValue, file: String) throws(EvaluationError) {
    func malformed(_ problem: String) -> EvaluationError { .record(file: file, problem: problem) }
    guard let kind = json["kind"]?.string, let identity = json["identity"]?.object,
      let count = json["units_total"]?.int, let shard = json["shard"]?.string,
      let units = json[Self.unitsKey]?.array
    else {
      throw malformed(
        "expected the JSON of an evaluation: kind, identity, units_total, shard, units")
    }
    guard count >= 0 else { throw malformed("units_total is \(count)") }
    guard json["protocol"]?.int == Self.protocolVersion else {
      throw malformed("expected protocol \(Self.protocolVersion)")
    }
    var parsed: [Unit] = []
    for (place, unit) in units.enumerated() {
      guard let index = unit["unit"]?.int, index >= 0, index < count, let values = unit["values"]
      else { throw malformed("units[\(place)] is no unit from 0 to \(count - 1)") }
      parsed.append(Unit(index: index, values: values))
    }
    do {
      self.init(
        kind: kind, identity: identity, labels: Self.labels(json), unitCount: count,
        shard: try Shard(parsing: shard),
        units: parsed, seconds: json["seconds"]?.double ?? 0,
        evaluatedTokens: min(max(json["evaluated_tokens"]?.int ?? 0, 0), 1 << 50))
    } catch { throw malformed("shard is '\(shard)', expected I/N") }
  }

  private static func labels(_ json: JSONValue) -> OrderedDictionary<String, JSONValue> {
    var labels: OrderedDictionary<String, JSONValue> = [:]
    for name in labelNames { if let value = json[name] { labels[name] = value } }
    return labels
  }

  private static let labelNames = ["model", "base", "other", "text", "haystack"]

  /// Puts shards together; in any order they give the same digits as one run.
  /// - Throws: `EvaluationError.record` naming the file that does not belong, or what is missing.
  public static func merge(
    _ parts: [(file: String, record: EvaluationRecord)]
  ) throws(EvaluationError) -> EvaluationRecord {
    guard let first = parts.first else { throw .usage("no shards to merge") }
    var units: [Int: (file: String, unit: Unit)] = [:]
    for (file, record) in parts {
      guard record.kind == first.record.kind, record.identity == first.record.identity,
        record.unitCount == first.record.unitCount
      else {
        let key = record.identity.keys.first { record.identity[$0] != first.record.identity[$0] }
        throw .record(
          file: file,
          problem: "not of the same evaluation as \(first.file)"
            + (key.map { ": '\($0)' differs" } ?? ""))
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
      kind: first.record.kind, identity: first.record.identity, labels: first.record.labels,
      unitCount: first.record.unitCount, units: units.values.map(\.unit),
      seconds: parts.reduce(0) { $0 + $1.record.seconds },
      evaluatedTokens: parts.reduce(0) { $0 + $1.record.evaluatedTokens })
  }
}
