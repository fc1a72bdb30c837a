import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// What a Hugging Face folder holds beside the weights.
@Suite struct FolderExportTests {
  private let lantern = References.file("fixtures/lantern.gguf")

  /// Converts to `<work>/model/` and hands the folder to the body.
  private func export(
    _ source: String, to sites: RotarySites,
    _ body: (_ folder: String, _ plan: ConversionPlan) throws -> Void
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let plan = try ConversionPlan(
      Model(opening: source).plan, ConversionRequest(sites: sites, output: "\(work)/model/"))
    _ = try plan.write(version: "1.2.3")
    try body("\(work)/model", plan)
  }

  private func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test func variantCarriesItsCode() throws {
    try export(lantern, to: .all) { folder, plan in
      #expect(plan.warnings.allSatisfy { $0.isOfSites })
      #expect(
        try names(folder) == [
          "README.md", "config.json", "configuration_ropeconv.py", "generation_config.json",
          "model.safetensors", "modeling_ropeconv.py", "rotation_ropeconv.py", "tokenizer.json",
          "tokenizer_config.json",
        ])
      let configuration = try JSONValue.read(contentsOf: "\(folder)/config.json")
      #expect(configuration["model_type"]?.string == "llama_rotary")
      #expect(configuration["architectures"]?.array?.first?.string == "LlamaRotaryForCausalLM")
      #expect(
        configuration["auto_map"]
          == [
            "AutoConfig": "configuration_ropeconv.LlamaRotaryConfig",
            "AutoModelForCausalLM": "modeling_ropeconv.LlamaRotaryForCausalLM",
          ])
      for name in ["configuration_ropeconv.py", "modeling_ropeconv.py", "rotation_ropeconv.py"] {
        #expect(
          try text("\(folder)/\(name)")
            == text(References.file("formats/huggingface/\(name)")))
      }
      let generation = try JSONValue.read(contentsOf: "\(folder)/generation_config.json")
      #expect(generation == ["bos_token_id": 767, "eos_token_id": 767])
    }
  }

  @Test func plainFolderNeedsNoCode() throws {
    try export(lantern, to: .all) { rove, _ in
      try export(rove, to: .scores) { folder, _ in
        #expect(
          try names(folder) == [
            "README.md", "config.json", "generation_config.json", "model.safetensors",
            "tokenizer.json", "tokenizer_config.json",
          ])
        let configuration = try JSONValue.read(contentsOf: "\(folder)/config.json")
        #expect(configuration["model_type"]?.string == "llama")
        #expect(configuration["auto_map"] == nil && configuration["rotary"] == nil)
      }
    }
  }

  /// Code that config.json or tokenizer_config.json names outside of the folder, or in another
  /// repository, is not passed on; what lies in the folder is.
  @Test(arguments: [
    ("../../elsewhere--code.Class", false), ("/elsewhere/code.Class", false),
    ("/\u{301}elsewhere/code.Class", false), ("C:/elsewhere/code.Class", false),
    ("owner/name--code.Class", false), ("owner/name--\u{301}code.Class", false),
    ("code.Class", true), ("part/my-code.Class", true),
  ])
  func codeOutsideOfTheFolderIsLeftOut(_ reference: String, isKept: Bool) throws {
    try export(lantern, to: .scores) { source, _ in
      for name in ["config.json", "tokenizer_config.json"] {
        let path = "\(source)/\(name)"
        var fields = try #require(JSONValue.read(contentsOf: path).object)
        fields["auto_map"] = [
          "AutoModel": .string(reference), "AutoTokenizer": [.null, .string(reference)],
        ]
        try JSONValue.object(fields).serialized(pretty: true).write(
          toFile: path, atomically: true, encoding: .utf8)
      }
      try export(source, to: .scores) { folder, plan in
        #expect(
          plan.warnings
            == (isKept
              ? []
              : [.codeOutside(file: "config.json"), .codeOutside(file: "tokenizer_config.json")]))
        for name in ["config.json", "tokenizer_config.json"] {
          let json = try JSONValue.read(contentsOf: "\(folder)/\(name)")
          #expect((json["auto_map"] != nil) == isKept, "\(name)")
        }
      }
    }
  }

  /// Entries that name code in the folder stay beside those that are left out.
  @Test func onlyEntriesThatLeadOutAreLeftOut() throws {
    try export(lantern, to: .scores) { source, _ in
      let inside: JSONValue = ["impl": "pipes.Good", "pt": ["AutoModel"]]
      let path = "\(source)/config.json"
      var fields = try #require(JSONValue.read(contentsOf: path).object)
      fields["auto_map"] = ["AutoModel": "owner/name--code.Class", "AutoConfig": "code.Config"]
      fields["custom_pipelines"] = [
        "bad": ["impl": "../../pipes.Bad", "pt": ["AutoModel"]], "good": inside,
      ]
      try JSONValue.object(fields).serialized(pretty: true).write(
        toFile: path, atomically: true, encoding: .utf8)
      // Two keys that Swift's strings take for one, and a map within another member.
      let text = #"""
        {"\u00e9": 1, "e\u0301": 2, "auto_map": {"AutoTokenizer": ["../code.X", null]},
         "part": {"auto_map": {"AutoProcessor": "/code.X"}, "kept": 1}}
        """#
      try text.write(
        toFile: "\(source)/tokenizer_config.json", atomically: true, encoding: .utf8)
      try export(source, to: .scores) { folder, plan in
        #expect(
          plan.warnings
            == [.codeOutside(file: "config.json"), .codeOutside(file: "tokenizer_config.json")])
        let json = try JSONValue.read(contentsOf: "\(folder)/config.json")
        #expect(json["auto_map"] == ["AutoConfig": "code.Config"])
        #expect(json["custom_pipelines"] == ["good": inside])
        let tokenizer = try JSONValue.read(contentsOf: "\(folder)/tokenizer_config.json")
        #expect(tokenizer["auto_map"] == nil && tokenizer["part"] == ["kept": 1])
        #expect(tokenizer["\u{E9}"] == 1 && tokenizer["e\u{301}"] == 2)
      }
    }
  }

  /// Members that make a text another than JSON, and that Python reads.
  static let unread: [String] = [
    #""q": NaN"#, #""q": 1e999"#, #""q": "\ud800""#, "\"q\": \"\t\"",
    #""auto_map": {"AutoTokenizer": ["code.X", null]}"#,
    #""q": "# + String(repeating: "[", count: 600) + String(repeating: "]", count: 600),
  ]

  /// Code could go along in them that was not looked for.
  @Test(arguments: Self.unread)
  func companionsThatCannotBeSearchedAreRefused(_ member: String) throws {
    try export(lantern, to: .scores) { source, _ in
      let path = "\(source)/tokenizer_config.json"
      try "{\(member), \"auto_map\": {\"AutoTokenizer\": [\"../code.X\", null]}}".write(
        toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: FileError.self) {
        _ = try ConversionPlan(
          Model(opening: source).plan, ConversionRequest(sites: .all, output: "\(source)-out/"))
      }
      #expect(error?.file == path && error?.place != nil)
      #expect(error?.exitStatus == .malformedData)
    }
  }

  @Test func architectureWithoutCodeIsWrittenWithAWarning() throws {
    let source = References.file("Tests/InferenceTests/Golden/nanogpt/rope")
    try export(source, to: .all) { folder, plan in
      #expect(
        plan.warnings.filter { !$0.isOfSites }
          == [.noModelingCode(modelType: "nanogpt", sites: "qkvo")])
      #expect(plan.warnings.last?.text.contains("'nanogpt' with sites 'qkvo'") == true)
      let configuration = try JSONValue.read(contentsOf: "\(folder)/config.json")
      #expect(configuration["auto_map"] == nil)
      #expect(try names(folder) == ["README.md", "config.json", "model.safetensors"])
      _ = try Model(opening: folder)
    }
  }

  @Test func aTokenizerThatStatesTooLittleIsWrittenWithAWarning() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var request = ConversionRequest(sites: .scores, output: "\(work)/bare.gguf")
    request.edits = try MetadataEdits(set: [], remove: ["tokenizer.ggml.pre"])
    _ = try ConversionPlan(Model(opening: lantern).plan, request).write(version: "1.2.3")
    try export("\(work)/bare.gguf", to: .scores) { folder, plan in
      #expect(plan.warnings.count == 1)
      #expect(plan.warnings.first?.text.contains("states no pre-tokenizer") == true)
      let files = try names(folder)
      #expect(files.contains("tokenizer.json"))
    }
    try export(lantern, to: .scores) { _, plan in #expect(plan.warnings.isEmpty) }
  }

  @Test func cardSaysWhereTheModelComesFrom() throws {
    try export(lantern, to: .all) { folder, plan in
      let card = try text("\(folder)/README.md")
      let source = "24de03716b57716e0eeff289a849812175f416d8671769db5fdee62d0f28e6ea"
      for line in [
        "library_name: transformers", "license: apache-2.0", "- rotary-qkvo",
        "# Lantern, qkvo", "| source | `lantern.gguf` |", "| SHA-256 of the source | `\(source)` |",
        "| sites | qk -> qkvo |",
        "| value rotation | 48 of 48 pairs, base 10000, bias unrotated |",
      ] {
        #expect(card.contains("\(line)\n"), "\(line)")
      }
      #expect(card.contains("ropeconv 1.2.3") && card.contains("trust_remote_code=True"))
      #expect(!card.contains(folder) && !card.contains(References.package))
      #expect(!card.contains("## Measured"))
      try plan.record(
        MeasuredPerplexities(
          before: Estimate(value: 4, error: 0.05), after: Estimate(value: 5, error: .nan),
          change: Estimate(value: 25, error: 0.5), extent: "9 chunks"), version: "1.2.3")
      let measured = try text("\(folder)/README.md")
      #expect(measured.contains("| original, on 9 chunks | 4.0000 ± 0.0500 |\n"))
      #expect(measured.contains("| this folder, on 9 chunks | 5.0000 (+25.00 ± 0.50 %) |\n"))
    }
  }

  /// License and base model of a folder are those its own card states.
  @Test func licenseOfAFolderIsKept() throws {
    try export(lantern, to: .scores) { source, _ in
      let card = """
        ---
        license: other
        license_name: some-license
        base_model: owner/base
        tags:
        - license
        ---
        license: mit
        """
      try card.write(toFile: "\(source)/README.md", atomically: true, encoding: .utf8)
      try "text".write(toFile: "\(source)/LICENSE", atomically: true, encoding: .utf8)
      try export(source, to: .all) { folder, _ in
        let lines = try text("\(folder)/README.md").split(separator: "\n")
        #expect(lines.contains("license: other") && lines.contains("license_name: some-license"))
        #expect(lines.contains("base_model: owner/base") && !lines.contains("license: mit"))
        #expect(try text("\(folder)/LICENSE") == "text")
      }
    }
  }
}
