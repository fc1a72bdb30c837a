import Base
import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

/// What surrounds a call and changes its digits is part of what a result is of.
@Suite struct ConditionsTests: CommandSuite {
  private static let score = [
    "eval", "perplexity", model, "--text", text, "--ctx", "64", "--chunks", "2", "--compute", "f32",
  ]

  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  private func score(_ environment: [String: String]) throws -> JSONValue {
    let finished = try runProgram(
      Self.program, Self.score + ["--json", "--quiet"],
      environment: ["ROPECONV_ISA": "auto"].merging(environment) { $1 })
    #expect(finished.status == 0, "\(finished.errors)")
    return try json(finished)
  }

  /// What caps the library of matrix products gives other last digits, and another key.
  @Test(.enabled(if: Libraries.hasOneDNN)) func theLibrarysInstructionsAreStated() throws {
    let capped = try score(["ONEDNN_MAX_CPU_ISA": "SSE41"])
    #expect(capped["program"]?["library_instruction_set"] == "sse41")
    #expect(capped["identity"]?["arithmetic"]?["library_instruction_set"] == "sse41")
    let plain = try score([:])
    #expect(plain["key"] != capped["key"] || plain["nll"] == capped["nll"])
    // Our own kernels are the same.
    #expect(plain["program"]?["instruction_set"] == capped["program"]?["instruction_set"])
    let printed = try runProgram(
      Self.program, Self.score + ["--quiet"], environment: ["ONEDNN_MAX_CPU_ISA": "SSE41"])
    #expect(printed.output.contains(", products sse41)"), "\(printed.output)")
  }

  /// The program's data files, the activation of llama changed: another model is computed.
  private func otherFormats(in work: String) throws -> String {
    let formats = "\(work)/formats"
    try FileManager.default.copyItem(atPath: References.file("formats"), toPath: formats)
    let path = "\(formats)/architectures/llama.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changed = text.replacing(#""activation": "silu""#, with: #""activation": "gelu""#)
    #expect(changed != text)
    try changed.write(toFile: path, atomically: true, encoding: .utf8)
    return formats
  }

  @Test func dataFilesInPlaceOfTheProgramsAreStated() throws {
    try folder { work in
      let formats = try otherFormats(in: work)
      let (plain, other) = try (score([:]), score(["ROPECONV_FORMATS": formats]))
      #expect(plain["nll"] != other["nll"])
      #expect(plain["key"] != other["key"])
      #expect(plain["identity"]?["formats_sha256"] == nil)
      #expect(
        other["identity"]?["formats_sha256"]?.string == FormatResources.digest(of: formats))
      let printed = try runProgram(
        Self.program, Self.score + ["--quiet"], environment: ["ROPECONV_FORMATS": formats])
      #expect(printed.output.contains("data files sha256 "), "\(printed.output)")
    }
  }

  private static let few = ["--text", text, "--ctx", "32", "--chunks", "2"]

  private static let evaluations = [
    ["eval", "perplexity", model, "--start", "7"] + few,
    ["eval", "perplexity", model, "--stride", "8"] + few,
    ["eval", "compare", model, model, "--start", "7"] + few,
    ["eval", "bytes", model, "--text", text, "--ctx", "500", "--stride", "300"],
    [
      "eval", "needle", model, "--template", References.file("fixtures/lantern.needle.json"),
      "--lengths", "96,128", "--trials", "1", "--seed", "5", "--chat", "chatml",
    ],
    [
      "eval", "ruler", model, "--task", "niah_single_1", "--lengths", "512", "--samples", "1",
      "--mode", "nll", "--seed", "6",
    ],
    ["eval", "icl", model, "--tasks", References.file("fixtures/tasks"), "--examples", "1"],
  ]

  /// Every setting of a result's identity is in its text, those left at their defaults too.
  @Test func everySettingIsSaid() throws {
    for arguments in Self.evaluations {
      let result = try json(runProgram(Self.program, arguments + ["--json", "--quiet"]))
      let settings = try #require(result["identity"]?["settings"]?.object)
      let printed = try runProgram(Self.program, arguments + ["--quiet"]).output
      let line = try #require(
        printed.split(separator: "\n").first { $0.hasPrefix("settings    ") }, "\(printed)")
      let said = ", \(line.dropFirst(12)),"
      for (name, value) in settings where name != "left_out" {
        if name == "target_ctx", value.isNull { continue }
        #expect(said.contains(", \(name) "), "\(name): \(line)")
        if let number = value.int {
          let words = name == "prompts" ? "version \(number)" : "\(number)"
          #expect(said.contains(", \(name) \(words),"), "\(name): \(line)")
        }
      }
      if let text = result["identity"]?["text"], text.object != nil {
        #expect(said.contains(", BOS none,"))
      }
    }
  }

  /// YaRN's numbers depend on the context before it; a sweep says the settings of all its points.
  @Test func scalingsAndSweepsSayTheirParameters() throws {
    let yarn = ["--rope-scaling", "yarn", "--rope-factor", "2", "--rope-original-ctx", "96"]
    for more in [yarn, yarn + ["--lengths", "16,32"]] {
      let given = more.contains("--lengths") ? ["--text", Self.text, "--chunks", "2"] : Self.few
      let printed = try runProgram(
        Self.program, ["eval", "perplexity", Self.model, "--quiet"] + given + more
      ).output
      #expect(printed.contains("scaling yarn (factor 2, original_context 96"), "\(printed)")
      #expect(printed.contains(more.contains("--lengths") ? "ctx 16/32, " : "ctx 32, "))
    }
  }

  /// What commands without a record state of the text that they looked at.
  @Test func conversionsAndComparisonsSayWhatTheyLookedAt() throws {
    try folder { work in
      // `sha256sum fixtures/lantern.txt`.
      let hash = try #require(
        try runProgram("/usr/bin/sha256sum", [Self.text]).output.split(separator: " ").first)
      for (arguments, start) in [
        (["convert", Self.model, "-o", "\(work)/a.gguf", "--type", "f32", "--force"], 17),
        (["verify", Self.model, Self.model], 17), (["analyze", Self.model], nil),
      ] as [([String], Int?)] {
        let call = arguments + Self.few + (start.map { ["--start", "\($0)"] } ?? [])
        let result = try json(runProgram(Self.program, call + ["--json", "--quiet"]))
        let stated = try #require(arguments[0] == "convert" ? result["perplexity"] : result)
        #expect(stated["text"]?.string == Self.text)
        #expect(stated["text_sha256"]?.string == String(hash))
        #expect(stated["text_ids_sha256"]?.string?.count == 64)
        #expect(stated["text_ids_sha256"] != stated["text_sha256"])
        #expect(stated["ctx"] == 32 && stated["chunks"] == 2)
        #expect(stated["start"]?.int == start && stated["window_start"] == .null)
        let printed = try runProgram(Self.program, call + ["--quiet"]).output
        #expect(printed.contains("ctx 32, chunks 2"), "\(printed)")
        #expect(printed.contains("sha256 \(hash.prefix(16))"), "\(printed)")
        if let start { #expect(printed.contains("start \(start), BOS none"), "\(printed)") }
      }
    }
  }

  /// An output names its source by the hash that results of the source state.
  @Test func sourcesAreNamedAsResultsNameThem() throws {
    try folder { work in
      let source = "\(work)/source"
      #expect(try run("convert", Self.model, "-o", "\(source)/", "--quiet").status == 0)
      let scored = try json(
        runProgram(Self.program, ["eval", "perplexity", source, "--json", "--quiet"] + Self.few))
      let stated = try #require(scored["identity"]?["models"]?.array?.first?["sha256"]?.string)
      let weights = try #require(
        try runProgram("/usr/bin/sha256sum", ["\(source)/model.safetensors"]).output
          .split(separator: " ").first.map(String.init))
      #expect(stated != weights)
      #expect(try run("convert", source, "-o", "\(work)/back.gguf", "--quiet").status == 0)
      let metadata = try Checkpoint.open("\(work)/back.gguf").metadata
      #expect(metadata["ropeconv.source.sha256"]?.string == stated)
      #expect(metadata["ropeconv.source.weights_sha256"]?.string == weights)
      #expect(
        try run("convert", source, "--to", "rove", "-o", "\(work)/rove/", "--quiet").status == 0)
      let own = try JSONValue.read(contentsOf: "\(work)/rove/config.json")["ropeconv"]
      #expect(own?["source_sha256"]?.string == stated)
      #expect(own?["source_weights_sha256"]?.string == weights)
      let card = try String(contentsOfFile: "\(work)/rove/README.md", encoding: .utf8)
      #expect(card.contains("| SHA-256 of the source | `\(stated)` |"))
      #expect(card.contains("| SHA-256 of its weights alone | `\(weights)` |"))
      // A single file is all there is of its model.
      let single = try #require(
        try JSONValue.read(contentsOf: "\(source)/config.json")["ropeconv"])
      #expect(single["source_weights_sha256"] == nil)
    }
  }

  /// A name, a byte and a file each give another hash; what the program does not read gives none.
  @Test func everyDataFileCounts() throws {
    try folder { work in
      func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(work)/\(name)", atomically: true, encoding: .utf8)
      }
      for part in ["architectures", "recognition"] {
        try FileManager.default.createDirectory(
          atPath: "\(work)/\(part)", withIntermediateDirectories: true)
      }
      try write("architectures/a.json", "{}")
      var hashes = [FormatResources.digest(of: work)]
      try write("README.md", "of no effect")
      #expect(FormatResources.digest(of: work) == hashes[0])
      try write("architectures/a.json", "{ }")
      hashes.append(FormatResources.digest(of: work))
      try write("recognition/a.json", "{}")
      hashes.append(FormatResources.digest(of: work))
      try FileManager.default.moveItem(
        atPath: "\(work)/recognition/a.json", toPath: "\(work)/recognition/b.json")
      hashes.append(FormatResources.digest(of: work))
      #expect(Set(hashes).count == 4)
    }
  }

  /// A plan's steps are made anew under other conditions, and kept under the same.
  @Test func stepsOfPlansAreOfTheirConditions() throws {
    try folder { work in
      try """
      models: {a: \(Self.model)}
      evaluations:
        - {eval: perplexity, name: ppl, text: \(Self.text), ctx: 64, chunks: 2}
      """.write(toFile: "\(work)/plan.yaml", atomically: true, encoding: .utf8)
      let formats = try otherFormats(in: work)
      func outcome(_ environment: [String: String]) throws -> String? {
        let finished = try runProgram(
          Self.program, ["run", "\(work)/plan.yaml", "--json", "--quiet"], environment: environment)
        #expect(finished.status == 0, "\(finished.errors)")
        return try json(finished)["steps"]?.array?.first?["outcome"]?.string
      }
      for environment in [
        [:], ["ROPECONV_FORMATS": formats], ["ONEDNN_MAX_CPU_ISA": "SSE41"],
      ] {
        #expect(try outcome(environment) == "done")
        #expect(try outcome(environment) == "kept")
      }
    }
  }
}
