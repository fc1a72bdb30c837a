import Base
import Evaluation
import OrderedCollections

/// What residual streams of another engine showed, where there are some.
package struct StreamFinding: Sendable {
  package let file: String
  /// Where they part; nil where they do not.
  package let difference: LayerComparison.Difference?

  package init(file: String, difference: LayerComparison.Difference?) {
    self.file = file
    self.difference = difference
  }
}

extension LogProbabilityComparison.Result {
  /// The JSON of a comparison with another engine's numbers.
  package func json(
    _ model: String, _ file: String, on conditions: TextConditions, tolerance: Double,
    streams: StreamFinding? = nil
  ) -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": "verify_logprobs", "model": .string(model), "logprobs": .string(file),
      "targets": JSONValue(targets), "max_difference": .number(maximum),
      "mean_difference": .number(mean), "first_difference": first?.json ?? .null,
      "streams": streams.map { .string($0.file) } ?? .null,
      "first_layer": streams?.difference?.json ?? .null, "tolerance": .number(tolerance),
      "same": .bool(isSame && streams?.difference == nil),
    ]
    fields.merge(conditions.fields) { own, _ in own }
    return .object(fields)
  }

  package func text(
    on conditions: TextConditions, tolerance: Double, streams: StreamFinding? = nil
  ) -> String {
    """
    max difference  \(Format.general(maximum)) nats
    mean difference \(Format.general(mean)) of \(targets) targets
    \(first.map { $0.line + "\n" } ?? "")\
    \(streams.map { "by layers       \($0.difference?.words ?? "the residual streams are the same")\n" } ?? "")\
    \(conditions.lines(indent: 16).joined(separator: "\n"))
    \(isSame && streams?.difference == nil ? "same" : "different") at tolerance \(Format.general(tolerance))
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
