/// Perplexity by length of several models and frequency scalings, as in the tables of the RoVE
/// paper.
package struct PerplexitySweep: Sendable {
  package static let kind = "sweep"

  package struct Curve: Sendable {
    /// The path of the model.
    package let model: String
    /// `checkpoint`, `none`, `yarn`, ...
    package let scaling: String
    /// One result for each length.
    package internal(set) var points: [PerplexityResult] = []
  }

  /// What a length scores.
  package enum Targets: String, Sendable, CaseIterable {
    /// The targets of the longest length, with less before each.
    case same
    /// The targets of windows of its own.
    case own
  }

  package let text: String
  package let targets: Targets
  package internal(set) var curves: [Curve] = []
  package internal(set) var seconds = 0.0
}
