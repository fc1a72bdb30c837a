import Base
import Evaluation
import Foundation
import OrderedCollections

/// An evaluation's result as JSON and as text; each says only what is its own.
package protocol ReportedResult: EvaluationResult {
  /// Its fields of the JSON, beside those that every evaluation has.
  var fields: OrderedDictionary<String, JSONValue> { get }
  /// Whether the JSON holds what each unit gave, of which all other numbers are made.
  var showsUnits: Bool { get }
  /// The lines with its numbers, where there are any; `color` is how the terminal shows colours.
  func lines(color: TerminalColor) -> String
}

extension ReportedResult {
  package var showsUnits: Bool { true }

  /// The fields of `--json`.
  package func json(peakBytes: Int) -> JSONValue {
    var object = record.header
    if Self.roles.count == 1 { object["sites"] = record.sites() }
    if record.isOfCalibrationText { object["calibration_text"] = .bool(true) }
    object.merge(fields) { $1 }
    object.merge(record.costs(peakBytes: peakBytes)) { own, _ in own }
    if showsUnits { object["units"] = record.unitsJSON }
    return .object(object)
  }

  /// The lines a person reads: the numbers, then what they are of.
  package func text(peakBytes: Int, color: TerminalColor = .none) -> String {
    let numbers =
      record.units.isEmpty ? "no units in shard \(record.shard.text)" : lines(color: color)
    // Its numbers are not those of the whole.
    let part =
      record.shard.isPart && !record.units.isEmpty
      ? [
        "part        shard \(record.shard.text), \(record.units.count) of \(record.unitCount) units"
      ] : []
    let variants = Self.roles.enumerated().map { index, role in
      let name = role == "model" ? "variant" : role
      return name.padding(toLength: 12, withPad: " ", startingAt: 0) + record.variant(index)
    }
    return ([numbers] + part + variants + [record.costText(peakBytes: peakBytes)])
      .joined(separator: "\n")
  }
}

extension EvaluationRecord {
  /// The result that a record is of.
  /// - Throws: `EvaluationError.record` for a kind that no evaluation has, or units that it cannot
  ///   give.
  package func result(file: String) throws(EvaluationError) -> any ReportedResult {
    guard let evaluation = Evaluations.named(kind) as? any ReportedResult.Type else {
      throw .record(file: file, problem: "its kind is '\(kind)', which no evaluation here has")
    }
    return try evaluation.init(self, file: file)
  }
}

extension JSONValue {
  /// A number, or null where it is not finite: JSON has no NaN.
  static func finite(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }

  /// A number, or null where there is none or it is not finite.
  static func finite(_ value: Double?) -> JSONValue { value.map { .finite($0) } ?? .null }
}
