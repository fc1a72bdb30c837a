import Base
import Checkpoints
import Models
import Rotary
import TestSupport
import Testing

/// What files say of layers that differ from each other: lists that fit, and those that do not.
@Suite struct LayerKindReadingTests {
  /// A parity folder with some members replaced; nil where there is none.
  private func changed(
    _ family: String, _ changes: [String: JSONValue?]
  ) throws -> Checkpoint? {
    guard let folder = try References.shared("parity/\(family)") else { return nil }
    let source = try Checkpoint.open(folder)
    var members = try #require(source.configuration?.object)
    for (key, value) in changes { members[key] = value }
    return source.restated(configuration: .object(members))
  }

  private func refusal(_ family: String, _ changes: [String: JSONValue?]) throws -> String? {
    guard let source = try changed(family, changes) else { return nil }
    return #expect(throws: ModelError.self, "\(changes)") { try ModelPlan(source) }?.summary
  }

  @Test func listsThatDoNotFitAreRefused() throws {
    let cases: [(String, String, JSONValue?, String)] = [
      ("smollm3", "no_rope_layers", [1, 1, 0], "has 3 entries for 4 layers"),
      ("smollm3", "no_rope_layers", [1, 1, 1, 1, 0], "has 5 entries for 4 layers"),
      ("smollm3", "no_rope_layers", [1, 1, 2, 0], "neither 1 nor 0"),
      ("smollm3", "no_rope_layers", 4, "is not a list"),
      ("cohere2", "layer_types", ["full_attention"], "has 1 entries for 4 layers"),
      ("cohere2", "sliding_window", .null, "is missing: only layers with a window rotate"),
    ]
    for (family, key, value, problem) in cases {
      guard let summary = try refusal(family, [key: value]) else { return }
      #expect(summary.contains("'\(key)'") && summary.contains(problem), "\(summary)")
    }
    for pattern in ["", "LLX", 0.5, [true], [2, 0, 0, 0]] as [JSONValue] {
      let summary = try refusal(
        "exaone4", ["layer_types": nil, "sliding_window_pattern": pattern])
      guard let summary else { return }
      #expect(summary.contains("'sliding_window_pattern'"), "\(summary)")
    }
  }

  @Test func patternsSayWhichLayersHaveTheWindow() throws {
    let cases: [(JSONValue?, [Int])] = [
      ("LLLG", [16, 16, 16, 0]), ("LG", [16, 0, 16, 0]), (3, [16, 16, 0, 16]),
      (1, [0, 0, 0, 0]), ([true, false, false, true], [16, 0, 0, 16]), (nil, [16, 16, 16, 0]),
    ]
    for (pattern, windows) in cases {
      guard
        let source = try changed(
          "exaone4", ["layer_types": nil, "sliding_window_pattern": pattern])
      else { return }
      let layers = try ModelPlan(source).layers.compactMap(\.recipe.attention)
      #expect(layers.map(\.window) == windows)
      #expect(layers.map { $0.rotation.score != nil } == windows.map { $0 > 0 })
    }
  }

  /// The reference takes a window of 4,096 where these leave it out, which a reader would not see.
  @Test(arguments: ["mistral-window", "olmo3"])
  func aWindowMustBeStated(family: String) throws {
    guard let missing = try changed(family, ["sliding_window": nil]),
      let without = try changed(family, ["sliding_window": .null])
    else { return }
    let error = #expect(throws: ModelError.self) { try ModelPlan(missing) }
    #expect(error?.summary == "hyper-parameter 'sliding_window' is missing (null: no window)")
    #expect(try !ModelPlan(without).hasWindows)
  }

  /// A window counts where the reference reads it: not in a plain llama or OLMo 2, whatever is said of it,
  /// which is a warning; in Mistral and Mixtral, there of all layers.
  @Test func aWindowCountsWhereTheReferenceReadsIt() throws {
    let types: JSONValue = ["sliding_attention", "full_attention", "sliding_attention"]
    for family in ["llama", "llama-tied-llama3", "olmo2"] {
      for changes in [["sliding_window": 16], ["sliding_window": 16, "layer_types": types]]
        as [[String: JSONValue?]]
      {
        guard let plan = try changed(family, changes).map({ try ModelPlan($0) }) else { return }
        #expect(!plan.hasWindows, "\(family)")
        let note = try #require(plan.notes.first, "\(family)")
        #expect(changes.keys.allSatisfy(note.contains), "\(note)")
      }
    }
    guard let mixtral = try changed("mixtral", ["sliding_window": 16, "layer_types": types]) else {
      return
    }
    let plan = try ModelPlan(mixtral)
    #expect(plan.layers.allSatisfy { $0.recipe.attention?.window == 16 })
    #expect(plan.notes.contains { $0.contains("layer_types") && !$0.contains("sliding_window") })
    // A family without windows; and a value that says nothing.
    guard let glm = try changed("glm4", ["sliding_window": 16]),
      let silent = try changed("glm4", ["sliding_window": .null, "logit_scale": 1.0])
    else { return }
    #expect(try ModelPlan(glm).notes.contains { $0.contains("sliding_window") })
    #expect(try ModelPlan(silent).notes.isEmpty)
  }

  /// What transformers' configuration classes take where config.json says nothing, read from them:
  /// GraniteMoeConfig, DeepseekV3Config, Exaone4Config, GptOssConfig.
  @Test func whatIsLeftOutIsWhatTheReferenceAssumes() throws {
    guard let granite = try changed("granite-moe", ["attention_multiplier": nil]),
      let deepseek = try changed("deepseek-v3", ["routed_scaling_factor": nil]),
      let exaone = try changed("exaone4", ["sliding_window": nil]),
      let oss = try changed("gpt-oss", ["rope_parameters": nil])
    else { return }
    #expect(try ModelPlan(granite).layers[0].recipe.attention?.scale == 1)
    let experts = try ModelPlan(deepseek).layers.compactMap(\.recipe.experts)
    #expect(!experts.isEmpty && experts.allSatisfy { $0.router.scale == 2.5 })
    #expect(try ModelPlan(exaone).layers.compactMap(\.recipe.attention?.window).max() == 4096)
    let score = try #require(ModelPlan(oss).rotary.scores.first)
    #expect(score.base == 150_000)
    #expect(
      score.scaling == .yarn(.init(factor: 32, originalContext: 4096, truncates: false)))
  }

  /// What a folder may not say, since the reference would compute another model.
  @Test func contradictionsAreRefused() throws {
    for (family, key) in [("llama", "is_causal"), ("glm4", "attention_bias")] {
      guard let summary = try refusal(family, [key: false]) else { return }
      #expect(summary.contains("'\(key)'"), "\(summary)")
    }
  }

  /// The keys of the ecosystem's converter: Olmo 3 and Exaone 4 state every layer, Gemma 2 and Cohere 2
  /// none where the layers are their family's own.
  @Test func patternsAreWrittenAsTheConverterDoes() throws {
    func metadata(
      _ family: String, _ changes: [String: JSONValue?] = [:]
    ) throws -> [String: MetadataValue]? {
      guard let source = try changed(family, changes) else { return nil }
      let made = try GGUFMetadata(plan: ModelPlan(source), declaration: nil, provenance: [:])
        .fromHuggingFace(tokenizer: [:], fileType: 0)
      return Dictionary(uniqueKeysWithValues: made.map { ($0.key, $0.value) })
    }
    let key = "attention.sliding_window_pattern"
    for (family, name) in [("olmo3", "olmo2"), ("exaone4", "exaone4")] {
      guard let made = try metadata(family) else { return }
      #expect(made["\(name).\(key)"] == .array(.bools([true, true, true, false])))
      #expect(made["\(name).attention.sliding_window"] == .uint32(16))
    }
    for family in ["gemma2", "cohere2"] {
      guard let made = try metadata(family) else { return }
      #expect(made["\(family).\(key)"] == nil)
      let types: JSONValue = .array(
        ["full_attention"] + [JSONValue](repeating: "sliding_attention", count: 3))
      let other = try #require(try metadata(family, ["layer_types": types]))
      #expect(other["\(family).\(key)"] == .array(.bools([false, true, true, true])))
    }
    guard let cohere = try metadata("cohere2"), let ministral = try metadata("ministral3") else {
      return
    }
    #expect(cohere["cohere2.logit_scale"] == .float32(0.0625))
    #expect(ministral["mistral3.attention.temperature_scale"] == .float32(0.1))
    #expect(ministral["mistral3.rope.scaling.yarn_log_multiplier"] == .float32(1))
    #expect(ministral["mistral3.rope.scaling.original_context_length"] == .uint32(16384))
  }

  @Test func aPatternOfGGUFMustFit() throws {
    guard let folder = try References.shared("parity/olmo3") else { return }
    let source = try Checkpoint.open(folder)
    let plan = try ModelPlan(source)
    let made = try GGUFMetadata(plan: plan, declaration: nil, provenance: [:])
      .fromHuggingFace(tokenizer: [:], fileType: 0)
    let pattern = try #require(made["olmo2.attention.sliding_window_pattern"])
    #expect(JSONValue(metadata: pattern) == [true, true, true, false])
    #expect(JSONValue(metadata: .array(.bools([]))) == [])
  }

  @Test func temperatureNeedsItsContext() throws {
    func rope(_ changes: [String: JSONValue]) throws -> [String: JSONValue?]? {
      guard let source = try changed("ministral3", [:]) else { return nil }
      var members = try #require(source.configuration?["rope_parameters"]?.object)
      for (key, value) in changes { members[key] = value }
      return ["rope_parameters": .object(members)]
    }
    for changes in [["llama_4_scaling_beta": "much"], ["rope_type": "default"]]
      as [[String: JSONValue]]
    {
      guard let members = try rope(changes), let summary = try refusal("ministral3", members)
      else { return }
      #expect(summary.contains("'llama_4_scaling_beta'"), "\(summary)")
    }
    guard let none = try rope(["llama_4_scaling_beta": 0]),
      let plain = try changed("ministral3", none)
    else { return }
    let plan = try ModelPlan(plain)
    #expect(plan.layers.allSatisfy { $0.recipe.attention?.temperature == nil })
  }

  /// A declared table that turns values where there are no positions would be ignored.
  @Test func aTableForLayersWithoutPositionsIsRefused() throws {
    guard let folder = try References.shared("parity/smollm3") else { return }
    let source = try Checkpoint.open(folder)
    let plan = try ModelPlan(source)
    let rotary = try plan.rotary.applying(RotaryRequest(sites: .all), length: 64)
    let table = try #require(rotary.valueTable)
    #expect(table.turning == [4, 4, 4, 0])
    func summary(_ frequencies: [JSONValue]) throws -> (String?, ModelPlan?) {
      let declared = RotaryDeclaration(
        sites: .all, value: table, scores: ScoreDeclaration(), baseArchitecture: "smollm3")
      var members = try #require(source.configuration?.object)
      members["model_type"] = "smollm3_rotary"
      var fields = try #require(declared.json().object)
      #expect(fields["value"]?["frequencies"]?.array?.count == 16)
      var value = try #require(fields["value"]?.object)
      value["frequencies"] = .array(frequencies)
      fields["value"] = .object(value)
      members["rotary"] = .object(fields)
      let changed = source.restated(configuration: .object(members))
      do {
        return (nil, try ModelPlan(changed))
      } catch let error as ModelError {
        return (error.summary, nil)
      }
    }
    let wrong = try summary([JSONValue](repeating: 0.5, count: 16)).0
    #expect(wrong?.contains("turns values of layer 3, which has no positions") == true)
    let one = try summary([JSONValue](repeating: 0.5, count: 4)).1
    #expect(one?.rotary.valueTable?.turning == [4, 4, 4, 0])
  }
}
