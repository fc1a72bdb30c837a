import Foundation

/// What a model wrote after prompts.
package struct GeneratedTexts: Sendable {
  /// Why a text ends where it does.
  package enum End: String, Sendable {
    /// The model said so.
    case endToken = "end"
    /// A text that was to end it came.
    case until
    /// As many tokens as were asked for.
    case maximum = "max_tokens"
    /// The model has no position for another token.
    case positions
  }

  package struct Text: Sendable {
    package let prompt: String
    package let promptTokens: Int
    package let text: String
    package let tokens: [Int32]
    package let end: End
  }

  /// In the order of the prompts.
  package let texts: [Text]
  package let seconds: Double
  package let date: Date

  /// Tokens of all texts.
  package var tokens: Int { texts.reduce(0) { $0 + $1.tokens.count } }
}
