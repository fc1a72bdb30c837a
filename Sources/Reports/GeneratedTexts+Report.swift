import Base
import Evaluation
import OrderedCollections

extension GeneratedTexts {
  /// The fields of `--json`.
  /// - Parameters:
  ///   - identity: everything that a token depends on.
  ///   - file: the model's path.
  ///   - peakBytes: the most memory that was taken.
  /// - Returns: the object.
  package func json(
    of identity: EvaluationIdentity, model file: String, peakBytes: Int
  ) -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": "generate", "key": .string(identity.key),
    ]
    fields.merge(Program.stamp(date)) { own, _ in own }
    fields["model"] = .string(file)
    fields["sites"] = identity.fields["models"]?.array?.first?["rotation"]?["sites"] ?? .null
    fields["identity"] = .object(identity.fields)
    fields["texts"] = .array(
      texts.map { text in
        [
          "prompt": .string(text.prompt), "prompt_tokens": JSONValue(text.promptTokens),
          "text": .string(text.text), "tokens": .array(text.tokens.map { .integer(Int64($0)) }),
          "end": .string(text.end.rawValue),
        ]
      })
    fields["seconds"] = .number(seconds)
    fields["tokens_per_second"] = .finite(Double(tokens) / seconds)
    fields["peak_rss_bytes"] = JSONValue(peakBytes)
    return .object(fields)
  }

  /// How it ended and how fast it was, in a line.
  package var costText: String {
    let rate = Format.fixed(Double(tokens) / max(seconds, 1e-9), 1)
    let ends = texts.count == 1 ? texts.map { ", \($0.end.words)" } : []
    return "\(counted(tokens, "token")) in \(Format.fixed(seconds, 1)) s, \(rate) tokens/s"
      + ends.joined()
  }
}

extension GeneratedTexts.End {
  /// Why a text ends, as the end of a line.
  package var words: String {
    switch self {
    case .endToken: "ended by the model"
    case .until: "stopped at a stop text"
    case .maximum: "stopped at the token limit"
    case .positions: "ended by the model's last position"
    }
  }
}
