import Base
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
