import Base
import OrderedCollections

/// What one unit of an evaluation gave: a window, a trial, a sample.
package protocol EvaluationUnit: Sendable {
  /// Nil for values that the evaluation cannot give: fields that are missing, numbers that are not
  /// finite, counts below zero.
  init?(_ unit: EvaluationRecord.Unit)

  /// What the unit says of itself that no model has a part in; see `ExpectedUnits`.
  var stated: ExpectedUnits.Facts { get }
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

  /// What an identity says of the units; nil where it says nothing.
  static func expected(of identity: OrderedDictionary<String, JSONValue>) -> ExpectedUnits?

  /// Numbers that the result is for, with their names. Where there are units each must be finite; a
  /// standard error may be no number, where there is one draw alone.
  var essentials: [(name: String, number: Estimate)] { get }
}

extension EvaluationResult {
  package static var roles: [String] { ["model"] }

  package static func expected(
    of identity: OrderedDictionary<String, JSONValue>
  ) -> ExpectedUnits? { nil }

  package var essentials: [(name: String, number: Estimate)] { [] }

  /// Why a unit cannot be what the evaluation gave, as the end of a sentence about it; nil where it
  /// can.
  static func fault(of unit: EvaluationRecord.Unit, in expected: ExpectedUnits?) -> String? {
    guard let read = Unit(unit) else { return "has values that cannot be those of \(kind)" }
    return expected?.fault(of: unit.index, stating: read.stated)
  }

  /// Whether a unit is what the evaluation can give: of one that a run gave, whether its numbers are within
  /// what is taken for numbers of a model.
  static func isWithinBounds(_ unit: EvaluationRecord.Unit) -> Bool { Unit(unit) != nil }

  /// Reads the units of a record, whole or of a shard.
  /// - Throws: `EvaluationError.record` where a unit is malformed, or a number of the result is beyond
  ///   what numbers can be.
  package init(_ record: EvaluationRecord, file: String) throws(EvaluationError) {
    var units: [Unit] = []
    for unit in record.units {
      guard let read = Unit(unit) else {
        throw .record(
          file: file,
          problem: "unit \(unit.index) is not \(Self.unitName) with numbers that a model gives,"
            + " such as at most \(Self.mostNatsInWords) nats a token")
      }
      units.append(read)
    }
    try self.init(record, units: units, file: file)
    guard !units.isEmpty else { return }
    for (name, number) in essentials
    where !number.value.isFinite || number.error.isInfinite {
      throw .record(file: file, problem: "\(name) is not a finite number")
    }
  }

  /// Whether a number can be a negative log-likelihood, or a divergence, of a token: no less than 0,
  /// but for the last digits of a sum, and no more than `mostNats`.
  static func isLikelihood(_ nats: Double) -> Bool { nats > -leastNats && nats <= mostNats }

  /// Nats of a token at most. Logits of float32 could lie further apart, but of such a model there is
  /// nothing to say: beyond 709 nats a perplexity is no finite number, and where logits are so large,
  /// float32 has no digits left for what lies between likely tokens.
  static var mostNats: Double { 1e6 }

  static var mostNatsInWords: String { "1,000,000" }

  /// How far below 0 a negative log-likelihood may be.
  static var leastNats: Double { 1e-3 }

  /// Whether a number read can be one of tokens or examples: sums of many do not overflow.
  static func isCount(_ number: Int) -> Bool { (0...(1 << 32)).contains(number) }
}
