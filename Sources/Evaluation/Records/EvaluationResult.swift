import Base

/// What one unit of an evaluation gave: a window, a trial, a sample.
package protocol EvaluationUnit: Sendable {
  /// Nil for values that the evaluation cannot give: fields that are missing, numbers that are not
  /// finite, counts below zero.
  init?(_ unit: EvaluationRecord.Unit)
}

/// What an evaluation gives, made from a record alone: the same for a run, a file of results and
/// merged shards.
///
/// Reports adds its JSON, its text and its section of a page to each (`ReportedResult`), and the
/// program its command (`CommandedResult`).
package protocol EvaluationResult: Sendable {
  associatedtype Unit: EvaluationUnit

  /// The word of the command below `eval`, and `kind` in the JSON.
  static var kind: String { get }
  /// What the models are to each other, in the order in which they are given.
  static var roles: [String] { get }
  /// What a unit is, with its article.
  static var unitName: String { get }

  var record: EvaluationRecord { get }

  /// - Parameters:
  ///   - record: what the result is made from.
  ///   - units: those of the record, read.
  ///   - file: the record's, for errors.
  /// - Throws: `EvaluationError.record` for an identity that lacks something.
  init(_ record: EvaluationRecord, units: [Unit], file: String) throws(EvaluationError)
}

extension EvaluationResult {
  package static var roles: [String] { ["model"] }

  /// Whether a unit's values can be what this evaluation gives.
  static func accepts(_ values: JSONValue) -> Bool {
    Unit(EvaluationRecord.Unit(index: 0, values: values)) != nil
  }

  /// Reads the units of a record, whole or of a shard.
  /// - Throws: `EvaluationError.record` where a unit is malformed.
  package init(_ record: EvaluationRecord, file: String) throws(EvaluationError) {
    var units: [Unit] = []
    for unit in record.units {
      guard let read = Unit(unit) else {
        throw .record(file: file, problem: "unit \(unit.index) is not \(Self.unitName)")
      }
      units.append(read)
    }
    try self.init(record, units: units, file: file)
  }

  /// Negative log-likelihoods are no less than 0, but for the last digits of a sum.
  static func isLikelihood(_ nats: Double) -> Bool { nats.isFinite && nats > -1e-3 }
}
