import Base
import Evaluation
import Reports
import TestSupport
import Testing

/// What follows from the list of evaluations is there for each of them.
@Suite struct EvaluationsTests {
  @Test func everyEvaluationIsReported() throws {
    let shown = ShownKinds.names
    for evaluation in Evaluations.all {
      #expect(evaluation is any ReportedResult.Type, "\(evaluation.kind) has no JSON and no text")
      #expect(shown.contains(evaluation.kind), "\(evaluation.kind) has no section of a page")
      #expect(Evaluations.named(evaluation.kind) == evaluation)
    }
    #expect(Set(shown).count == shown.count)
    #expect(Evaluations.named("guess") == nil)
  }

  @Test func theSchemaKnowsEveryKind() throws {
    let schema = try JSONValue.read(contentsOf: References.file("formats/report.schema.json"))
    let definitions = try #require(schema["$defs"]?.object)
    for kind in ShownKinds.names {
      #expect(definitions[kind]?["properties"]?["kind"]?["const"]?.string == kind, "\(kind)")
    }
  }

  @Test(arguments: [
    (Threshold.most(3, of: "perplexity", 3, digits: 4), nil),
    (.most(3, of: "perplexity", 3.25, digits: 4), "perplexity 3.2500 is above --x 3"),
    (.least(0.5, of: "accuracy", 0.25, digits: 2), "accuracy 0.25 is below --x 0.5"),
    (.least(0.5, of: "accuracy", .nan, digits: 2), "accuracy nan is below --x 0.5"),
  ])
  func thresholds(_ threshold: Threshold, missed: String?) {
    #expect(threshold.missed(limitName: "--x") == missed)
    #expect(threshold.isMet == (missed == nil))
  }
}
