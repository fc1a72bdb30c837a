import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import Rotary
import TestSupport
import Testing

/// Scalings whose frequencies follow the length of a pass: values of a converted file follow it too.
@Suite struct LengthScalingTests {
  private static let methods = ["dynamic", "longrope"]
  private static let original = 32
  private static let base = 10_000.0
  private static let factor = 3.0

  /// LongRoPE's divisor of a pair.
  private static func divisor(_ pair: Int, isLong: Bool) -> Double {
    isLong ? 1 + Double(pair) / 2 : 1 + Double(pair) / 16
  }

  /// The lantern as a folder that states a scaling.
  private func scaled(_ method: String, in work: String) throws -> Model {
    let lantern = try Model(opening: References.file("fixtures/lantern.gguf"))
    _ = try ConversionPlan(
      lantern.plan, ConversionRequest(sites: .scores, output: "\(work)/plain/")
    ).write(version: "test")
    let pairs = lantern.plan.rotary.pairs
    try References.folder(like: "\(work)/plain", at: "\(work)/source") { configuration in
      var rope: [String: Any] = ["rope_type": method, "rope_theta": Self.base]
      if method == "dynamic" {
        rope["factor"] = Self.factor
        configuration["max_position_embeddings"] = Self.original
      } else {
        rope["short_factor"] = (0..<pairs).map { Self.divisor($0, isLong: false) }
        rope["long_factor"] = (0..<pairs).map { Self.divisor($0, isLong: true) }
        rope["original_max_position_embeddings"] = Self.original
        configuration["max_position_embeddings"] = 4 * Self.original
      }
      configuration["rope_parameters"] = rope
    }
    return try Model(opening: "\(work)/source")
  }

  @discardableResult
  private func convert(
    _ source: Model, _ request: RotaryRequest, _ output: String
  ) throws -> ConversionPlan {
    let plan = try ConversionPlan(
      source.plan,
      ConversionRequest(
        sites: request.sites, output: output, valuePairs: request.valuePairs,
        valueBase: request.valueBase))
    _ = try plan.write(version: "test")
    return plan
  }

  /// The published formulas: dynamic NTK as in transformers, LongRoPE as in arXiv:2402.13753.
  private func published(
    _ method: String, pair: Int, pairs: Int, base: Double, length: Int
  ) -> Double {
    let (index, size) = (Double(pair), Double(2 * pairs))
    guard method == "dynamic" else {
      return pow(base, -2 * index / size)
        / Self.divisor(pair, isLong: length > Self.original)
    }
    let reach = Double(max(length, Self.original)) / Double(Self.original)
    let stretched = base * pow(Self.factor * reach - (Self.factor - 1), size / (size - 2))
    return pow(stretched, -2 * index / size)
  }

  @Test(arguments: Self.methods) func convertedValuesFollowTheLength(_ method: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try scaled(method, in: work)
    let vocabulary = source.plan.shape.vocabulary
    let requests = [
      RotaryRequest(sites: .all), RotaryRequest(sites: .message),
      RotaryRequest(sites: .all, valuePairs: 3), RotaryRequest(sites: .all, valueBase: 500),
    ]
    for (number, request) in requests.enumerated() {
      for output in ["\(number).gguf", "\(number)/"] {
        let plan = try convert(source, request, "\(work)/\(output)")
        #expect(!plan.warnings.contains { $0.text.contains("fixed") })
        let converted = try Model(opening: "\(work)/\(output)")
        #expect(converted.plan.rotary.valueTable?.followsScaling == true)
        #expect(!converted.plan.rotary.fixesValueScaling)
        for length in [20, Self.original, Self.original + 1, 96] {
          let tokens = (0..<length).map { Int32(($0 * 31 + 7) % vocabulary) }
          let asIf = try source.logits(tokens, rotary: request)
          let found = try converted.logits(tokens)
          let largest = zip(asIf, found).map { abs($0 - $1) }.max() ?? .infinity
          #expect(largest < 1e-3, "\(method) \(output) \(length): \(largest)")
          let pairs = converted.plan.rotary.pairs
          let table = try #require(
            converted.plan.rotary.applying(.asStored, length: length).layers[0].value?.frequencies)
          for (pair, frequency) in table.enumerated() {
            let turns = pair >= pairs - (request.valuePairs ?? pairs)
            let expected =
              turns
              ? published(
                method, pair: pair, pairs: pairs, base: request.valueBase ?? Self.base,
                length: length) : 0
            #expect(abs(frequency - expected) <= 1e-6 * expected, "\(method) \(output) \(pair)")
          }
        }
      }
    }
    let metadata = try Checkpoint.open("\(work)/0.gguf").metadata
    #expect(metadata["rotary.version"]?.int == 3)
    #expect(metadata["rotary.value.scaling"]?.string == "scores")
    let declared = try JSONValue.read(contentsOf: "\(work)/0/config.json")["rotary"]
    #expect(declared?["version"]?.int == 3)
    #expect(declared?["value"]?["scaling"]?.string == "scores")
  }

  /// A file made before values followed keeps its table at every length, and that is said.
  @Test(arguments: Self.methods) func aTableAloneIsFixed(_ method: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try scaled(method, in: work)
    try convert(source, RotaryRequest(sites: .all), "\(work)/new/")
    let path = "\(work)/new/config.json"
    var members = try #require(JSONValue.read(contentsOf: path).object)
    var rotary = try #require(members["rotary"]?.object)
    var value = try #require(rotary["value"]?.object)
    value["scaling"] = nil
    rotary["value"] = .object(value)
    rotary["version"] = 1
    members["rotary"] = .object(rotary)
    try JSONValue.object(members).serialized(pretty: true)
      .write(toFile: path, atomically: true, encoding: .utf8)
    let old = try Model(opening: "\(work)/new")
    #expect(old.plan.rotary.fixesValueScaling)
    let tables = try [20, 96].map {
      try old.plan.rotary.applying(.asStored, length: $0).valueTable?.frequencies
    }
    #expect(tables[0] == tables[1] && tables[0] != nil)
    let again = try convert(old, .asStored, "\(work)/again.gguf")
    #expect(again.warnings.contains(.fixedValues(tokens: nil)))
    let metadata = try Checkpoint.open("\(work)/again.gguf").metadata
    #expect(metadata["rotary.value.scaling"] == nil && metadata["rotary.version"]?.int == 1)
  }

  /// Of a scaling that looks at wavelengths, a folder, its GGUF file and transformers would make three
  /// models; of one that follows no length, the table alone says it.
  @Test(arguments: ["llama3", "yarn", "linear", "default"])
  func valuesFollowNoOtherScaling(_ kind: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try scaled("dynamic", in: work)
    let rotation: [String: Any] = [
      "rope_type": kind, "rope_theta": Self.base, "factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
    ]
    let text = String(
      decoding: try JSONSerialization.data(withJSONObject: rotation), as: UTF8.self)
    for values in ["values.gguf", "values/"] {
      try convert(source, RotaryRequest(sites: .all, valueBase: 500), "\(work)/\(values)")
      let plan = try Model(opening: "\(work)/\(values)").plan
      var request = ConversionRequest(sites: nil, output: "\(work)/edited/")
      request.edits = try MetadataEdits(set: ["rope_parameters=\(text)"], remove: [])
      let error = #expect(throws: ConversionError.self, "\(values)") {
        try ConversionPlan(plan, request)
      }
      #expect(error?.exitStatus == .usage)
      #expect(error?.summary.contains("'rotary.value.scaling'") == true, "\(values)")
      // Another factor is followed.
      request.edits = try MetadataEdits(set: ["rope_parameters.factor=5"], remove: [])
      _ = try ConversionPlan(plan, request)
    }
    try References.folder(like: "\(work)/values", at: "\(work)/stated") {
      $0["rope_parameters"] = rotation
    }
    let error = #expect(throws: ModelError.self) { try Model(opening: "\(work)/stated") }
    #expect(error?.exitStatus == .malformedData)
    #expect(error?.summary.contains("'rotary.value.scaling'") == true)
  }

  // MARK: - Keys that other readers pass over

  private func unseenKeys(_ plan: ConversionPlan) -> [String] {
    plan.warnings.compactMap { warning in
      guard case .unseenKey(let unseen) = warning else { return nil }
      return unseen.key
    }
  }

  @Test func aPlainFileOfADynamicModelSaysWhatOthersMiss() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try scaled("dynamic", in: work)
    let plain = try convert(source, RotaryRequest(sites: .scores), "\(work)/plain.gguf")
    #expect(unseenKeys(plain) == ["ropeconv.rope.scaling.type"])
    #expect(plain.warnings.contains { $0.text.contains("beyond \(Self.original) tokens") })
    let again = try convert(
      Model(opening: "\(work)/plain.gguf"), .asStored, "\(work)/again.gguf")
    #expect(unseenKeys(again) == ["ropeconv.rope.scaling.type"])
    // A variant is read by nobody else, and a folder states a scaling as transformers does.
    let variant = try convert(source, RotaryRequest(sites: .all), "\(work)/v.gguf")
    #expect(unseenKeys(variant).isEmpty)
    let folder = try convert(source, RotaryRequest(sites: .scores), "\(work)/folder/")
    #expect(unseenKeys(folder).isEmpty)
  }

  /// A window counts where it is shorter than the context, which is 64 here.
  @Test(arguments: [16, 63, 64, 4096]) func aPlainFileWithAWindowSaysWhatOthersMiss(
    _ window: Int
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let lantern = try Model(opening: References.file("fixtures/lantern.gguf"))
    try convert(lantern, RotaryRequest(sites: .scores), "\(work)/plain/")
    try References.folder(like: "\(work)/plain", at: "\(work)/source") {
      $0["model_type"] = "mistral"
      $0["architectures"] = ["MistralForCausalLM"]
      $0["sliding_window"] = window
      $0["max_position_embeddings"] = 64
    }
    let plan = try convert(
      Model(opening: "\(work)/source"), RotaryRequest(sites: .scores), "\(work)/plain.gguf")
    #expect(unseenKeys(plan) == (window < 64 ? ["ropeconv.attention.sliding_window"] : []))
    let said = "attend to the last \(window) alone"
    #expect(plan.warnings.contains { $0.text.contains(said) } == (window < 64))
  }
}
