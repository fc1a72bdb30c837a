import Rotary
import Testing

/// Models whose layers rotate differently: near and far, and without positions.
@Suite struct MixedLayerTests {
  private static let far = ScoreRotation(dimensions: 8, layout: .half, base: 1e6)
  private static let local = ScoreRotation(dimensions: 8, layout: .half, base: 1e4, isLocal: true)
  private let model = RotaryConfiguration(layers: [
    RotaryLayer(sites: .scores, score: local), RotaryLayer(sites: .none, score: nil),
    RotaryLayer(sites: .scores, score: far),
  ])

  @Test func aLayerWithoutPositionsStaysAsItIs() throws {
    let variant = try model.applying(RotaryRequest(sites: .all), length: 64)
    #expect(variant.sites == .all)
    #expect(variant.layers.map(\.sites) == [.all, .none, .all])
    #expect(variant.layers[1] == model.layers[1])
    #expect(variant.valueTable?.turning == [4, 0, 4])
    let counts = try model.applying(
      RotaryRequest(sites: .all, valuePairsByLayer: [1, 0, 3]), length: 64)
    #expect(counts.valueTable?.turning == [1, 0, 3])
    #expect(counts.valueTable?.pairs == nil)
    #expect(throws: RotaryError.self) {
      try model.applying(RotaryRequest(sites: .all, valuePairsByLayer: [1, 1, 3]), length: 64)
    }
    #expect(throws: RotaryError.self) {
      try model.applying(RotaryRequest(sites: .all, valuePairsByLayer: [1, 3]), length: 64)
    }
  }

  @Test func valuesTurnAsTheirLayersScores() throws {
    let variant = try model.applying(RotaryRequest(sites: .all), length: 64)
    for layer in variant.layers {
      let expected = try layer.score?.frequencies(length: 64).radians.map { Double(Float($0)) }
      #expect(layer.value?.frequencies == expected)
    }
    #expect(variant.valueTable?.base == nil, "no one base says it for all layers")
    let based = try model.applying(RotaryRequest(sites: .all, valueBase: 500), length: 64)
    #expect(based.layers[0].value == based.layers[2].value)
    #expect(based.valueTable?.base == 500 && based.valueTable?.pairs == 4)
  }

  @Test func scalingReachesLayersThatLookFar() throws {
    let scaled = FrequencyScaling.dynamic(factor: 2, originalContext: 16)
    let request = RotaryRequest(scaling: scaled)
    let variant = try model.applying(request, length: 64)
    #expect(variant.layers.map(\.score?.scaling) == [FrequencyScaling.none, nil, scaled])
    #expect(model.scores == [Self.far, Self.local])
    let classes = RotaryVariant(model, as: request).lengthClasses(of: [8, 16, 32])
    #expect(classes.ofSequence == [0, 0, 1])
  }
}
