import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Rotary
import TestSupport
import Testing

/// What one container says of a rotation, the other says too, or the conversion is refused.
/// `Tests/Checks/containers` holds all families and scalings against transformers.
@Suite struct RotationContainerTests {
  @discardableResult
  private func convert(
    _ source: String, to sites: RotarySites = .scores, _ output: String, set: [String] = []
  ) throws -> Model {
    var request = ConversionRequest(sites: sites, output: output)
    request.edits = try MetadataEdits(set: set, remove: [])
    _ = try ConversionPlan(Model(opening: source).plan, request).write(version: "test")
    return try Model(opening: output)
  }

  private func yarn(_ members: [String: Any]) -> [String: Any] {
    members.merging([
      "rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0,
      "original_max_position_embeddings": 32,
    ]) { $1 }
  }

  @Test(arguments: ["llama", "deepseek-v2-mla"])
  func bothMagnitudesOfYaRNSurviveGGUF(family: String) throws {
    guard let source = try References.shared("parity/\(family)") else { return }
    let cases: [[String: Any]] = [
      ["mscale": 0.7, "mscale_all_dim": 1.2], ["mscale": 0.7], ["mscale_all_dim": 0.7],
      ["mscale": 0.7, "mscale_all_dim": 0.0],
    ]
    for members in cases {
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      try References.folder(like: source, at: "\(work)/source") {
        $0["rope_parameters"] = yarn(members)
      }
      let original = try Model(opening: "\(work)/source").plan
      var last = "\(work)/source"
      for output in ["one.gguf", "two/", "three.gguf"] {
        let plan = try convert(last, "\(work)/\(output)").plan
        last = "\(work)/\(output)"
        for (layer, first) in zip(plan.rotary.layers, original.rotary.layers) {
          #expect(layer.score?.base == first.score?.base, "\(members) \(output)")
          #expect(layer.score?.scaling == first.score?.scaling, "\(members) \(output)")
        }
        for (layer, first) in zip(plan.layers, original.layers) {
          let scale = try #require(layer.recipe.attention?.scale)
          let expected = try #require(first.recipe.attention?.scale)
          #expect(abs(scale / expected - 1) < 1e-6)
        }
      }
    }
  }

  /// transformers' Llama turns whole heads whatever config.json says, so where a part turns it is a
  /// variant of ours there, and a plain file in GGUF.
  @Test func partsOfHeadsAreAVariantOfAFolder() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let lantern = References.file("fixtures/lantern.gguf")
    let half = "\(work)/half.gguf"
    let width = try Model(opening: lantern).plan.capacity.keyWidth
    let model = try convert(lantern, half, set: ["llama.rope.dimension_count=\(width / 2)"])
    #expect(model.plan.rotary.scores.map(\.dimensions) == [width / 2])
    for (output, sites) in [
      ("plain/", .scores), ("pair/x.safetensors", .scores), ("variant/", .all),
    ] as [(String, RotarySites)] {
      let folder = "\(work)/\(output.split(separator: "/")[0])"
      if !output.hasSuffix("/") {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: false)
      }
      let written = try convert(half, to: sites, "\(work)/\(output)")
      #expect(written.plan.rotary.scores.map(\.dimensions) == [width / 2], "\(output)")
      #expect(written.plan.rotary.sites == sites)
      let configuration = try JSONValue.read(contentsOf: "\(folder)/config.json")
      #expect(configuration["model_type"]?.string == "llama_rotary")
      #expect(configuration["partial_rotary_factor"]?.double == 0.5)
      #expect(configuration["rope_parameters"]?["partial_rotary_factor"]?.double == 0.5)
      let back = try convert("\(work)/\(output)", to: sites, "\(folder).gguf")
      #expect(back.plan.rotary.scores == model.plan.rotary.scores)
      #expect(
        back.checkpoint.metadata["general.architecture"]?.string
          == (sites == .scores ? "llama" : "llama-rotary"))
    }
    #expect(
      FileManager.default.fileExists(atPath: "\(work)/plain/modeling_ropeconv.py"))
  }

  /// What transformers 5.24 does with a share of each head in a plain folder: with frequencies that
  /// are not scaled it turns whole heads, with scaled ones it fails. A variant made of it turns whole
  /// heads too.
  @Test(arguments: ["llama", "mistral-window", "qwen2", "qwen3", "olmo2", "gemma3"])
  func aShareThatTheReferenceIgnoresIsIgnored(family: String) throws {
    guard let source = try References.shared("parity/\(family)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let original = try Model(opening: source).plan
    func folder(_ name: String, _ scaling: [String: Any]? = nil, atTop: Bool = false) throws {
      try References.folder(like: source, at: "\(work)/\(name)") { configuration in
        var parameters = configuration["rope_parameters"] as? [String: Any] ?? [:]
        let nested = parameters["full_attention"] as? [String: Any]
        var members = (nested ?? parameters).merging(scaling ?? [:]) { $1 }
        if !atTop { members["partial_rotary_factor"] = 0.5 }
        if atTop { configuration["partial_rotary_factor"] = 0.5 }
        parameters["full_attention"] = nested.map { _ in members }
        configuration["rope_parameters"] = nested == nil ? members : parameters
      }
    }
    for atTop in [false, true] {
      let name = "top-\(atTop)"
      try folder(name, atTop: atTop)
      let plan = try Model(opening: "\(work)/\(name)").plan
      #expect(plan.rotary.scores == original.rotary.scores)
      #expect(plan.rotary.scores.allSatisfy { $0.dimensions == plan.capacity.keyWidth })
      #expect(plan.ignoredStatement?.contains("partial_rotary_factor is 0.5") == true)
      for output in ["\(name).gguf", "\(name)-variant/"] {
        let written = try convert("\(work)/\(name)", to: .all, "\(work)/\(output)")
        #expect(
          written.plan.rotary.scores.map(\.dimensions) == original.rotary.scores.map(\.dimensions))
        #expect(written.plan.ignoredStatement == nil)
      }
    }
    #expect(original.ignoredStatement == nil)
    try folder("scaled", ["rope_type": "linear", "factor": 2.0])
    let error = #expect(throws: ModelError.self) { try Model(opening: "\(work)/scaled") }
    #expect(error?.summary.contains("partial_rotary_factor") == true)
    #expect(error?.exitStatus == .malformedData)
  }

  /// An edit of what another container states is read before anything is written.
  @Test func editsThatCannotBeReadAreRefusedInEveryContainer() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let lantern = References.file("fixtures/lantern.gguf")
    var cases = [
      (lantern, "x/", "rope_parameters.factor=0", "linear"),
      (lantern, "x.safetensors", "rope_parameters.factor=-2", "linear"),
      (lantern, "x/", "rope_parameters.factor=0.0", "yarn"), (lantern, "x/", "rms_norm_eps=-1", ""),
    ]
    if let llama = try References.shared("parity/llama") {
      cases += [
        (llama, "x.gguf", "llama.rope.scaling.factor=0.0", "linear"),
        (llama, "x.gguf", "llama.rope.scaling.factor=-1.5", "yarn"),
        (llama, "x.gguf", "llama.attention.head_count=7", ""),
      ]
    }
    for (source, output, edit, scaling) in cases {
      let key = output == "x.gguf" ? "llama.rope.scaling.type" : "rope_parameters.rope_type"
      let edits = (scaling.isEmpty ? [] : ["\(key)=\(scaling)"]) + [edit]
      let error = #expect(throws: ConversionError.self, "\(edits)") {
        try convert(source, "\(work)/\(output)", set: edits)
      }
      #expect(error?.exitStatus == .usage && error?.summary.contains("cannot be read") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    }
    guard let source = try References.shared("parity/phi3") else { return }
    // Lists that become tensors of the file are known to the check.
    try References.folder(like: source, at: "\(work)/long") {
      $0["original_max_position_embeddings"] = 32
      $0["rope_parameters"] = [
        "rope_type": "longrope", "rope_theta": 10_000.0, "short_factor": [1.0, 1, 1, 2],
        "long_factor": [1.0, 2, 3, 4],
      ]
    }
    #expect(throws: ConversionError.self) {
      try convert(
        "\(work)/long", "\(work)/x.gguf", set: ["phi3.rope.scaling.attn_factor=0.0"])
    }
    let written = try convert(
      "\(work)/long", "\(work)/x.gguf", set: ["phi3.rope.scaling.attn_factor=1.25"])
    guard case .longRoPE(let long) = written.plan.rotary.scores[0].scaling else {
      Issue.record("\(written.plan.rotary.scores)")
      return
    }
    #expect(long.magnitude == 1.25)
  }

  /// Whole heads of GPT-NeoX must be stated: a quarter is the family's default.
  @Test func wholeHeadsOfGPTNeoXComeBack() throws {
    guard let source = try References.shared("parity/gpt-neox") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try References.folder(like: source, at: "\(work)/source") {
      $0["rope_parameters"] = [
        "rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 1.0,
      ]
    }
    let model = try convert("\(work)/source", "\(work)/one.gguf")
    #expect(model.plan.rotary.scores.map(\.dimensions) == [model.plan.capacity.keyWidth])
    try convert("\(work)/one.gguf", "\(work)/two/")
    let configuration = try JSONValue.read(contentsOf: "\(work)/two/config.json")
    #expect(configuration["rope_parameters"]?["partial_rotary_factor"]?.double == 1)
  }

  /// What no reader of the file would expect: `olmo2` has no tensor for divisors.
  @Test func scalingWithoutATensorForItIsRefused() throws {
    guard let source = try References.shared("parity/olmo2") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let scalings: [[String: Any]] = [
      ["rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0],
      ["rope_type": "longrope", "short_factor": [1, 1, 1, 2], "long_factor": [1, 2, 3, 4]],
    ]
    for (index, scaling) in scalings.enumerated() {
      let folder = "\(work)/\(index)"
      try References.folder(like: source, at: folder) {
        $0["rope_parameters"] = scaling.merging(
          ["rope_theta": 10_000.0, "original_max_position_embeddings": 32]) { $1 }
      }
      #expect(throws: ModelError.self) { try convert(folder, "\(folder).gguf") }
      #expect(!FileManager.default.fileExists(atPath: "\(folder).gguf"))
    }
  }

  /// Divisors of a GGUF file return from a folder as the same tensor.
  @Test func divisorsReturnFromAFolder() throws {
    guard let source = try References.shared("parity/llama-tied-llama3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let first = try convert(source, "\(work)/one.gguf").plan.rotary.scores
    try convert("\(work)/one.gguf", "\(work)/two/")
    #expect(try convert("\(work)/two/", "\(work)/three.gguf").plan.rotary.scores == first)
  }
}
