import Foundation
import Rotary
import Tensors
import Testing

/// Worked values of the papers' formulas, computed by hand or with independent code.
@Suite struct FrequencyTests {
  private func frequencies(
    _ scaling: FrequencyScaling, dimensions: Int = 64, base: Double = 10_000, length: Int = 512
  ) throws -> RotaryFrequencies {
    try RotaryFrequencies(
      dimensions: dimensions, base: base, scaling: scaling, length: length)
  }

  @Test func plainFrequenciesArePowersOfTheBase() throws {
    let plain = try frequencies(.none)
    #expect(plain.radians.count == 32)
    #expect(plain.radians[0] == 1)
    #expect(abs(plain.radians[16] - 0.01) < 1e-15)
    #expect(plain.magnitude == 1)
  }

  @Test func linearDividesEveryFrequency() throws {
    let plain = try frequencies(.none)
    let scaled = try frequencies(.linear(factor: 4))
    for (one, other) in zip(plain.radians, scaled.radians) { #expect(one / 4 == other) }
  }

  @Test func ntkKeepsTheFastestPairAndInterpolatesTheSlowest() throws {
    let plain = try frequencies(.none)
    let scaled = try frequencies(.ntk(factor: 4))
    #expect(scaled.radians[0] == 1)
    #expect(abs(scaled.radians[31] * 4 / plain.radians[31] - 1) < 1e-12)
  }

  @Test func dynamicScalesOnlyBeyondTheOriginalContext() throws {
    let scaling = FrequencyScaling.dynamic(factor: 2, originalContext: 1024)
    let plain = try frequencies(.none)
    #expect(try frequencies(scaling, length: 1024).radians == plain.radians)
    // At four times the context the NTK factor is 2 * 4 - 1 = 7.
    let long = try frequencies(scaling, length: 4096)
    #expect(try long.radians == frequencies(.ntk(factor: 7)).radians)
  }

  @Test func yarnKeepsFastPairsAndInterpolatesSlowOnes() throws {
    let scaled = try frequencies(.yarn(.init(factor: 8, originalContext: 2048)))
    let plain = try frequencies(.none)
    #expect(scaled.radians[0] == plain.radians[0])
    #expect(abs(scaled.radians[31] * 8 / plain.radians[31] - 1) < 1e-12)
    #expect(abs(scaled.magnitude - (0.1 * log(8) + 1)) < 1e-15)
  }

  @Test func llama3KeepsDividesAndBlends() throws {
    let scaling = FrequencyScaling.llama3(
      factor: 8, lowFactor: 1, highFactor: 4, originalContext: 8192)
    let plain = try frequencies(.none, dimensions: 128, base: 500_000)
    let scaled = try frequencies(scaling, dimensions: 128, base: 500_000)
    for (one, other) in zip(plain.radians, scaled.radians) {
      let wavelength = 2 * Double.pi / one
      if wavelength < 8192 / 4 {
        #expect(one == other)
      } else if wavelength > 8192 {
        #expect(abs(other * 8 / one - 1) < 1e-12)
      } else {
        #expect(other < one && other > one / 8)
      }
    }
  }

  @Test func longRoPESwitchesListsAtTheOriginalContext() throws {
    let short = [Float](repeating: 1, count: 32)
    let long = [Float](repeating: 4, count: 32)
    let scaling = FrequencyScaling.longRoPE(
      .init(short: short, long: long, originalContext: 4096, magnitude: 1.19))
    let plain = try frequencies(.none)
    #expect(try frequencies(scaling, length: 4096).radians == plain.radians)
    #expect(try frequencies(scaling, length: 4097).radians == plain.radians.map { $0 / 4 })
    #expect(try frequencies(scaling).magnitude == 1.19)
    let magnitude = FrequencyScaling.LongRoPE.magnitude(stretch: 32, original: 4096)
    #expect(abs(magnitude - (1 + log(32) / log(4096)).squareRoot()) < 1e-15)
  }

  @Test func refusesNumbersThatAreNoBaseOrFactor() {
    for base in [0, -1, Double.nan, .infinity] {
      #expect(throws: RotaryError.self) { try frequencies(.none, base: base) }
    }
    for factor in [0, -2, Double.nan] {
      #expect(throws: RotaryError.self) { try frequencies(.linear(factor: factor)) }
      #expect(throws: RotaryError.self) { try frequencies(.ntk(factor: factor)) }
    }
    #expect(throws: RotaryError.self) { try frequencies(.factors([1, 2])) }
  }
}

@Suite struct ValueRotationTests {
  private func configuration() -> RotaryConfiguration {
    let layer = RotaryLayer(
      sites: .scores, score: ScoreRotation(dimensions: 8, layout: .interleaved, base: 10_000))
    return RotaryConfiguration(layers: [layer, layer])
  }

  @Test func defaultTableIsTheScoreTable() throws {
    let variant = try configuration().applying(RotaryRequest(sites: .all), length: 512)
    for layer in variant.layers {
      let values = try #require(layer.value)
      let scores = try #require(try layer.score?.frequencies(length: 512))
      #expect(values.frequencies == scores.radians.map { Double(Float($0)) })
      #expect(values.layout == .interleaved)
      #expect(values.bias == .unrotated)
    }
  }

  @Test func valuePairsKeepTheSlowest() throws {
    let variant = try configuration().applying(
      RotaryRequest(sites: .all, valuePairs: 1), length: 512)
    let frequencies = try #require(variant.layers[0].value?.frequencies)
    #expect(frequencies.prefix(3) == [0, 0, 0] && frequencies[3] > 0)
    #expect(throws: RotaryError.self) {
      try configuration().applying(RotaryRequest(sites: .all, valuePairs: 5), length: 512)
    }
  }

  /// A scaling of one side leaves the other's frequencies as they are, stored or computed.
  @Test(arguments: [RotarySites.scores, .message]) func oneSideIsScaledAlone(
    _ sites: RotarySites
  ) throws {
    var request = RotaryRequest(sites: .all, scaling: .linear(factor: 4))
    request.scaledSites = sites
    let stored = try configuration().applying(RotaryRequest(sites: .all), length: 64)
    for start in [configuration(), stored] {
      let variant = try start.applying(request, length: 64)
      let layer = try #require(variant.layers.first)
      let (scores, values) = (try #require(layer.score), try #require(layer.value))
      let plain = try #require(stored.layers[0].value).frequencies
      let divided = plain.map { Double(Float($0 / 4)) }
      #expect(
        try scores.frequencies(length: 64).radians.map { Double(Float($0)) }
          == (sites == .scores ? divided : plain))
      #expect(values.frequencies == (sites == .message ? divided : plain))
    }
  }

  @Test func turningValuesOffDropsTheTable() throws {
    let rove = try configuration().applying(RotaryRequest(sites: .all), length: 512)
    #expect(try rove.applying(RotaryRequest(sites: .scores), length: 512) == configuration())
  }

  @Test func stillPairsAreThoseBelowTheBound() throws {
    var rove = try configuration().applying(RotaryRequest(sites: .all), length: 512)
    // The slowest of four pairs turns 1e-3 radians a position: 0.511 over a span of 511.
    let (count, bound) = try rove.stillPairs(span: 511, epsilon: 0.6)
    #expect(count == 2)
    #expect(abs(bound - 2 * sin(0.511 / 2)) < 1e-3)
    for layer in rove.layers {
      let frequencies = try #require(layer.value?.frequencies)
      #expect(frequencies[3] == 0 && frequencies[2] > 0 && layer.value?.pairs == nil)
    }
  }

  /// Values that follow dynamic NTK turn most where it begins: 0.064 over 64 positions, and over 512 no
  /// more than 0.001 * 512 / 29 = 0.018, since the slowest pair's frequency falls with the stretch.
  @Test func stillPairsThatFollowAScalingAreStillAtEveryLength() throws {
    let request = RotaryRequest(
      sites: .all, scaling: .dynamic(factor: 4, originalContext: 64))
    let rove = try configuration().applying(request, length: 512)
    #expect(abs((rove.layers[0].value?.frequencies[3] ?? 0) * 29 / 0.001 - 1) < 1e-6)
    var kept = rove
    let none = try kept.stillPairs(span: 511, epsilon: 0.03).count
    #expect(none == 0)
    var stilled = rove
    let (count, bound) = try stilled.stillPairs(span: 511, epsilon: 0.1)
    #expect(count == 2)
    #expect(abs(bound - 2 * sin(0.064 / 2)) < 1e-6)
  }

  /// Values scaled alone follow each sequence's own length too.
  @Test func valuesScaledAloneHaveClassesOfLengths() {
    var request = RotaryRequest(
      sites: .all, scaling: .dynamic(factor: 4, originalContext: 64))
    request.scaledSites = .message
    let classes = RotaryVariant(configuration(), as: request).lengthClasses(of: [32, 64, 96, 128])
    #expect(classes.ofSequence == [0, 0, 1, 2])
  }

  @Test func layoutsPermuteIntoEachOther() {
    let order = PairLayout.half.order(for: .interleaved, pairs: 3, offset: 2, width: 10)
    #expect(order == [0, 1, 2, 5, 3, 6, 4, 7, 8, 9])
    let back = PairLayout.interleaved.order(for: .half, pairs: 3, offset: 2, width: 10)
    #expect(order.map { back.firstIndex(of: $0) }.count == 10)
    #expect((0..<10).map { order[back[$0]] } == Array(0..<10))
  }
}
