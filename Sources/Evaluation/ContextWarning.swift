import Foundation
import Inference
import Models
import Rotary

/// A pass over more positions than a model was trained for, with nothing that stretches its reach:
/// it gives numbers all the same, of which many are those of a broken model.
package struct ContextWarning: Sendable, Equatable {
  package let file: String
  /// Tokens of the pass; where it begins at a later position, and that matters, the position after its
  /// last token.
  package let length: Int
  /// The position of the first token, where it is more than 0 and matters: the sites are absolute.
  package let start: Int
  /// Tokens that the model was trained for; without its own scaling, those that it was before.
  package let trained: Int
  /// Whether `trained` is less than the context that the model states, for want of its own scaling.
  package let isUnscaled: Bool
  /// Tokens that a scaling in the place of the model's own would stretch.
  private let original: Int
  /// Whether scaled frequencies can help: queries and keys rotate.
  package let canScale: Bool

  /// Nil where the model reaches as far. With learned positions too: those end with an error.
  /// - Parameters:
  ///   - plan: the model.
  ///   - length: tokens of the pass.
  ///   - start: the position of the first one.
  ///   - rotary: the variant computed.
  package init?(
    _ plan: ModelPlan, length: Int, from start: Int = 0, rotary: RotaryRequest = .asStored
  ) {
    guard plan.globals[.positions] == nil else { return nil }
    let sites = rotary.sites ?? plan.rotary.sites
    // Of relative sites only distances count, wherever the pass begins.
    let first = sites.isRelative ? 0 : max(start, 0)
    let (sum, overflows) = first.addingReportingOverflow(length)
    let end = overflows ? Int.max : sum
    let stored = plan.rotary.scores.first?.scaling ?? .none
    let (context, original) = (plan.shape.context, plan.originalContext)
    // A scaling of one side alone leaves the other where it was: what reaches less counts.
    let sides = [RotarySites.scores, .message].filter { !sites.isDisjoint(with: $0) }
    let reaches = (sides.isEmpty ? [.all] : sides).map { side -> (reach: Int, trained: Int) in
      // One in the place of the model's own stretches what that had stretched.
      guard let asked = rotary.scaling, asked != stored, !rotary.scaledSites.isDisjoint(with: side)
      else { return (stored.reach(from: context), context) }
      return (asked.reach(from: original), original)
    }
    guard let least = reaches.min(by: { $0.reach < $1.reach }), end > least.reach else {
      return nil
    }
    file = plan.checkpoint.path
    self.length = end
    self.start = first
    self.original = original
    trained = least.trained
    isUnscaled = least.trained < context
    canScale = !sites.isDisjoint(with: .scores)
  }

  /// The factor of a scaling that reaches the length, in hundredths.
  package var factor: Double {
    (100 * Double(length) / Double(max(original, 1))).rounded(.up) / 100
  }

  /// One line.
  package var text: String {
    let what = start > 0 ? "positions up to \(length)" : "\(length) tokens"
    return "\(file): \(what) exceed the \(trained) that the model was trained on"
      + (isUnscaled ? " before its own scaling" : "")
  }
}

extension FrequencyScaling {
  /// How far a model trained for `context` tokens reaches with this scaling.
  func reach(from context: Int) -> Int {
    switch self {
    case .none, .llama3, .longRoPE, .factors, .proportional: return context
    case .dynamic: return .max
    case .linear(let factor), .ntk(let factor): return Self.stretched(context, factor)
    case .yarn(let yarn):
      return max(context, Self.stretched(yarn.originalContext, yarn.factor))
    }
  }

  private static func stretched(_ context: Int, _ factor: Double) -> Int {
    // A factor that was rounded in its last digit still reaches the length it was made for.
    let reach = Double(context) * max(factor, 1) + 0.5
    return reach < Double(Int.max / 2) ? Int(reach) : .max
  }
}
