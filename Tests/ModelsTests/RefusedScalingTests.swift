import Checkpoints
import Foundation
import Models
import OrderedCollections
import Rotary
import TestSupport
import Testing

/// Frequency scaling is checked when a checkpoint is read.
@Suite struct RefusedScalingTests {
  private func plan(_ path: String) throws -> ModelPlan { try ModelPlan(Checkpoint.open(path)) }

  private static var yarn: [String: Any] {
    [
      "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
    ]
  }
  private static func long(_ short: [Any], _ long: [Any]) -> [String: Any] {
    [
      "rope_type": "longrope", "short_factor": short, "long_factor": long,
      "original_max_position_embeddings": 32,
    ]
  }

  /// Members of `rope_parameters` and the one that the error names.
  private static var faults: [([String: Any], String)] {
    [
      (["rope_type": "linear", "factor": 0], "factor"),
      (["rope_type": "linear", "factor": -2.0], "factor"),
      (["rope_type": "linear", "factor": "4"], "factor"),
      (["rope_type": "dynamic", "factor": 1e-60], "factor"),
      (["rope_type": "linear"], "factor"),
      (["rope_type": 3], "rope_type"),
      (
        ["rope_type": "llama3", "factor": 8, "low_freq_factor": 0, "high_freq_factor": 4],
        "low_freq_factor"
      ),
      (yarn.merging(["attention_factor": 0]) { $1 }, "attention_factor"),
      (yarn.merging(["beta_fast": -1]) { $1 }, "beta_fast"),
      (yarn.merging(["beta_slow": 0]) { $1 }, "beta_slow"),
      (yarn.merging(["mscale": -10, "mscale_all_dim": 1]) { $1 }, "mscale"),
      (
        yarn.merging(["original_max_position_embeddings": 0.5]) { $1 },
        "original_max_position_embeddings"
      ),
      (long([1, 2, 3], [1, 2, 3, 4]), "short_factor"),
      (long([1, 2, 3, 4], [1, 2, 3, 4, 5]), "long_factor"),
      (long([1, 2, 0, 4], [1, 2, 3, 4]), "short_factor"),
      (long([1, 2, 3, 4], [1, -2, 3, 4]), "long_factor"),
      (long([1, 2, 3, 4], [1, "2", 3, 4]), "long_factor"),
    ]
  }

  /// Original contexts that no integer of a size can be made of, or nothing be stretched from.
  private static var contexts: [([String: Any], String)] {
    let key = "original_max_position_embeddings"
    let list: [Any] = [1, 1, 1, 1]
    return [
      (yarn.merging([key: 1 << 40] as [String: Any]) { $1 }, key),
      (long(list, list).merging(["factor": 1.0, key: Int.max] as [String: Any]) { $1 }, key),
      (long(list, list).merging(["factor": 2.0, key: 1] as [String: Any]) { $1 }, key),
    ]
  }

  @Test func faultsOfAConfigurationAreRefused() throws {
    guard let source = try References.shared("parity/llama") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for spelling in ["rope_parameters", "rope_scaling"] {
      for (index, (members, key)) in (Self.faults + Self.contexts).enumerated() {
        let folder = "\(work)/\(spelling)-\(index)"
        try References.folder(like: source, at: folder) {
          $0["rope_parameters"] = nil
          $0[spelling] = members
        }
        let error = #expect(throws: ModelError.self, "\(members)") { try plan(folder) }
        #expect(
          error?.summary.contains("'\(spelling).\(key)'") == true, "\(String(describing: error))")
        #expect(error?.exitStatus == .malformedData && error?.file?.hasPrefix(folder) == true)
      }
      try References.folder(like: source, at: "\(work)/\(spelling)-text") {
        $0["rope_parameters"] = nil
        $0[spelling] = "linear"
      }
      #expect(throws: ModelError.self) { try plan("\(work)/\(spelling)-text") }
    }
  }

  /// The magnitude is that of the factor itself, however far it reaches (transformers,
  /// `_compute_longrope_parameters`): sqrt(1 + ln factor / ln original).
  @Test(arguments: [1e30, 2.5, 0.5])
  func longRoPEsMagnitudeIsOfTheStatedFactor(factor: Double) throws {
    guard let source = try References.shared("parity/llama") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try References.folder(like: source, at: "\(work)/long") {
      $0["rope_parameters"] = Self.long([1, 1, 1, 1], [1, 1, 1, 1])
        .merging(["factor": factor]) { $1 }
    }
    let scaling = try #require(try plan("\(work)/long").rotary.scores.first?.scaling)
    guard case .longRoPE(let long) = scaling else {
      Issue.record("\(scaling)")
      return
    }
    let expected = factor <= 1 ? 1 : (1 + log(factor) / log(32)).squareRoot()
    #expect(abs(long.magnitude - expected) < 1e-12)
  }

  /// The fixture with further keys and, for `divisors`, a `rope_freqs.weight`.
  private func write(
    _ keys: OrderedDictionary<String, MetadataValue>, divisors: [Float]? = nil, to path: String
  ) throws {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    var tensors = source.tensors.values.map {
      OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
    }
    if let divisors {
      tensors.append(
        OutputTensor(
          name: "rope_freqs.weight", type: .f32, shape: [divisors.count],
          contents: .computed {
            divisors.flatMap { value in
              withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
          }))
    }
    try GGUFWriter.write(
      to: path, metadata: source.metadata.merging(keys) { $1 }, tensors: tensors, force: true,
      inputs: [])
  }

  @Test func faultsOfAGGUFFileAreRefused() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/model.gguf"
    func scaling(
      _ type: String, _ keys: OrderedDictionary<String, MetadataValue>
    ) -> OrderedDictionary<String, MetadataValue> {
      OrderedDictionary(
        uniqueKeysWithValues: [("llama.rope.scaling.type", MetadataValue.string(type))]
          + keys.map { ("llama.rope.scaling.\($0.key)", $0.value) })
    }
    for (keys, named) in [
      (scaling("linear", ["factor": .float32(0)]), "factor"),
      (scaling("linear", ["factor": .float32(-1)]), "factor"),
      (scaling("linear", ["factor": .float32(.nan)]), "factor"),
      (scaling("yarn", [:]), "factor"),
      (
        scaling("yarn", ["factor": .float32(4), "yarn_attn_factor": .float32(0)]),
        "yarn_attn_factor"
      ),
      (scaling("yarn", ["factor": .float32(4), "yarn_beta_fast": .float32(-1)]), "yarn_beta_fast"),
      (
        scaling("yarn", ["factor": .float32(4), "original_context_length": .int32(-5)]),
        "original_context_length"
      ),
    ] {
      try write(keys, to: path)
      let error = #expect(throws: ModelError.self, "\(keys)") { try plan(path) }
      #expect(error?.file == path && error?.summary.contains("llama.rope.scaling.\(named)") == true)
    }
    let pairs = try plan(References.file("fixtures/lantern.gguf")).rotary.pairs
    let good = [Float](repeating: 2, count: pairs)
    try write([:], divisors: good, to: path)
    #expect(try plan(path).rotary.scores.map(\.scaling) == [.factors(good)])
    var lists = [good.dropLast() + [], good + [2]]
    for wrong in [0, -1, Float.nan, .infinity] { lists.append(good.dropLast() + [wrong]) }
    for list in lists {
      try write([:], divisors: list, to: path)
      let error = #expect(throws: ModelError.self, "\(list)") { try plan(path) }
      #expect(error?.place == "tensor rope_freqs.weight")
    }
  }

  /// What llama.cpp makes of a file's keys (`llama_model_base::load_hparams`, `llama_context`, `rope_yarn`):
  /// the frequencies over the factor and over each pair's divisor, `attn_factor` times the magnitude.
  @Test func aFileIsScaledAsByLlamaCpp() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/model.gguf"
    let plain = try #require(
      try plan(References.file("fixtures/lantern.gguf")).rotary.scores.first)
    let divisors = (0..<plain.pairs).map { 1 + Float($0) / 4 }
    let type = "rope.scaling.type"
    let factor = "rope.scaling.factor"
    let older = "rope.scale_linear"
    let magnitude = "rope.scaling.attn_factor"
    let cases: [([String: MetadataValue], hasDivisors: Bool, stretch: Double, magnitude: Double)] =
      [
        ([older: .float32(2)], false, 2, 1), ([factor: .float32(2)], false, 2, 1),
        ([factor: .float32(4), older: .float32(2)], false, 4, 1),
        ([factor: .float32(0), older: .float32(2)], false, 1, 1),
        ([type: .string("linear"), factor: .float32(2)], false, 2, 1),
        ([type: .string("none"), factor: .float32(2)], false, 1, 1),
        ([:], true, 1, 1), ([factor: .float32(2)], true, 2, 1), ([older: .float32(2)], true, 2, 1),
        ([type: .string("linear"), factor: .float32(2)], true, 2, 1),
        ([type: .string("none"), factor: .float32(2)], true, 1, 1),
        ([magnitude: .float32(1.25)], false, 1, 1.25), ([magnitude: .float32(1.25)], true, 1, 1.25),
        ([factor: .float32(2), magnitude: .float32(1.25)], false, 2, 1.25),
        ([factor: .float32(2), magnitude: .float32(1.25)], true, 2, 1.25),
      ]
    for (keys, hasDivisors, stretch, magnitude) in cases {
      try write(
        OrderedDictionary(uniqueKeysWithValues: keys.map { ("llama.\($0.key)", $0.value) }),
        divisors: hasDivisors ? divisors : nil, to: path)
      let score = try #require(try plan(path).rotary.scores.first)
      for length in [16, 4096] {
        let found = try score.frequencies(length: length)
        #expect(found.magnitude == magnitude, "\(keys)")
        for (pair, radians) in found.radians.enumerated() {
          let divisor = hasDivisors ? Double(divisors[pair]) : 1
          let exponent = -2 * Double(pair) / Double(plain.dimensions)
          let expected = pow(plain.base, exponent) / (stretch * divisor)
          #expect(abs(radians - expected) <= 1e-6 * expected, "\(keys) \(pair)")
        }
      }
    }
    // 0.1 ln 4 + 1 is YaRN's own.
    let yarn: OrderedDictionary<String, MetadataValue> = [
      "llama.\(type)": .string("yarn"), "llama.\(factor)": .float32(4),
    ]
    try write(yarn, to: path)
    let without = try #require(try plan(path).rotary.scores.first).frequencies(length: 16)
    try write(yarn.merging(["llama.\(magnitude)": .float32(1.25)]) { $1 }, to: path)
    let with = try #require(try plan(path).rotary.scores.first).frequencies(length: 16)
    #expect(with.radians == without.radians)
    #expect(abs(with.magnitude - 1.25 * (0.1 * log(4) + 1)) < 1e-9)
    // YaRN of divided frequencies is not computed.
    try write(yarn, divisors: divisors, to: path)
    let error = #expect(throws: ModelError.self) { try plan(path) }
    #expect(error?.exitStatus == .malformedData)
    #expect(error?.summary.contains("'llama.\(type)' is 'yarn'") == true)
  }

  /// Converters write it for models that are not stretched; one that is named linear is left as stated.
  @Test func aFactorOfOneWithoutATypeIsNoScaling() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/model.gguf"
    for key in ["llama.rope.scaling.factor", "llama.rope.scale_linear"] {
      try write([key: .float32(1)], to: path)
      #expect(try plan(path).rotary.scores.map(\.scaling) == [FrequencyScaling.none], "\(key)")
    }
    let divisors = [Float](
      repeating: 2, count: try plan(References.file("fixtures/lantern.gguf")).rotary.pairs)
    try write(["llama.rope.scale_linear": .float32(1)], divisors: divisors, to: path)
    #expect(try plan(path).rotary.scores.map(\.scaling) == [.factors(divisors)])
    try write(
      [
        "llama.rope.scaling.type": .string("linear"), "llama.rope.scaling.factor": .float32(1),
      ], to: path)
    #expect(try plan(path).rotary.scores.map(\.scaling) == [.linear(factor: 1)])
  }

  /// transformers 5: `rope_scaling` takes the place of `rope_parameters`, its base included; the
  /// base is then the top level's, or the family's.
  @Test func theReferencesRuleDecidesBetweenTwoSpellings() throws {
    guard let source = try References.shared("parity/llama") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    func frequencies(
      _ name: String, _ change: (inout [String: Any]) -> Void
    ) throws -> Frequencies {
      try References.folder(like: source, at: "\(work)/\(name)", change)
      let scores = try plan("\(work)/\(name)").rotary.scores
      #expect(scores.count == 1)
      return Frequencies(scores[0])
    }
    let newer: [String: Any] = ["rope_type": "default", "rope_theta": 500_000.0]
    let older: [String: Any] = ["type": "linear", "factor": 4.0]
    #expect(
      try frequencies("both") {
        $0["rope_parameters"] = newer
        $0["rope_scaling"] = older
      } == Frequencies(base: 10_000, scaling: .linear(factor: 4)))
    #expect(
      try frequencies("both and a base") {
        $0["rope_parameters"] = newer
        $0["rope_scaling"] = older
        $0["rope_theta"] = 20_000.0
      } == Frequencies(base: 20_000, scaling: .linear(factor: 4)))
    for (name, empty) in [("null", NSNull() as Any), ("empty", [String: Any]())] {
      #expect(
        try frequencies(name) {
          $0["rope_parameters"] = newer
          $0["rope_scaling"] = empty
        } == Frequencies(base: 500_000))
    }
  }

  /// Gemma 3's global layers: single members are replaced.
  @Test func gemmaTakesSingleMembers() throws {
    guard let source = try References.shared("parity/gemma3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try References.folder(like: source, at: "\(work)/both") {
      $0["rope_scaling"] = ["rope_type": "linear", "factor": 8.0]
    }
    let layers = try plan("\(work)/both").layers
    for (layer, plan) in layers.enumerated() {
      let score = try #require(plan.recipe.rotation.score)
      #expect(
        Frequencies(score)
          == (layer == 5
            ? Frequencies(base: 1_000_000, scaling: .linear(factor: 8))
            : Frequencies(base: 10_000)),
        "layer \(layer)")
    }
  }

  /// What a rotation's frequencies come of.
  private struct Frequencies: Equatable {
    let base: Double
    let scaling: FrequencyScaling

    init(base: Double, scaling: FrequencyScaling = .none) {
      self.base = base
      self.scaling = scaling
    }

    init(_ score: ScoreRotation) { self.init(base: score.base, scaling: score.scaling) }
  }
}
