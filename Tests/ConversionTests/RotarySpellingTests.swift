import Base
import Conversion
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// config.json states a rotation in two spellings, which `--set` must not part.
@Suite struct RotarySpellingTests {
  private let lantern = References.file("fixtures/lantern.gguf")

  /// What an edited folder says, and what its scores turn by.
  private struct Edited {
    let configuration: JSONValue
    let scores: [ScoreRotation]
    let keys: [String]
    /// Keys that are said to be read by nobody.
    let unknown: [String]
  }

  private func edit(
    _ source: String, _ work: String, set: [String], remove: [String] = []
  ) throws -> Edited {
    var request = ConversionRequest(sites: nil, output: "\(work)/edited/", force: true)
    request.edits = try MetadataEdits(set: set, remove: remove)
    let plan = try ConversionPlan(Model(opening: source).plan, request)
    _ = try plan.write(version: "test")
    return Edited(
      configuration: try JSONValue.read(contentsOf: "\(work)/edited/config.json"),
      scores: try Model(opening: "\(work)/edited").plan.rotary.scores,
      keys: plan.edits.map(\.key),
      unknown: plan.warnings.compactMap { warning -> String? in
        guard case .unknownKey(let key) = warning else { return nil }
        return key
      })
  }

  /// Calls `body` with a folder of work and a model's folder whose config.json has other members; nil
  /// takes one away.
  private func folder(
    with members: [String: Any?] = [:], _ body: (_ work: String, _ folder: String) throws -> Void
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let request = ConversionRequest(sites: nil, output: "\(work)/first/")
    _ = try ConversionPlan(Model(opening: lantern).plan, request).write(version: "test")
    try References.folder(like: "\(work)/first", at: "\(work)/source") { configuration in
      for (key, value) in members { configuration[key] = value }
    }
    try body(work, "\(work)/source")
  }

  /// The base as one reader finds it, and as the other.
  @Test(arguments: [
    ["rope_theta=500"], ["rope_parameters.rope_theta=500"],
    [#"rope_parameters={"rope_type": "default", "rope_theta": 500}"#],
    ["rope_theta=500", "rope_parameters.rope_theta=500.0"],
  ])
  func aBaseIsEditedInBothSpellings(_ set: [String]) throws {
    try folder { work, source in
      let edited = try edit(source, work, set: set)
      #expect(edited.configuration["rope_theta"]?.double == 500)
      #expect(edited.configuration["rope_parameters"]?["rope_theta"]?.double == 500)
      #expect(edited.scores.allSatisfy { $0.base == 500 } && !edited.scores.isEmpty)
      #expect(
        Set(edited.keys).contains("rope_theta")
          && edited.keys.contains { $0.hasPrefix("rope_parameters") })
      #expect(edited.unknown.isEmpty)
    }
  }

  @Test func aKeyThatIsNotThereYetCountsToo() throws {
    try folder(with: ["rope_theta": nil]) { work, source in
      let edited = try edit(source, work, set: ["rope_theta=500"])
      #expect(edited.configuration["rope_parameters"]?["rope_theta"]?.double == 500)
      #expect(edited.scores.allSatisfy { $0.base == 500 })
    }
  }

  @Test func aScalingIsEditedInBothSpellings() throws {
    let linear: [String: Any] = ["rope_type": "linear", "factor": 2.0, "rope_theta": 20_000.0]
    try folder(
      with: ["rope_parameters": linear, "rope_scaling": linear, "rope_theta": nil]
    ) { work, source in
      for key in ["rope_parameters", "rope_scaling"] {
        for set in ["\(key).factor=4", #"\#(key)={"rope_type": "linear", "factor": 4}"#] {
          let edited = try edit(source, work, set: [set])
          for spelling in ["rope_parameters", "rope_scaling"] {
            #expect(edited.configuration[spelling]?["factor"]?.double == 4, "\(set)")
          }
          #expect(
            edited.scores.allSatisfy { $0.scaling == .linear(factor: 4) && $0.base == 20_000 },
            "\(set)")
        }
      }
      let edited = try edit(source, work, set: [], remove: ["rope_scaling"])
      #expect(edited.configuration["rope_scaling"] == nil)
      #expect(edited.scores.allSatisfy { $0.scaling == .none && $0.base == 20_000 })
    }
  }

  @Test func editsThatDisagreeAreRefused() throws {
    try folder { work, source in
      let error = #expect(throws: ConversionError.self) {
        try edit(source, work, set: ["rope_theta=500", "rope_parameters.rope_theta=600"])
      }
      #expect(error?.exitStatus == .usage)
      #expect(!FileManager.default.fileExists(atPath: "\(work)/edited"))
    }
  }

  /// A key that was there is no more read for it.
  @Test func aKeyThatNobodyReadsWarnsThoughItIsThere() throws {
    try folder(with: ["note": "a"]) { work, source in
      let edited = try edit(source, work, set: ["note=b"])
      #expect(edited.unknown == ["note"])
    }
  }

  @Test func theMemberOfAKindOfLayersIsNamed() throws {
    guard let source = try References.shared("parity/gemma3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for (set, member) in [
      ("rope_theta=500", "full_attention.rope_theta"),
      ("rope_local_base_freq=500", "sliding_attention.rope_theta"),
      ("rope_parameters.factor=2", "full_attention.factor"),
      (#"rope_scaling={"rope_type": "linear", "factor": 2}"#, "full_attention"),
    ] {
      let error = #expect(throws: ConversionError.self, "\(set)") {
        try edit(source, work, set: [set])
      }
      #expect(error?.exitStatus == .usage)
      #expect(error?.summary.contains("'rope_parameters.\(member)'") == true, "\(set)")
    }
    let set = ["rope_parameters.full_attention.rope_theta=500"]
    // The key beside it may be set along, to the same.
    for set in [set, ["rope_theta=500"] + set, set + ["rope_theta=500"]] {
      let edited = try edit(source, work, set: set)
      #expect(edited.scores.contains { !$0.isLocal && $0.base == 500 })
      #expect(edited.scores.contains { $0.isLocal && $0.base == 10_000 })
    }
    let error = #expect(throws: ConversionError.self) {
      try edit(source, work, set: set + ["rope_theta=600"])
    }
    guard case .setting(.spellingsDisagree) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  // MARK: - Values

  /// The table of values' frequencies is made of the model before the edit.
  @Test func valuesDoNotStayBehindAnEdit() throws {
    try folder { work, source in
      for model in [source, lantern] {
        let plan = try Model(opening: model).plan
        func convert(_ sites: RotarySites, _ output: String, _ set: [String]) throws {
          var request = ConversionRequest(sites: sites, output: "\(work)/\(output)", force: true)
          request.edits = try MetadataEdits(set: set, remove: [])
          _ = try ConversionPlan(plan, request)
        }
        for (output, set) in [
          ("edited/", [#"rope_scaling={"rope_type": "linear", "factor": 4}"#]),
          ("edited/", ["rope_theta=500"]), ("edited.gguf", ["llama.rope.freq_base=500"]),
          (
            "edited.gguf", ["llama.rope.scaling.type=linear", "llama.rope.scaling.factor=4"]
          ),
        ] {
          let error = #expect(throws: ConversionError.self, "\(set)") {
            try convert(.all, output, set)
          }
          #expect(error?.exitStatus == .usage)
          #expect(error?.summary.contains("frequencies of values") == true, "\(set)")
          try convert(.scores, output, set)
        }
        // Other edits are as they were.
        try convert(.all, "edited.gguf", ["general.name=other", "llama.context_length=256"])
        try convert(.all, "edited/", ["max_position_embeddings=256"])
      }
    }
  }

  /// As a file that was edited before that was refused: its table is not of the scaled frequencies.
  @Test func aTableThatIsNotScaledIsKnown() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let linear: [String: Any] = ["rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0]
    func write(_ source: String, _ sites: RotarySites, _ output: String, base: Double? = nil) throws
    {
      let request = ConversionRequest(sites: sites, output: "\(work)/\(output)", valueBase: base)
      _ = try ConversionPlan(Model(opening: source).plan, request).write(version: "test")
    }
    func isUnscaled(_ path: String) throws -> Bool {
      try Model(opening: "\(work)/\(path)").plan.rotary.hasUnscaledValues(length: 64)
    }
    try write(lantern, .all, "values/")
    try References.folder(like: "\(work)/values", at: "\(work)/edited") {
      $0["rope_parameters"] = linear
    }
    #expect(try isUnscaled("edited") && !isUnscaled("values"))
    // Edited first, then converted, and through both containers.
    try write(lantern, .scores, "plain/")
    try References.folder(like: "\(work)/plain", at: "\(work)/scaled") {
      $0["rope_parameters"] = linear
    }
    for (output, base) in [("a.gguf", nil), ("b/", nil), ("c.gguf", 500.0), ("d/", 500.0)]
      as [(String, Double?)]
    {
      try write("\(work)/scaled", .all, output, base: base)
      #expect(try !isUnscaled(output), "\(output)")
      try write("\(work)/\(output)", .all, "again-\(output)")
      #expect(try !isUnscaled("again-\(output)"), "\(output)")
    }
    let text = TokenizedText(name: "ids", tokens: (0..<128).map { Int32($0) })
    for (path, type) in [("edited", "fixed"), ("b", nil)] as [(String, String?)] {
      let evaluation = PerplexityEvaluation(windows: WindowPlan(context: 64, limit: 1))
      let record = try evaluation.identity(Model(opening: "\(work)/\(path)"), on: text)
      let rotation = record.fields["models"]?.array?.first?["rotation"]
      #expect(rotation != nil && rotation?["value_scaling"]?["type"]?.string == type)
    }
  }
}
