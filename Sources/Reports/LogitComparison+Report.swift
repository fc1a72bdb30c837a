import Base
import Evaluation
import Foundation
import OrderedCollections

extension LogitComparison.Result {
  /// Whether no logit differs by more than so many standard deviations of the logits.
  package func isSame(within tolerance: Double) -> Bool { relativeMaximum <= tolerance }

  /// The JSON of a comparison of two models' logits.
  /// - Parameters:
  ///   - one: the path of the first model.
  ///   - other: that of the second.
  ///   - conditions: what of which text was compared.
  ///   - tolerance: in standard deviations of the logits.
  ///   - layers: where the models part, where they do.
  /// - Returns: the object.
  package func json(
    _ one: String, _ other: String, on conditions: TextConditions, tolerance: Double,
    layers: LayerComparison.Finding? = nil
  ) -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": "verify", "model": .string(one), "a": .string(one), "b": .string(other),
      "positions": .integer(Int64(positions)), "max_relative": .number(relativeMaximum),
      "rms_relative": .number(relativeRMS), "top1_agreement": .number(topAgreement),
      "tolerance": .number(tolerance), "same": .bool(isSame(within: tolerance)),
    ]
    fields.merge(conditions.fields) { own, _ in own }
    fields["first_difference"] = .null
    fields["layers_not_compared"] = .null
    switch layers {
    case .first(let difference): fields["first_difference"] = difference.json
    case .notCompared(let reason): fields["layers_not_compared"] = .string(reason)
    case nil: break
    }
    return .object(fields)
  }

  /// The same for a person.
  package func text(
    on conditions: TextConditions, tolerance: Double, layers: LayerComparison.Finding? = nil
  ) -> String {
    """
    max difference  \(Format.general(relativeMaximum)) standard deviations of the logits
    RMS difference  \(Format.general(relativeRMS))
    top-1 agreement \(Format.fixed(100 * topAgreement, 2)) % of \(positions) positions
    \(layers.map { $0.line + "\n" } ?? "")\
    \(conditions.lines(indent: 16).joined(separator: "\n"))
    \(isSame(within: tolerance) ? "same" : "different") at tolerance \(Format.general(tolerance))
    """
  }
}

extension TextConditions {
  /// Settings and text as lines, their values so many letters from the left.
  func lines(indent: Int) -> [String] {
    [
      ("settings", Statement.settings([identity])),
      ("text", Statement.text(labels, ids: identity["text"])),
    ].compactMap { name, value in
      value.map { name.padding(toLength: indent, withPad: " ", startingAt: 0) + $0 }
    }
  }
}

extension LayerComparison.Finding {
  fileprivate var line: String {
    switch self {
    case .notCompared(let reason): "by layers       not compared: \(reason)"
    case .first(let difference): "first differs   \(difference.words)"
    }
  }
}

extension LayerComparison.Difference {
  /// The place and the size, as a text.
  var words: String {
    let size = relative.map {
      ": \(Format.general($0)) standard deviations of the residual stream"
    }
    let place =
      switch place {
      case .embedding: "the embedding"
      case .attention(let layer): "layer \(layer), its attention"
      case .deltaRule(let layer): "layer \(layer), its delta rule"
      case .feedForward(let layer): "layer \(layer), its feed-forward network"
      case .layer(let layer): "layer \(layer)"
      case .output:
        "the norm or the matrix behind the last layer: the residual streams are the same"
      }
    return place + (size ?? "")
  }

  var json: JSONValue {
    let (layer, part): (Int?, String) =
      switch place {
      case .embedding: (nil, "embedding")
      case .attention(let layer): (layer, "attention")
      case .deltaRule(let layer): (layer, "delta_rule")
      case .feedForward(let layer): (layer, "feed_forward")
      case .layer(let layer): (layer, "layer")
      case .output: (nil, "output")
      }
    return [
      "layer": layer.map { JSONValue($0) } ?? .null, "part": .string(part),
      "relative": relative.map { .number($0) } ?? .null,
    ]
  }
}
