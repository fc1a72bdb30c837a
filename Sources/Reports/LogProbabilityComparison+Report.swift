import Base
import Evaluation

extension LogProbabilityComparison.Result {
  /// The JSON of a comparison with another engine's numbers.
  package func json(_ model: String, _ file: String, tolerance: Double) -> JSONValue {
    [
      "kind": "verify_logprobs", "model": .string(model), "logprobs": .string(file),
      "targets": JSONValue(targets), "max_difference": .number(maximum),
      "mean_difference": .number(mean), "first_difference": first?.json ?? .null,
      "tolerance": .number(tolerance), "same": .bool(isSame),
    ]
  }

  package func text(tolerance: Double) -> String {
    """
    max difference  \(Format.general(maximum)) nats
    mean difference \(Format.general(mean)) of \(targets) targets
    \(first.map { $0.line + "\n" } ?? "")\
    \(isSame ? "same" : "different") at tolerance \(Format.general(tolerance))
    """
  }
}

extension LogProbabilityComparison.Target {
  fileprivate var line: String {
    "first differs   chunk \(window), position \(position), token \(token):"
      + " \(Format.general(ours)) here, \(Format.general(theirs)) there"
  }

  fileprivate var json: JSONValue {
    [
      "chunk": JSONValue(window), "position": JSONValue(position), "token": JSONValue(Int(token)),
      "logprob": .number(ours), "other_logprob": .number(theirs),
    ]
  }
}
