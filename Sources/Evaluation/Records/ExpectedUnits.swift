import Base
import OrderedCollections

/// What the units of one evaluation say of themselves whatever the model is: how many targets a
/// window has, which cell a trial is of. A unit that says something else is of another evaluation.
package struct ExpectedUnits {
  /// Names with their values.
  package typealias Facts = OrderedDictionary<String, JSONValue>

  private let facts: (Int) -> Facts?

  /// - Parameter facts: what a unit must say, by its number; nil where nothing is known of it.
  init(_ facts: @escaping (Int) -> Facts?) { self.facts = facts }

  /// What a unit says otherwise than it must, as the end of a sentence about it; nil where it says all.
  func fault(of unit: Int, stating stated: Facts) -> String? {
    for (name, value) in facts(unit) ?? [:] {
      let found = stated[name] ?? .null
      guard found != value else { continue }
      return "has \(name) \(Self.shown(found)), where this evaluation has \(Self.shown(value))"
    }
    return nil
  }

  private static func shown(_ value: JSONValue) -> String {
    let text = value.serialized(pretty: false)
    return text.count > 48 ? "\(text.prefix(45))..." : text
  }
}

extension ExpectedUnits {
  /// Of windows of a text, by the settings and the number of tokens that an identity states.
  /// - Parameters:
  ///   - identity: that of an evaluation of windows.
  ///   - name: what the number of targets is called.
  ///   - plan: how the text is cut, by the settings and its tokens.
  /// - Returns: nil where the identity does not say it.
  static func windows(
    of identity: OrderedDictionary<String, JSONValue>, counted name: String,
    _ plan: (_ settings: JSONValue, _ tokens: Int) -> WindowPlan?
  ) -> ExpectedUnits? {
    guard let settings = identity["settings"], let tokens = identity["text"]?["tokens"]?.int,
      let plan = plan(settings, tokens)
    else { return nil }
    // A window that is not there has no targets.
    return ExpectedUnits { index in
      [name: JSONValue(plan.targetCount(ofWindow: index, inTokens: tokens) ?? 0)]
    }
  }
}
