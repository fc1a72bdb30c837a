import Base
import Foundation
import Reports

/// What became of a step.
package enum StepOutcome: Sendable, Equatable {
  case done(seconds: Double)
  /// Its result was there already.
  case kept
  case skipped(String)
  /// - Parameter status: the exit code.
  case failed(status: Int32, String)

  var isGood: Bool {
    switch self {
    case .done, .kept: true
    case .skipped, .failed: false
    }
  }

  var word: String {
    switch self {
    case .done: "done"
    case .kept: "kept"
    case .skipped: "skipped"
    case .failed: "failed"
    }
  }

  var detail: String {
    switch self {
    case .done(let seconds): Format.duration(seconds)
    case .kept: ""
    case .skipped(let reason): reason
    case .failed(let status, let reason): "exit code \(status): \(reason)"
    }
  }
}

/// What became of a plan's steps.
package struct PlanResult: Sendable {
  package internal(set) var steps: [(step: Step, outcome: StepOutcome)] = []

  /// Whether a step of this name has its result.
  func succeeded(_ name: String) -> Bool {
    steps.contains { $0.step.name == name && $0.outcome.isGood }
  }

  /// The steps without a result, in one line; nil where all have theirs.
  package var failure: String? {
    let bad = steps.filter { !$0.outcome.isGood }
    return bad.first.map {
      "\(bad.count) of \(steps.count) steps did not succeed, the first is \($0.step.name)"
    }
  }

  package func json() -> JSONValue {
    [
      "kind": "run",
      "steps": .array(
        steps.map { step, outcome in
          [
            "step": .string(step.name), "outcome": .string(outcome.word),
            "detail": .string(outcome.detail),
          ]
        }),
    ]
  }

  package func text() -> String {
    let width = "\(steps.count)".count
    return steps.enumerated().map { index, step in
      let number = "\(index + 1)"
      let place = String(repeating: " ", count: width - number.count) + number
      let word = step.outcome.word.padding(toLength: 8, withPad: " ", startingAt: 0)
      let detail = step.outcome.detail.isEmpty ? "" : "  \(step.outcome.detail)"
      return "\(place) of \(steps.count)  \(word)\(step.step.name)\(detail)"
    }.joined(separator: "\n")
  }

  /// The steps as test cases of a CI server.
  package var cases: [JUnit.Case] {
    steps.map { step, outcome in
      JUnit.Case(name: step.name, failure: outcome.isGood ? nil : outcome.detail)
    }
  }
}
