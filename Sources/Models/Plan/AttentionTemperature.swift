import Foundation

/// A factor on queries that grows with their position (Ministral 3, Llama 4):
/// `1 + strength ln(1 + floor(position / period))`.
package struct AttentionTemperature: Sendable, Equatable {
  package var strength: Double
  /// Positions between two steps, at least 1.
  package var period: Int

  package init(strength: Double, period: Int) {
    self.strength = strength
    self.period = period
  }

  package func factor(position: Int) -> Double {
    1 + strength * log(Double(1 + position / period))
  }
}
