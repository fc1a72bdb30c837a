import Base
import Evaluation

/// A kind of result that a report has a section for.
protocol ShownKind: Sendable {
  /// `kind` in the JSON.
  static var kind: String { get }
  /// Kinds that are no evaluation of their own, and whose sections follow this one's.
  static var variations: [any ShownKind.Type] { get }
  /// Whether a result that does not name its kind, as older versions wrote them, is of this one.
  static func fits(_ json: JSONValue) -> Bool
  /// The section of all results of this kind.
  static func section(_ files: [ResultFile]) throws(ReportError) -> PageSection
  /// What a summary shows of all results of a page.
  static func summary(_ files: [ResultFile]) throws(ReportError) -> [Summary.Column]
  /// What a summary shows of the results of this kind.
  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column]
}

extension ShownKind {
  static var variations: [any ShownKind.Type] { [] }

  static func fits(_ json: JSONValue) -> Bool { false }

  static func summary(of files: [ResultFile]) throws(ReportError) -> [Summary.Column] { [] }
}

/// What a report shows, in the order of its sections: every evaluation.
package enum ShownKinds {
  static let all: [any ShownKind.Type] = Evaluations.all.compactMap { $0 as? any ShownKind.Type }
    .flatMap { [$0] + $0.variations }

  /// The kinds, as results name them.
  package static var names: [String] { all.map { $0.kind } }
}
