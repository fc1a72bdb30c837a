import Foundation
import Inference
import Testing

@Suite struct TokenSamplingTests {
  /// Probabilities 0.1, 0.2, 0.3, 0.4.
  private static let logits: [Float] = [1, 2, 3, 4].map { Float(log(Double($0))) }

  private func token(
    _ random: Double, of logits: [Float] = logits, temperature: Double = 1, topP: Double = 1
  ) -> Int32 {
    logits.withUnsafeBufferPointer {
      TokenSampling(temperature: temperature, topP: topP) { _ in random }.token($0, step: 0)
    }
  }

  @Test func everyTokenHasItsShare() {
    for (random, expected) in [
      (0.0, 0), (0.09, 0), (0.11, 1), (0.29, 1), (0.31, 2), (0.59, 2), (0.61, 3), (0.9999999, 3),
    ] {
      #expect(token(random) == Int32(expected), "\(random)")
    }
  }

  /// Divided by one half: shares of 1, 4, 9 and 16 in 30.
  @Test func aTemperatureSharpens() {
    for (random, expected) in [
      (0.03, 0), (0.04, 1), (0.16, 1), (0.17, 2), (0.46, 2), (0.47, 3),
    ] {
      #expect(token(random, temperature: 0.5) == Int32(expected), "\(random)")
    }
  }

  /// The two likeliest have 0.7 together: 4 in 7, then 3 in 7.
  @Test func theLikeliestAreDrawnAlone() {
    for (random, expected) in [(0.0, 3), (0.57, 3), (0.58, 2), (0.99, 2)] {
      #expect(token(random, topP: 0.65) == Int32(expected), "\(random)")
    }
    #expect(token(0.99, topP: 0.39) == 3)
    // Of equal ones the first.
    #expect(token(0.99, of: [0, 0, 0, 0], topP: 0.5) == 1)
    #expect(token(0.1, of: [0, 0, 0, 0], topP: 0.5) == 0)
  }

  @Test func whatCannotComeIsNotDrawn() {
    #expect(token(0.9999999999999999, of: [0, -.infinity, -.infinity]) == 0)
    #expect(token(0.5, of: [-.infinity, 3, -1e30]) == 1)
  }
}
