/// Every evaluation there is, in the order that people are shown them.
///
/// What reads state files and results, merges shards, lists kinds in errors, makes the sections of
/// a report and the commands below `eval` follows from this list: a new evaluation is a line here.
package enum Evaluations {
  package static let all: [any EvaluationResult.Type] = [
    PerplexityResult.self,
    NeedleResult.self,
    RulerResult.self,
    ComparisonResult.self,
    FewShotResult.self,
    BitsPerByteResult.self,
    RequestsResult.self,
  ]

  /// The words of all evaluations.
  package static var kinds: [String] { all.map { $0.kind } }

  /// The evaluation of this word; nil where there is none.
  package static func named(_ kind: String) -> (any EvaluationResult.Type)? {
    all.first { $0.kind == kind }
  }
}
