import Base
import Checkpoints
import Foundation
import Models
import TestSupport
import Testing

/// What is said of a fitted model: which texts it was fitted on, and whether its weights still are those.
@Suite struct FittedModelTests: CommandSuite {
  private static let calibration = References.file("fixtures/lantern.calibration.txt")
  private static let leak = "is (in part) calibration text"

  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  private func fit(_ output: String, _ arguments: String...) throws -> Finished {
    try runProgram(
      Self.program,
      [
        "convert", Self.model, "--to", "rove", "-o", output, "--calibrate", Self.calibration,
        "--calibrate-tokens", "2048", "--calibrate-ctx", "64",
      ] + arguments, environment: ["ROPECONV_ISA": "avx512"])
  }

  private func scored(
    _ model: String, on text: String = Self.text, with option: String = "--text"
  ) throws -> (errors: String, result: JSONValue) {
    let finished = try run(
      "eval", "perplexity", model, option, text, "--ctx", "64", "--chunks", "1", "--json")
    #expect(finished.status == 0, "\(finished.errors)")
    return (finished.errors, try json(finished))
  }

  /// 2,048 tokens are a part of the text; all of it counts as calibration text, by bytes or by ids.
  @Test func aScoreOfTheCalibrationTextIsCalledSo() throws {
    try folder { work in
      let chunks = ["--ctx", "64", "--chunks", "2"]
      for (text, isLeak) in [(Self.calibration, true), (Self.text, false)] {
        let finished = try runProgram(
          Self.program,
          [
            "convert", Self.model, "--to", "rove", "-o", "\(work)/fitted/", "--force",
            "--calibrate", Self.calibration, "--calibrate-tokens", "2048", "--calibrate-ctx", "64",
            "--text", text, "--json",
          ] + chunks)
        #expect(finished.status == 0, "\(finished.errors)")
        let result = try json(finished)
        #expect(finished.errors.contains(Self.leak) == isLeak, "\(finished.errors)")
        #expect(result["perplexity"]?["calibration_text"]?.bool == (isLeak ? true : nil))
        let warnings = result["warnings"]?.array?.compactMap(\.string) ?? []
        #expect(warnings.contains { $0.contains(Self.leak) } == isLeak)
        let card = try String(contentsOfFile: "\(work)/fitted/README.md", encoding: .utf8)
        #expect(card.contains("(in part) calibration text of the fit") == isLeak, "\(card)")

        let (errors, score) = try scored("\(work)/fitted", on: text)
        #expect(errors.contains(Self.leak) == isLeak, "\(errors)")
        #expect(score["calibration_text"]?.bool == (isLeak ? true : nil))
        #expect((score["warnings"] != nil) == isLeak)
        #expect(try scored(Self.model, on: text).result["calibration_text"] == nil)
      }
      let tokens = try run("tokenize", Self.model, "--text", Self.calibration, "--json")
      let ids = try #require(try json(tokens)["tokens"])
      try ids.serialized(pretty: false)
        .write(toFile: "\(work)/ids.json", atomically: true, encoding: .utf8)
      let (errors, _) = try scored("\(work)/fitted", on: "\(work)/ids.json", with: "--tokens")
      #expect(errors.contains("ids.json: \(Self.leak)"), "\(errors)")
      // The other model of a comparison is the fitted one.
      let compared = try run(
        "eval", "compare", Self.model, "\(work)/fitted", "--text", Self.calibration, "--ctx", "64",
        "--chunks", "1")
      #expect(compared.errors.contains("\(Self.leak) of \(work)/fitted,"), "\(compared.errors)")
      #expect(compared.output.contains("(in part) calibration text of the fit"))
      let chunk = ["--ctx", "64", "--chunks", "1"]
      for (text, isLeak) in [(Self.calibration, true), (Self.text, false)] {
        for arguments in [
          ["verify", Self.model, "\(work)/fitted"],
          ["analyze", "\(work)/fitted", "--imatrix", "\(work)/\(isLeak).gguf"],
        ] {
          let finished = try runProgram(Self.program, arguments + ["--text", text] + chunk)
          #expect(finished.errors.contains(Self.leak) == isLeak, "\(finished.errors)")
        }
      }
    }
  }

  /// Curves of the fitted model alone say it, and the sweep that holds one; a report of it says it too.
  @Test func sweepsSayWhichCurvesAreOfTheCalibrationText() throws {
    try folder { work in
      let fitted = "\(work)/fitted.gguf"
      #expect(try fit(fitted, "--quiet").status == 0)
      func sweep(_ arguments: String..., on text: String = Self.calibration) throws -> JSONValue {
        let finished = try runProgram(
          Self.program,
          ["eval", "perplexity"] + arguments + ["--text", text, "--chunks", "2", "--json"])
        #expect(finished.status == 0, "\(finished.errors)")
        return try json(finished)
      }
      func curves(_ sweep: JSONValue) -> [Bool?] {
        (sweep["sweeps"]?.array ?? []).map { $0["calibration_text"]?.bool }
      }
      let lengths = try sweep(fitted, "--lengths", "64,128")
      #expect(lengths["calibration_text"]?.bool == true && curves(lengths) == [true])
      let models = try sweep(Self.model, fitted, "-c", "128")
      #expect(models["calibration_text"]?.bool == true && curves(models) == [nil, true])
      let other = try sweep(Self.model, fitted, "-c", "128", on: Self.text)
      #expect(other["calibration_text"] == nil && curves(other) == [nil, nil])
      for (result, isLeak) in [(models, true), (other, false)] {
        try result.serialized(pretty: false)
          .write(toFile: "\(work)/r.json", atomically: true, encoding: .utf8)
        let page = "\(work)/\(isLeak).html"
        #expect(try run("report", "\(work)/r.json", "-o", page).status == 0)
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("or on a part of it (calibration text): ") == isLeak)
      }
    }
  }

  /// One text under two names, or twice under one, is no two texts.
  @Test func equalCalibrationTextsAreRefused() throws {
    try folder { work in
      try FileManager.default.copyItem(atPath: Self.calibration, toPath: "\(work)/copy.txt")
      for text in ["\(work)/copy.txt", Self.calibration] {
        expectFailure(
          try fit("\(work)/out.gguf", "--calibrate", text), 64, containing: "are the same text",
          "--calibrate")
      }
      #expect(!FileManager.default.fileExists(atPath: "\(work)/out.gguf"))
    }
  }

  /// The digest of a file's fitted weights, as formats/rotary.md says, by sha256sum.
  private func digest(_ model: Checkpoint, _ names: [String], in work: String) throws -> String {
    func sum(_ bytes: Data) throws -> String {
      try bytes.write(to: URL(fileURLWithPath: "\(work)/bytes"))
      return String(try runProgram("/usr/bin/sha256sum", ["\(work)/bytes"]).output.prefix(64))
    }
    let sums = try names.sorted().map { name in
      try sum(#require(model.tensors[name]).decoded().withUnsafeBytes { Data($0) })
    }
    return try sum(Data(sums.joined().utf8))
  }

  private func variant(_ model: String) throws -> String? {
    try scored(model).result["models"]?.array?.first?["variant"]?.string
  }

  @Test func theDigestIsOfTheWeightsAsTheyStand() throws {
    try folder { work in
      let fitted = "\(work)/fitted.gguf"
      #expect(try fit(fitted, "--quiet").status == 0)
      #expect(try run("convert", fitted, "-o", "\(work)/folder/", "--quiet").status == 0)
      for type in ["f32", "q8_0"] {
        let output = "\(work)/\(type).gguf"
        #expect(
          try run("convert", "\(work)/folder", "--type", type, "-o", output, "--quiet").status == 0)
      }
      let names = (0..<3).flatMap { ["blk.\($0).attn_v.weight", "blk.\($0).attn_output.weight"] }
      var stated: [String?] = []
      for file in ["fitted", "f32", "q8_0"] {
        let model = try Checkpoint.open("\(work)/\(file).gguf")
        stated.append(model.metadata["ropeconv.fit.weights_sha256"]?.string)
        #expect(try stated.last == digest(model, names, in: work), "\(file)")
        #expect(model.metadata["ropeconv.fit.perplexity_fitted"] != nil)
        #expect(try variant("\(work)/\(file).gguf") == "RoVE, fitted")
      }
      // float32 holds the numbers of float16, 8 bits do not.
      #expect(stated[0] == stated[1] && stated[0] != stated[2])
      #expect(try variant("\(work)/folder") == "RoVE, fitted")
    }
  }

  /// What training after the fit does: other numbers beside the old statement.
  @Test func weightsChangedAfterTheFitAreCalledSo() throws {
    try folder { work in
      #expect(try fit("\(work)/folder/", "--quiet").status == 0)
      let model = try Checkpoint.open("\(work)/folder")
      let tensor = try #require(model.tensors["model.layers.1.self_attn.v_proj.weight"])
      let path = "\(work)/folder/model.safetensors"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      let place = tensor.range.lowerBound
      #expect(bytes[place..<(place + 64)] != Data(count: 64))
      bytes.replaceSubrange(place..<(place + 64), with: Data(count: 64))
      try bytes.write(to: URL(fileURLWithPath: path))

      let score = try scored("\(work)/folder").result
      #expect(score["models"]?.array?.first?["variant"] == "RoVE, fitted, then changed")
      let stated = score["identity"]?["models"]?.array?.first?["rotation"]?["fit"]
      #expect(stated?["changed"]?.bool == true && stated?["perplexity_fitted"] == nil)
      let finished = try run("convert", "\(work)/folder", "-o", "\(work)/changed.gguf")
      #expect(finished.status == 0)
      #expect(finished.errors.contains("changed after their fit"), "\(finished.errors)")
      let metadata = try Checkpoint.open("\(work)/changed.gguf").metadata
      #expect(metadata["ropeconv.fit.changed"]?.bool == true)
      #expect(metadata["ropeconv.fit.perplexity_fitted"] == nil)
      #expect(metadata["ropeconv.fit.weights_sha256"] == nil)
      #expect(metadata["ropeconv.settings"]?.string?.hasSuffix(" fit-changed=yes") == true)
      // It stays so, and the text that they were fitted on stays one.
      #expect(try variant("\(work)/changed.gguf") == "RoVE, fitted, then changed")
      let leaked = try scored("\(work)/changed.gguf", on: Self.calibration)
      #expect(leaked.result["calibration_text"]?.bool == true)
    }
  }

  // MARK: - A model of random weights, fitted on random ids

  /// Writes ids by the rule of a linear congruential generator, which nothing can be learned of.
  private func writeIDs(_ count: Int, seed: Int, to path: String) throws {
    var state = seed
    let ids = (0..<count).map { _ -> JSONValue in
      state = (state * 1_103_515_245 + 12_345) % (1 << 31)
      return .integer(Int64((state >> 8) % 320))
    }
    try JSONValue.array(ids).serialized(pretty: false)
      .write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// Calls `body` with a folder that holds `ids.json` and `fitted.gguf`, a RoVE fitted on them.
  private func fittedOnIDs(_ body: (String) throws -> Void) throws {
    guard let source = try References.shared("parity/llama") else { return }
    try folder { work in
      try writeIDs(2048, seed: 1, to: "\(work)/ids.json")
      let finished = try run(
        "convert", source, "-o", "\(work)/fitted.gguf", "--to", "qkvo", "--calibrate-tokens-from",
        "\(work)/ids.json", "--calibrate-tokens", "1024", "--calibrate-ctx", "64", "--json",
        "--quiet")
      #expect(finished.status == 0, "\(finished.errors)")
      #expect(try json(finished)["fit"]?["used"]?.string == "fitted")
      try body(work)
    }
  }

  private func facts(_ path: String) throws -> [String: JSONValue] {
    let metadata = try Checkpoint.open(path).metadata
    return Dictionary(
      uniqueKeysWithValues: metadata.filter { $0.key.hasPrefix("ropeconv.fit.") }.map {
        ($0.key, JSONValue(metadata: $0.value))
      })
  }

  /// The weights stay those of the first fit, and what is said of them stays too.
  @Test func aSecondFitThatIsNotUsedLeavesTheFirst() throws {
    try fittedOnIDs { work in
      try writeIDs(512, seed: 2, to: "\(work)/other.json")
      let output = "\(work)/second.gguf"
      let finished = try run(
        "convert", "\(work)/fitted.gguf", "-o", output, "--to", "qk", "--fit", "output",
        "--calibrate-tokens-from", "\(work)/other.json", "--calibrate-tokens", "256",
        "--calibrate-ctx", "64", "--json", "--quiet")
      #expect(finished.status == 0, "\(finished.errors)")
      #expect(try json(finished)["fit"]?["used"]?.string == "rewritten")

      let (first, second) = try (facts("\(work)/fitted.gguf"), facts(output))
      #expect(second["ropeconv.fit.mode"] == "full")
      #expect(second["ropeconv.fit.sites"] == "qkvo")
      for key in ["texts_ids_sha256", "weights_sha256"] {
        let key = "ropeconv.fit.\(key)"
        #expect(second[key] != nil && second[key] == first[key], "\(key)")
      }
      let (errors, score) = try scored(output, on: "\(work)/ids.json", with: "--tokens")
      #expect(score["calibration_text"]?.bool == true && errors.contains(Self.leak))
      #expect(
        score["models"]?.array?.first?["variant"]?.string == "RoPE, weights fitted for qkvo")
      let other = try scored(output, on: "\(work)/other.json", with: "--tokens")
      #expect(other.result["calibration_text"] == nil)
    }
  }

  @Test func weightsThatTurnAsTheyWereFittedAgainAreFittedOnes() throws {
    try fittedOnIDs { work in
      var last = "\(work)/fitted.gguf"
      for (sites, words) in [
        ("qk", "RoPE, weights fitted for qkvo"), ("vo", "VO-RoPE, weights fitted for qkvo"),
        ("qkvo", "RoVE, fitted"),
      ] {
        let output = "\(work)/\(sites).gguf"
        #expect(
          try run("convert", last, "--to", sites, "-o", output, "--quiet").status == 0)
        let score = try scored(output, on: "\(work)/ids.json", with: "--tokens").result
        #expect(score["models"]?.array?.first?["variant"]?.string == words)
        last = output
      }
      let (first, back) = try (facts("\(work)/fitted.gguf"), facts(last))
      #expect(back["ropeconv.fit.sites"] == nil)
      #expect(back["ropeconv.fit.weights_sha256"] == first["ropeconv.fit.weights_sha256"])
    }
  }

  /// Files of before have no mode, and say in the settings' line alone that their fit was not written.
  @Test(arguments: [("none", "RoVE"), ("full", "RoVE, fitted")])
  func theModeOfAFileOfBefore(mode: String, words: String) throws {
    try fittedOnIDs { work in
      let model = try Checkpoint.open("\(work)/fitted.gguf")
      var metadata = model.metadata
      for key in ["mode", "weights_sha256"] { metadata["ropeconv.fit.\(key)"] = nil }
      metadata["ropeconv.settings"] = .string("sites=qkvo fit=\(mode) calibrate-ctx=64")
      let tensors = model.tensors.values.map {
        OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
      }
      _ = try GGUFWriter.write(
        to: "\(work)/old.gguf", metadata: metadata, tensors: tensors, force: false, inputs: [])
      let again = try run("convert", "\(work)/old.gguf", "-o", "\(work)/again.gguf", "--quiet")
      #expect(again.status == 0)
      #expect(try facts("\(work)/again.gguf")["ropeconv.fit.mode"] == .string(mode))
      for file in ["old", "again"] {
        let score = try scored(
          "\(work)/\(file).gguf", on: "\(work)/ids.json", with: "--tokens"
        ).result
        #expect(score["models"]?.array?.first?["variant"]?.string == words, "\(file)")
        #expect((score["calibration_text"] != nil) == (mode != "none"), "\(file)")
      }
      // What a used fit states stays as it was in the file's own results.
      let stated = try scored("\(work)/old.gguf", on: "\(work)/ids.json", with: "--tokens").result
      let fit = stated["identity"]?["models"]?.array?.first?["rotation"]?["fit"]
      #expect(fit?["mode"]?.string == (mode == "none" ? mode : nil))
    }
  }
}
