import Checkpoints
import Foundation
import TestSupport
import Testing

/// What `--calibrate` takes, refuses and reports.
@Suite struct CalibrationCommandTests: CommandSuite {
  private static let calibration = References.file("fixtures/lantern.calibration.txt")

  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  /// The fixture as `vo` on eight windows: held out, the fit is worse than the plain rewrite.
  @Test func aFitThatMakesThingsWorseIsNotWritten() throws {
    try folder { work in
      let finished = try run(
        "convert", Self.model, "--to", "vo", "-o", "\(work)/fit.gguf", "--calibrate",
        Self.calibration, "--calibrate-tokens", "2048", "--calibrate-ctx", "256", "--json")
      #expect(finished.status == 0)
      let report = try json(finished)
      let fit = try #require(report["fit"])
      let rewritten = try #require(fit["perplexity_rewritten"]?.double)
      let fitted = try #require(fit["perplexity_fitted"]?.double)
      let after = try #require(fit["perplexity_after"]?.double)
      try #require(fitted > rewritten)
      #expect(fit["used"]?.string == "rewritten")
      #expect(abs(after / rewritten - 1) < 1e-5)
      #expect(finished.errors.contains("the fit is not used"), "\(finished.errors)")
      #expect(report["tensors_rewritten"]?.int == 0)
      #expect(try run("convert", Self.model, "--to", "vo", "-o", "\(work)/plain.gguf").status == 0)
      let (one, other) = (
        try Checkpoint.open("\(work)/fit.gguf"), try Checkpoint.open("\(work)/plain.gguf")
      )
      for (name, tensor) in one.tensors {
        #expect(
          tensor.withBytes(Array.init) == other.tensors[name]?.withBytes(Array.init), "\(name)")
      }
      #expect(one.metadata["ropeconv.settings"]?.string?.contains("fit=none") == true)
    }
  }

  @Test func aFitThatHelpsIsWritten() throws {
    try folder { work in
      let finished = try run(
        "convert", Self.model, "--to", "rove", "-o", "\(work)/fit.gguf", "--calibrate",
        Self.calibration, "--calibrate-tokens", "4096", "--calibrate-ctx", "256", "--json")
      let fit = try #require(try json(finished)["fit"])
      #expect(fit["used"]?.string == "fitted")
      let texts = try #require(fit["texts"]?.array)
      #expect(texts.count == 1)
      #expect(texts[0]["name"]?.string == "lantern.calibration.txt")
      #expect(texts[0]["perplexity_fitted"]?.double == fit["perplexity_fitted"]?.double)
      #expect(!finished.errors.contains("not used"))
    }
  }

  /// A dry run states what the fit would be done on, in the run's own numbers.
  @Test func dryRunsStateTheFit() throws {
    try folder { work in
      func convert(_ arguments: String...) throws -> Finished {
        try runProgram(
          Self.program,
          [
            "convert", Self.model, "--to", "rove", "-o", "\(work)/fit.gguf", "--fit", "output",
            "--calibrate", Self.calibration, "--calibrate", Self.text, "--calibrate-tokens", "2100",
            "--calibrate-ctx", "64", "--quiet",
          ] + arguments)
      }
      let planned = try #require(try json(convert("--dry-run", "--json"))["fit"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
      #expect(planned["windows"]?.int == 26 && planned["held_out_windows"]?.int == 6)
      #expect(planned["ctx"]?.int == 64 && planned["tokens"]?.int == 26 * 64)
      #expect(planned["ridges"]?.array?.compactMap(\.double) == [0.001, 0.01, 0.1, 1, 10])
      #expect(planned["used"]?.string == "none")
      for key in ["before", "rewritten", "fitted", "after"] {
        #expect(planned["perplexity_\(key)"]?.isNull == true)
      }
      let done = try #require(try json(convert("--json"))["fit"])
      for key in [
        "mode", "tokens", "held_out_tokens", "windows", "held_out_windows", "ctx", "tokens_sha256",
        "ridges",
      ] {
        #expect(planned[key] != nil && planned[key] == done[key], "\(key)")
      }
      for key in ["name", "tokens_sha256", "tokens", "held_out_tokens"] {
        for index in 0..<2 {
          let (one, other) = (planned["texts"]?.array?[index], done["texts"]?.array?[index])
          #expect(one?[key] != nil && one?[key] == other?[key], "\(key)")
        }
      }
      let text = try convert("--dry-run", "--force").output
      #expect(
        text.contains("planned: output, on 1664 tokens in 26 windows of 64, 6 more held out"),
        "\(text)")
      #expect(text.contains("0.001, 0.01, 0.1, 1, 10") && text.contains("lantern.txt, 832 + 192"))
      let budget = try runProgram(
        Self.program,
        [
          "convert", Self.model, "--to", "rove", "-o", "\(work)/b.gguf", "--calibrate",
          Self.calibration, "--max-increase", "1.5", "--dry-run", "--json",
        ])
      #expect(try json(budget)["fit"]?["max_increase"]?.double == 1.5)
    }
  }

  /// Nothing begins to turn: refused before any work, in a dry run too.
  @Test func nothingToFitIsRefused() throws {
    try folder { work in
      for arguments in [
        [], ["--to", "keep"], ["--to", "rope"], ["--to", "rope", "--dry-run"],
      ] {
        expectFailure(
          try runProgram(
            Self.program,
            ["convert", Self.model, "-o", "\(work)/x.gguf", "--calibrate", Self.calibration]
              + arguments), 64, containing: "nothing to fit")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    }
  }

  /// Several texts take turns; each one's windows are held out and reported by themselves.
  @Test func textsAreMixed() throws {
    try folder { work in
      let output = "\(work)/mixed.gguf"
      func convert(_ texts: [String], _ arguments: String...) throws -> Finished {
        try runProgram(
          Self.program,
          [
            "convert", Self.model, "--to", "rove", "-o", output, "--force", "--calibrate-ctx",
            "128", "--calibrate-tokens", "4096",
          ] + texts.flatMap { ["--calibrate", $0] } + arguments,
          environment: ["ROPECONV_ISA": "avx512"])
      }
      let finished = try convert([Self.calibration, Self.text], "--json")
      #expect(finished.status == 0, "\(finished.errors)")
      let fit = try #require(try json(finished)["fit"])
      let texts = try #require(fit["texts"]?.array)
      #expect(texts.map { $0["name"]?.string } == ["lantern.calibration.txt", "lantern.txt"])
      #expect(texts.map { $0["tokens"]?.int } == [13 * 128, 13 * 128])
      #expect(texts.map { $0["held_out_tokens"]?.int } == [3 * 128, 3 * 128])
      #expect(fit["tokens"]?.int == 26 * 128 && fit["held_out_tokens"]?.int == 6 * 128)
      #expect(texts[0]["tokens_sha256"] != texts[1]["tokens_sha256"])
      for key in ["before", "rewritten", "fitted", "after"] {
        // Both texts hold out as many targets: the mean of the logarithms is the whole's.
        let each = try texts.map { log(try #require($0["perplexity_\(key)"]?.double)) }
        let whole = log(try #require(fit["perplexity_\(key)"]?.double))
        #expect(each[0] != each[1])
        #expect(abs(each.reduce(0, +) / 2 - whole) < 1e-9, "\(key)")
      }
      let stored = try Checkpoint.open(output).metadata["ropeconv.fit.texts"]?.strings ?? []
      #expect(
        stored.map { $0.split(separator: " ").last } == ["lantern.calibration.txt", "lantern.txt"])
      // Hashes of texts are those of their bytes, hashes of ids are called so.
      let hashes = try [Self.calibration, Self.text].map {
        try runProgram("/usr/bin/sha256sum", [$0]).output.split(separator: " ").first.map(
          String.init)
      }
      #expect(stored.map { $0.split(separator: " ").first.map(String.init) } == hashes)
      #expect(texts.map { $0["text_sha256"]?.string } == hashes)
      let ids = try Checkpoint.open(output).metadata["ropeconv.fit.texts_ids_sha256"]?.strings
      #expect(ids == texts.compactMap { $0["tokens_sha256"]?.string } && ids?.count == 2)
      let text = try convert([Self.calibration, Self.text], "--quiet")
      #expect(text.output.contains("lantern.txt, 1664 + 384 tokens"), "\(text.output)")
      // The other kind's text changes the fit.
      let alone = try json(convert([Self.calibration], "--json", "--quiet"))["fit"]
      #expect(alone?["tokens_sha256"] != fit["tokens_sha256"])
      let short = "\(work)/short.txt"
      try String(repeating: "A short one. ", count: 20)
        .write(toFile: short, atomically: true, encoding: .utf8)
      expectFailure(try convert([Self.calibration, short], "--quiet"), 65, containing: "short.txt")
      expectFailure(try convert(["-", "-"]), 64, containing: "standard input")
    }
  }

  /// A plan's list of texts is one option for each, beside the plan.
  @Test func plansNameSeveralTexts() throws {
    try folder { work in
      try FileManager.default.copyItem(atPath: Self.calibration, toPath: "\(work)/a.txt")
      try FileManager.default.copyItem(atPath: Self.text, toPath: "\(work)/b.txt")
      let plan = """
        output: results
        models: {lantern: \(Self.model)}
        conversions:
          rove: {model: lantern, to: qkvo, calibrate: [a.txt, b.txt], calibrate-tokens: 2048,
            calibrate-ctx: 64}
        """
      try plan.write(toFile: "\(work)/plan.yaml", atomically: true, encoding: .utf8)
      let finished = try run("run", "\(work)/plan.yaml", "--quiet")
      #expect(finished.status == 0, "\(finished.errors)")
      let texts = try Checkpoint.open("\(work)/results/models/rove.gguf")
        .metadata["ropeconv.fit.texts"]?.strings
      #expect(texts?.map { $0.split(separator: " ").last } == ["a.txt", "b.txt"])
    }
  }

  /// A fitted file in another container still says how it was fitted; one of another rotation, whose
  /// weights it are all the same, says what they were fitted for, without what was measured as such.
  @Test func aKeptConversionKeepsTheFitsRecord() throws {
    try folder { work in
      let fitted = "\(work)/fitted.gguf"
      #expect(
        try run(
          "convert", Self.model, "--to", "rove", "-o", fitted, "--calibrate", Self.calibration,
          "--calibrate-tokens", "2048", "--calibrate-ctx", "64", "--quiet"
        ).status == 0)
      #expect(try run("convert", fitted, "-o", "\(work)/folder/", "--quiet").status == 0)
      #expect(
        try run("convert", "\(work)/folder", "-o", "\(work)/back.gguf", "--quiet").status == 0)
      let (first, last) = (
        try Checkpoint.open(fitted).metadata, try Checkpoint.open("\(work)/back.gguf").metadata
      )
      for key in ["settings", "fit.perplexity_fitted", "fit.texts", "fit.texts_ids_sha256"] {
        #expect(first["ropeconv.\(key)"] != nil)
        #expect(key == "settings" || first["ropeconv.\(key)"] == last["ropeconv.\(key)"], "\(key)")
      }
      #expect(last["ropeconv.settings"]?.string?.contains("fit=full") == true)
      #expect(
        try run("convert", fitted, "--to", "rope", "-o", "\(work)/rope.gguf", "--quiet").status == 0
      )
      let plain = try Checkpoint.open("\(work)/rope.gguf").metadata
      #expect(plain["ropeconv.fit.perplexity_fitted"] == nil)
      #expect(plain["ropeconv.fit.texts"] == first["ropeconv.fit.texts"])
      #expect(plain["ropeconv.fit.sites"]?.string == "qkvo")
      let settings = plain["ropeconv.settings"]?.string ?? ""
      #expect(settings.hasPrefix("sites=qk fit=full ") && settings.hasSuffix(" fitted-for=qkvo"))
      let scored = try run(
        "eval", "perplexity", "\(work)/rope.gguf", "--text", Self.text, "--ctx", "64", "--chunks",
        "1", "--json")
      #expect(
        try json(scored)["models"]?.array?.first?["variant"] == "RoPE, weights fitted for qkvo")
    }
  }
}
