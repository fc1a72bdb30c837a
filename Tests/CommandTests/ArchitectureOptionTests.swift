import Base
import Foundation
import TestSupport
import Testing

/// `--architectures DIR` and `ROPECONV_ARCHITECTURES`: families by data files of the user's own.
@Suite struct ArchitectureOptionTests: CommandSuite {
  /// A folder with the model of fixtures as a family of its own, `torch`, and the family's data file.
  private func make() throws -> (work: String, model: String, families: String) {
    let work = try References.temporaryFolder()
    let (model, families) = ("\(work)/torch", "\(work)/families")
    try #require(try run("convert", Self.model, "-o", "\(model)/", "--quiet").status == 0)
    try edit("\(model)/config.json") { $0["model_type"] = "torch" }
    try FileManager.default.createDirectory(atPath: families, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: References.file("formats/architectures/llama.json"), toPath: "\(families)/torch.json")
    try edit("\(families)/torch.json") {
      $0["name"] = "torch"
      $0["model_types"] = ["torch": "TorchForCausalLM"]
      $0["windowed_model_type"] = nil
    }
    return (work, model, families)
  }

  private func edit(_ path: String, _ change: (inout [String: JSONValue]) -> Void) throws {
    let object = try #require(try JSONValue.read(contentsOf: path).object)
    var members = Dictionary(uniqueKeysWithValues: object.map { ($0.key, $0.value) })
    change(&members)
    let json = JSONValue.object(
      .init(uniqueKeysWithValues: members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    try json.serialized(pretty: true).write(toFile: path, atomically: true, encoding: .utf8)
  }

  private func run(_ arguments: String..., families: String) throws -> Finished {
    try runProgram(
      Self.program, arguments,
      environment: ["ROPECONV_ISA": "avx512", "ROPECONV_ARCHITECTURES": families])
  }

  @Test func resultsStateTheFileThatTheModelWasReadBy() throws {
    let (work, model, families) = try make()
    defer { try? FileManager.default.removeItem(atPath: work) }
    expectFailure(try run("inspect", model), 65, containing: "'torch' is not supported")
    let file = "\(families)/torch.json"
    let bytes = try #require(FileManager.default.contents(atPath: file))
    let hash = SourceHash.sha256(bytes: Array(bytes))

    let text = try run("inspect", model, "--architectures", families)
    #expect(text.output.contains("read by") && text.output.contains(file), "\(text.errors)")
    let inspected = try json(run("inspect", model, "--json", families: families))
    #expect(inspected["architecture"] == "torch")
    #expect(inspected["architecture_file"]?.string == file)
    #expect(inspected["architecture_files"] == [["file": .string(file), "sha256": .string(hash)]])

    let chunks = ["--text", Self.text, "--ctx", "64", "--chunks", "2", "--quiet", "--json"]
    func scored(_ arguments: [String]) throws -> JSONValue {
      try json(
        runProgram(
          Self.program, ["eval", "perplexity"] + arguments + chunks,
          environment: ["ROPECONV_ISA": "avx512"]))
    }
    let own = try scored([model, "--architectures", families])
    try #require(try run("convert", Self.model, "-o", "\(work)/plain/", "--quiet").status == 0)
    let plain = try scored(["\(work)/plain"])
    // The same weights by the same recipe: the same digits, and another identity.
    #expect(own["per_chunk"] == plain["per_chunk"] && own["key"] != plain["key"])
    let stated = own["identity"]?["models"]?.array?.first?["architecture_file"]
    #expect(stated == ["name": "torch.json", "sha256": .string(hash)])
    #expect(plain["identity"]?["models"]?.array?.first?["architecture_file"] == nil)
    #expect(plain["architecture_files"] == nil)

    // What is written is of that family, too.
    let output = "\(work)/torch.rove.gguf"
    let converted = try run(
      "convert", model, "--to", "rove", "-o", output, "--architectures", families, "--quiet")
    #expect(converted.status == 0 && converted.output.contains(file), "\(converted.errors)")
    #expect(try run("inspect", output, families: families).output.contains("torch (variant)"))
    expectFailure(try run("inspect", output), 65, containing: "torch")
  }

  @Test func aFolderWithoutEffectOrWithFaultsIsRefused() throws {
    let (work, model, families) = try make()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for command in [["inspect", Self.model], ["convert", Self.model, "--to", "vo", "--dry-run"]] {
      let arguments = command + ["--architectures", families]
      expectFailure(
        try runProgram(Self.program, arguments), 64, containing: "--architectures has no effect")
    }
    // The environment holds for every call, whatever its model is.
    #expect(try run("inspect", Self.model, families: families).status == 0)
    #expect(try run("inspect", Self.model, families: "").status == 0)
    for path in ["\(work)/none", Self.model] {
      expectFailure(try run("inspect", model, "--architectures", path), 66, containing: path)
      expectFailure(try run("inspect", Self.model, families: path), 64, containing: path)
    }
    try edit("\(families)/torch.json") { $0["surprise"] = 1 }
    expectFailure(
      try run("inspect", model, "--architectures", families), 65,
      containing: "torch.json: unknown key 'surprise'")
    try edit("\(families)/torch.json") {
      $0["surprise"] = nil
      $0["model_types"] = ["qwen2": "Qwen2ForCausalLM"]
    }
    expectFailure(
      try run("inspect", Self.model, families: families), 65,
      containing: "'qwen2' belongs to architectures/qwen2.json already (model_types)")
  }

  /// A step of a plan is run again where the folder of the environment holds something else.
  @Test func plansReadFamiliesOfTheEnvironment() throws {
    let (work, model, families) = try make()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try """
    models: {torch: \(model)}
    evaluations: [{eval: perplexity, text: \(Self.text), ctx: 64, chunks: 1}]
    """.write(toFile: "\(work)/plan.yaml", atomically: true, encoding: .utf8)
    func steps() throws -> String {
      let finished = try run("run", "\(work)/plan.yaml", "--quiet", families: families)
      #expect(finished.status == 0, "\(finished.output) \(finished.errors)")
      return finished.output
    }
    #expect(!(try steps()).contains("kept"))
    #expect(try steps().contains("kept"))
    try edit("\(families)/torch.json") { $0["ignored"] = [] }
    #expect(!(try steps()).contains("kept"))
  }

  @Test func evaluationsWarnOfAnIgnoredShareOfAHead() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let model = "\(work)/part"
    try #require(try run("convert", Self.model, "-o", "\(model)/", "--quiet").status == 0)
    try edit("\(model)/config.json") { $0["partial_rotary_factor"] = 0.5 }
    let words = "partial_rotary_factor is 0.5, which llama models ignore"
    let chunks = ["--text", Self.text, "--ctx", "64", "--chunks", "1"]
    for command in [
      ["eval", "perplexity", model] + chunks, ["eval", "compare", Self.model, model] + chunks,
      ["eval", "perplexity", model, "--lengths", "32,64"] + ["--text", Self.text, "--chunks", "1"],
      ["verify", Self.model, model] + chunks, ["eval", "bytes", model, "--text", Self.text],
    ] {
      let finished = try runProgram(
        Self.program, command + ["--json"], environment: ["ROPECONV_ISA": "avx512"])
      #expect(finished.errors.contains("ropeconv: warning: \(words)"), "\(command)")
      let warnings = try json(finished)["warnings"]?.array?.compactMap(\.string) ?? []
      #expect(warnings.filter { $0.contains(words) }.count == 1, "\(command)")
    }
  }
}
