import Checkpoints
import Foundation
import TestSupport
import Testing

/// `--to keep`, and what is said of sites that a model was not trained with.
@Suite struct SitesCommandTests: CommandSuite {
  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  /// Without --to a folder becomes a GGUF file and back, its sites and its value table as they were.
  @Test func sitesAreKept() throws {
    try folder { work in
      let rove = "\(work)/rove.gguf"
      #expect(
        try run(
          "convert", Self.model, "--to", "rove", "--value-pairs", "5", "--value-base", "5e4", "-o",
          rove, "--quiet"
        ).status == 0)
      let first = try run("convert", rove, "-o", "\(work)/folder/", "--type", "f32", "--json")
      #expect(first.status == 0 && !first.errors.contains("rotate"), "\(first.errors)")
      #expect(try json(first)["sites_to"]?.string == "qkvo")
      let back = try run("convert", "\(work)/folder", "--to", "keep", "-o", "\(work)/back.gguf")
      #expect(back.status == 0 && !back.errors.contains("rotate"), "\(back.errors)")
      let (before, after) = (try Checkpoint.open(rove), try Checkpoint.open("\(work)/back.gguf"))
      for key in before.metadata.keys where key.hasPrefix("rotary.") {
        #expect(before.metadata[key] == after.metadata[key], "\(key)")
      }
      #expect(
        try run("verify", rove, "\(work)/back.gguf", "--text", Self.text, "--chunks", "1").status
          == 0)
    }
  }

  @Test func learnedPositionsAreKept() throws {
    guard let gpt2 = try References.shared("parity/gpt2") else { return }
    try folder { work in
      let kept = try run("convert", gpt2, "-o", "\(work)/kept.gguf", "--json")
      #expect(try json(kept)["sites_to"]?.string == "")
      #expect(!kept.errors.contains("rotate"), "\(kept.errors)")
      let turned = try run("convert", gpt2, "--to", "rope", "-o", "\(work)/rope.gguf", "--json")
      #expect(turned.status == 0)
      #expect(turned.errors.contains("q and k begin to rotate"), "\(turned.errors)")
      #expect(turned.errors.contains("--to keep"))
      let warnings = try json(turned)["warnings"]?.array?.compactMap(\.string) ?? []
      #expect(warnings.contains { $0.contains("q and k begin to rotate") })
    }
  }

  @Test func valuesThatBeginToTurnAreSaid() throws {
    try folder { work in
      let rove = try run("convert", Self.model, "--to", "rove", "-o", "\(work)/rove.gguf")
      #expect(rove.errors.contains("v and o begin to rotate"), "\(rove.errors)")
      #expect(rove.errors.contains("--calibrate FILE"))
      let fitted = try run(
        "convert", Self.model, "--to", "rove", "-o", "\(work)/fitted.gguf", "--calibrate",
        References.file("fixtures/lantern.calibration.txt"), "--calibrate-tokens", "2048",
        "--calibrate-ctx", "64")
      #expect(!fitted.errors.contains("begin to rotate"), "\(fitted.errors)")
      let back = try run("convert", "\(work)/rove.gguf", "--to", "rope", "-o", "\(work)/b.gguf")
      #expect(back.errors.contains("v and o no longer rotate"), "\(back.errors)")
      // Nothing is fitted to values that do not turn.
      #expect(back.errors.contains("--to keep leaves"), "\(back.errors)")
      #expect(!back.errors.contains("--calibrate"), "\(back.errors)")
    }
  }

  @Test func scoringAsAnotherVariantIsSaid() throws {
    func score(_ arguments: String...) throws -> Finished {
      try runProgram(
        Self.program,
        ["eval", "perplexity", Self.model, "--text", Self.text, "--chunks", "2"]
          + (arguments.contains("--lengths") ? [] : ["--ctx", "64"]) + arguments)
    }
    let rove = try score("--sites", "rove")
    #expect(rove.status == 0)
    #expect(rove.errors.contains("scored as qkvo where the model is qk"), "\(rove.errors)")
    #expect(try !score("--sites", "rope").errors.contains("scored as"))
    #expect(try score("--sites", "rove", "--lengths", "32,64").errors.contains("scored as qkvo"))
    #expect(try !score("--sites", "rove", "--quiet").errors.contains("scored as"))
  }

  @Test func optionsThatChangeNothingAreRefused() throws {
    try folder { work in
      let output = "\(work)/x.gguf"
      func convert(_ arguments: String...) throws -> Finished {
        try runProgram(Self.program, ["convert", Self.model, "--quiet"] + arguments)
      }
      expectFailure(try convert(), 64, containing: "-o", "--to")
      for option in [["--value-pairs", "4"], ["--value-base", "1e6"]] {
        expectFailure(
          try runProgram(Self.program, ["convert", Self.model, "-o", output] + option), 64,
          containing: "--to keep")
      }
      expectFailure(try convert("-o", output, "--still-epsilon", "1e-3"), 64, containing: "B1")
      for option in ["--ctx", "--chunks", "--stride", "--start", "--batch"] {
        expectFailure(try convert("-o", output, option, "16"), 64, containing: option, "--text")
      }
      for option in ["--calibrate-tokens", "--calibrate-ctx", "--max-increase"] {
        expectFailure(
          try convert("-o", output, "--to", "rove", option, "64"), 64, containing: "--calibrate")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    }
  }
}
