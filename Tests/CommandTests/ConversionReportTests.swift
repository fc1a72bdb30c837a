import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// What `convert` says of its input, of the text it scored and of the keys it sets.
@Suite struct ConversionReportTests: CommandSuite {
  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  /// A whole text can take an hour: 32 chunks are scored unless more are asked for, and it is said.
  @Test func scoringHasADefaultSize() throws {
    try folder { work in
      func convert(_ arguments: String...) throws -> Finished {
        try runProgram(
          Self.program,
          [
            "convert", Self.model, "-o", "\(work)/x.gguf", "--force", "--text", Self.text, "--ctx",
            "32",
          ]
            + arguments)
      }
      let report = try json(convert("--json"))
      #expect(report["kind"]?.string == "convert")
      #expect(report["model"]?.string == Self.model && report["input"]?.string == Self.model)
      let perplexity = try #require(report["perplexity"])
      #expect(perplexity["chunks"]?.int == 32)
      #expect(perplexity["chunks_available"]?.int ?? 0 > 32)
      #expect(perplexity["ctx"]?.int == 32 && perplexity["text"]?.string == Self.text)
      #expect(perplexity["text_sha256"]?.string?.count == 64)
      #expect(perplexity["score"]?.string == "second-half")
      #expect(perplexity["before"] == perplexity["after"] && perplexity["before"]?.double != nil)
      #expect(try convert().output.contains("the first 32 of "))
      #expect(try json(convert("--json", "--chunks", "33"))["perplexity"]?["chunks"]?.int == 33)
    }
  }

  /// Each of the three scores is what `eval perplexity` gives by itself, and the two costs make the whole.
  @Test func costsOfRotatingAndOfQuantizingStandApart() throws {
    try folder { work in
      let output = "\(work)/x.gguf"
      let text = ["--text", Self.text, "--ctx", "64", "--chunks", "6"]
      func convert(_ more: String...) throws -> Finished {
        try runProgram(
          Self.program,
          ["convert", Self.model, "-o", output, "--force", "--quiet"] + text + more,
          environment: ["ROPECONV_ISA": "avx512"])
      }
      func score(_ arguments: String...) throws -> JSONValue {
        try json(
          runProgram(
            Self.program, ["eval", "perplexity"] + arguments + text + ["--json", "--quiet"],
            environment: ["ROPECONV_ISA": "avx512"]))
      }
      let report = try json(convert("--to", "rove", "--type", "q2_k", "--json"))
      let found = try #require(report["perplexity"])
      for (name, alone) in try [
        ("before", score(Self.model)), ("rotated", score(Self.model, "--sites", "rove")),
        ("after", score(output)),
      ] {
        #expect(found[name] == alone["ppl"] && found[name]?.double != nil)
        #expect(found["\(name)_stderr"] == alone["ppl_stderr"])
      }
      func nats(_ name: String) throws -> Double {
        try #require(found[name]?["nll"]?.double)
      }
      #expect(abs(try nats("rotating") + nats("quantizing") - nats("difference")) < 1e-12)
      #expect(try nats("quantizing") != 0 && nats("rotating") > 0)
      #expect(found["difference"]?["nll_stderr"]?.double ?? 0 > 0)
      let lines = try convert("--to", "rove", "--type", "q2_k").output
      #expect(lines.contains("rotating costs +") && lines.contains("quantizing as q2_k"))
      // Nothing to tell apart: another type alone, or other sites alone.
      for more in [["--type", "q2_k"], ["--to", "rove", "--type", "f16"], ["--to", "rove"]] {
        let plain = try json(
          runProgram(
            Self.program,
            ["convert", Self.model, "-o", output, "--force", "--json", "--quiet"] + text + more))
        #expect(plain["perplexity"]?["rotated"]?.isNull == true)
        #expect(plain["perplexity"]?["difference"]?["nll"]?.double != nil)
      }
    }
  }

  @Test func dryRunsShowEdits() throws {
    try folder { work in
      func convert(_ arguments: String...) throws -> Finished {
        try runProgram(
          Self.program,
          [
            "convert", Self.model, "-o", "\(work)/x.gguf", "--dry-run", "--set",
            "general.name=Lamp", "--set", "lantern.size=7", "--set", "llama.context_length=256",
            "--remove", "general.license",
          ] + arguments)
      }
      let text = try convert()
      #expect(text.status == 0, "\(text.errors)")
      #expect(text.output.contains("general.name: \"Lantern\" -> \"Lamp\""), "\(text.output)")
      #expect(text.output.contains("removed    general.license"))
      #expect(text.errors.contains("the key 'lantern.size' is known to no reader here"))
      #expect(!text.errors.contains("context_length") && !text.errors.contains("general."))
      let report = try json(convert("--json", "--quiet"))
      let edits = try #require(report["edits"]?.array)
      #expect(
        edits.map { $0["key"]?.string }
          == ["general.name", "lantern.size", "llama.context_length", "general.license"])
      #expect(edits[1]["old"]?.isNull == true && edits[1]["new"]?.int == 7)
      #expect(edits[2]["old"]?.int == 512 && edits[2]["new"]?.int == 256)
      #expect(edits[3]["removed"]?.bool == true && edits[3]["old"]?.string != nil)
      #expect(report["warnings"]?.array?.count == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    }
  }

  @Test func unknownMembersOfConfigurationsWarn() throws {
    try folder { work in
      let finished = try run(
        "convert", Self.model, "-o", "\(work)/folder/", "--dry-run", "--set", "note=x", "--set",
        "rope_parameters.x=1", "--set", "rope_parameters.rope_theta=5000", "--set",
        "sliding_window=8")
      #expect(finished.status == 0)
      #expect(finished.errors.contains("the key 'note'"))
      #expect(finished.errors.contains("the key 'rope_parameters.x'"))
      #expect(!finished.errors.contains("rope_theta"))
      // Of a llama folder the reference does not read it.
      #expect(finished.errors.contains("the key 'sliding_window'"))
    }
  }

  /// What is written must be read again: JSON of more than 512 levels is not.
  @Test func keysAndValuesThatAreTooDeep() throws {
    func path(_ parts: Int) -> String { Array(repeating: "a", count: parts).joined(separator: ".") }
    func list(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    try folder { work in
      func edited(_ option: String, _ text: String) throws -> Finished {
        try run(
          "convert", Self.model, "-o", "\(work)/folder/", option, text, "--quiet", "--force")
      }
      expectFailure(
        try edited("--set", "\(path(600))=5"), 64, containing: "600 parts, expected at most 32")
      expectFailure(
        try edited("--remove", path(33)), 64, containing: "33 parts, expected at most 32")
      expectFailure(
        try edited("--set", "\(path(2))=\(list(511))"), 64,
        containing: "the value of the key 'a.a' is nested too deep")
      #expect(!FileManager.default.fileExists(atPath: "\(work)/folder"))
      for text in ["\(path(32))=5", "\(path(2))=\(list(510))"] {
        #expect(try edited("--set", text).status == 0)
        #expect(try run("inspect", "\(work)/folder/").status == 0)
      }
    }
  }

  /// A dry run refuses what the run itself would.
  @Test func dryRunsRefuseWhatRunsRefuse() throws {
    try folder { work in
      let there = "\(work)/there.gguf"
      try "keep".write(toFile: there, atomically: true, encoding: .utf8)
      func dry(_ arguments: String...) throws -> Finished {
        try runProgram(Self.program, ["convert", Self.model, "--dry-run", "--quiet"] + arguments)
      }
      expectFailure(try dry("-o", there), 73)
      expectFailure(try dry("-o", "\(work)/x.gguf", "--text", there), 65, containing: "there.gguf")
      expectFailure(
        try dry("-o", "\(work)/x.gguf", "--to", "rove", "--calibrate", there), 65,
        containing: "there.gguf")
      expectFailure(try dry("-o", "\(work)/x.gguf", "--set", "llama.block_count=many"), 64)
    }
  }
}
