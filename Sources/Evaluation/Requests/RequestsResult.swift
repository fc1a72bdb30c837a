import Base
import Checkpoints
import OrderedCollections

/// What a model answered to the requests of a harness, in their order.
package struct RequestsResult: EvaluationResult {
  package static let kind = "requests"
  package static let unitName = "an answer to a request"

  package struct Answer: EvaluationUnit {
    package let kind: ModelRequest.Kind
    /// Tokens that were scored, or generated.
    package let tokens: Int
    /// Tokens at the beginning that the model did not see.
    package let cut: Int
    /// In nats; of a likelihood.
    package let logLikelihood: Double
    /// Of a continuation.
    package let isGreedy: Bool
    /// What was generated.
    package let text: String

    init(
      kind: ModelRequest.Kind, tokens: Int, cut: Int, logLikelihood: Double, isGreedy: Bool,
      text: String
    ) {
      self.kind = kind
      self.tokens = tokens
      self.cut = cut
      self.logLikelihood = logLikelihood
      self.isGreedy = isGreedy
      self.text = text
    }

    package init?(_ unit: EvaluationRecord.Unit) {
      let values = unit.values
      guard let kind = values["type"]?.string.flatMap(ModelRequest.Kind.init),
        let tokens = values["tokens"]?.int, RequestsResult.isCount(tokens)
      else { return nil }
      let cut = values["cut"]?.int ?? 0
      let nats = values["loglikelihood"]?.double ?? 0
      let isGreedy = values["is_greedy"]?.bool ?? false
      guard RequestsResult.isCount(cut),
        RequestsResult.isLikelihood(-nats / Double(max(tokens, 1)))
      else { return nil }
      switch kind {
      case .logLikelihood:
        guard values["loglikelihood"] != nil, values["is_greedy"]?.bool != nil else { return nil }
      case .rollingLogLikelihood: guard values["loglikelihood"] != nil else { return nil }
      case .generateUntil: guard values["text"]?.string != nil else { return nil }
      }
      self.init(
        kind: kind, tokens: tokens, cut: cut, logLikelihood: nats, isGreedy: isGreedy,
        text: values["text"]?.string ?? "")
    }

    package var stated: ExpectedUnits.Facts {
      RequestsResult.facts(kind, cut: cut, scored: tokens)
    }

    var json: JSONValue {
      var fields: OrderedDictionary<String, JSONValue> = ["type": .string(kind.rawValue)]
      switch kind {
      case .logLikelihood:
        fields["loglikelihood"] = .number(logLikelihood)
        fields["is_greedy"] = .bool(isGreedy)
      case .rollingLogLikelihood: fields["loglikelihood"] = .number(logLikelihood)
      case .generateUntil: fields["text"] = .string(text)
      }
      fields["tokens"] = JSONValue(tokens)
      if kind != .rollingLogLikelihood { fields["cut"] = JSONValue(cut) }
      return .object(fields)
    }
  }

  /// What an answer states: its type, the tokens that the model did not see, and how many were scored,
  /// which of a text that the model writes is its own.
  static func facts(_ kind: ModelRequest.Kind, cut: Int, scored: Int) -> ExpectedUnits.Facts {
    var facts: ExpectedUnits.Facts = ["type": .string(kind.rawValue), "cut": JSONValue(cut)]
    if kind != .generateUntil { facts["tokens"] = JSONValue(scored) }
    return facts
  }

  /// SHA-256 of the types of requests in their order, each with a line feed: what the answers to them
  /// are held against.
  static func digest(ofTypes types: [ModelRequest.Kind]) -> String {
    SourceHash.sha256(text: types.map { $0.rawValue + "\n" }.joined())
  }

  /// The answers to requests of one kind.
  package struct Summary: Sendable {
    package let kind: ModelRequest.Kind
    package let requests: Int
    package let tokens: Int
    /// Requests whose beginning the model did not see.
    package let cut: Int
    /// Mean over the requests, in nats; nil for generated texts.
    package let logLikelihood: Double?
    /// The share of continuations that greedy decoding gives; nil for others.
    package let greedy: Double?
  }

  package let record: EvaluationRecord
  /// Of each kind that there are some of.
  package let summaries: [Summary]

  /// - Throws: `EvaluationError.record` where all answers are there and are not of the types that the
  ///   identity states; one of an older program states none.
  package init(
    _ record: EvaluationRecord, units: [Answer], file: String
  ) throws(EvaluationError) {
    let types = record.identity["materials"]?["types_sha256"]?.string
    // A shard has not all of them.
    guard
      types == nil || units.count != record.unitCount
        || types == Self.digest(ofTypes: units.map(\.kind))
    else {
      throw .record(
        file: file,
        problem: "its answers are of other types than the requests, or in another order"
          + " ('types_sha256' of the identity)")
    }
    self.record = record
    summaries = ModelRequest.Kind.allCases.compactMap { kind in
      let own = units.filter { $0.kind == kind }
      guard !own.isEmpty else { return nil }
      let count = Double(own.count)
      return Summary(
        kind: kind, requests: own.count, tokens: own.reduce(0) { $0 + $1.tokens },
        cut: own.count { $0.cut > 0 },
        logLikelihood: kind == .generateUntil
          ? nil : own.reduce(0) { $0 + $1.logLikelihood } / count,
        greedy: kind == .logLikelihood ? Double(own.count { $0.isGreedy }) / count : nil)
    }
  }

  /// The answers, one JSON object a line, in the order of the requests; nil for a shard, which has
  /// not all of them.
  package var answerLines: [String]? {
    guard record.units.count == record.unitCount else { return nil }
    return record.units.map { $0.values.serialized(pretty: false) }
  }
}
