import Checkpoints
import Foundation
import TestSupport
import Testing

/// What a user takes for a model or a text by mistake, and command lines that are nearly right: each
/// has a sentence of its own.
@Suite struct WrongInputTests: CommandSuite {
  @Test(arguments: [
    (["perplexity", model, "--text", text], "'ropeconv eval perplexity'"),
    (["eval", model, "--text", text], "'ropeconv eval perplexity"),
    (["eval", model, "needle"], "'ropeconv eval needle"),
    ([model, "inspect"], "'ropeconv inspect"),
    (["eval", "perplexty", model], "did you mean 'ropeconv eval perplexity'"),
    (["inspct", model], "did you mean 'ropeconv inspect'"),
    (["help", "eval", "perplexty"], "did you mean 'ropeconv eval perplexity'"),
    (
      ["eval", "perplexity", model, "--ctxx", "5"],
      "did you mean --ctx? see 'ropeconv eval perplexity"
    ),
    (["eval", "perplexity", model, "-ctx", "5"], "did you mean --ctx?"),
    (
      ["eval", "needle", model, "--trails", "5"], "did you mean --trials? see 'ropeconv eval needle"
    ),
    (["convert", model, "--too", "qk"], "did you mean --to?"),
    (["inspect", model, "--depths", "5"], "--depths is an option of 'ropeconv eval needle'"),
    (["eval", "needle", model, "--text", text], "'ropeconv eval needle' takes --haystack"),
    (["eval", "ruler", model, "--text=\(text)"], "'ropeconv eval ruler' takes --essays"),
    (["eval", "needle", model, "--ctx", "512"], "'ropeconv eval needle' takes --lengths"),
    (["convert", model, "--sites", "qk"], "'ropeconv convert' takes --to"),
    (["--json", "inspect", model], "options come after"),
    (["eval", "compare", model], "'ropeconv eval compare --help'"),
    (["inspect", model, "-c", "5"], "-c is an option of 'ropeconv convert'"),
    (["eval", "needle", model, "-c", "512"], "'ropeconv eval needle' takes --lengths"),
    (["inspect", model, "-model", model], "did you mean --model?"),
    (["inspect", model, "-m", model], "2 models are given, expected one"),
    (["diff", "-m", model], "'<other>'"),
    (["eval", "perplexity", "--text", text], "'<model>'"),
    (["archive", "verify"], "'ropeconv archive verify --help'"),
  ])
  func aWrongLineNamesTheRightOne(_ arguments: [String], _ words: String) throws {
    let finished = try runProgram(Self.program, arguments)
    #expect(finished.status == 64)
    let lines = finished.errors.split(separator: "\n")
    #expect(lines.count == 2, "\(finished.errors)")
    #expect(lines.last?.hasPrefix("hint: ") == true, "\(finished.errors)")
    #expect(finished.errors.contains(words), "\(finished.errors)")
  }

  @Test func modelsThatAreNone() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let files = FileManager.default
    #expect(try run("convert", Self.model, "--to", "qk", "-o", "\(work)/hf/").status == 0)
    for name in ["lora", "cache/snapshots", "cache/refs", "partial", "empty"] {
      try files.createDirectory(atPath: "\(work)/\(name)", withIntermediateDirectories: true)
    }
    let weights = try #require(files.contents(atPath: "\(work)/hf/model.safetensors"))
    let gguf = try #require(files.contents(atPath: Self.model))
    func put(_ data: Data, _ name: String) {
      _ = files.createFile(atPath: "\(work)/\(name)", contents: data)
    }
    put(weights, "lone.safetensors")
    put(weights, "lora/adapter_model.safetensors")
    put(Data(#"{"base_model_name_or_path": "owner/base"}"#.utf8), "lora/adapter_config.json")
    put(gguf.prefix(100_000), "cut.gguf")
    put(weights.prefix(100_000), "hf/model.safetensors")
    put(gguf.prefix(1000), "partial/model.gguf.part")
    put(Data("PK\u{3}\u{4}".utf8), "pytorch_model.bin")
    for (path, status, words) in [
      ("Owner/Some-Model-1B", 66, "hf download Owner/Some-Model-1B"),
      ("no/such.gguf", 66, "no such file or folder"),
      (Self.text, 65, "is a text, not a model"),
      ("hf/config.json", 65, "give the folder it lies in"),
      ("lone.safetensors", 65, "no config.json lies beside it"),
      ("lora", 65, "adapter (LoRA) for 'owner/base'"),
      ("lora/adapter_model.safetensors", 65, "adapter (LoRA)"),
      ("cut.gguf", 65, "download that stopped early"),
      ("hf", 65, "download that stopped early"),
      ("partial", 65, "'model.gguf.part'"),
      ("partial/model.gguf", 66, "the download is not finished"),
      ("cache", 65, "snapshots/"),
      ("empty", 65, "neither config.json nor a GGUF model"),
      ("pytorch_model.bin", 65, "PyTorch"),
    ] as [(String, Int32, String)] {
      // A model's name on a hub is told from where no such folder lies.
      let script = "cd '\(work)' && exec '\(Self.program)' inspect '\(path)'"
      expectFailure(try runProgram("/bin/sh", ["-c", script]), status, containing: words)
    }
  }

  @Test func textsThatAreNone() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    #expect(try run("convert", Self.model, "--to", "qk", "-o", "\(work)/hf/").status == 0)
    func put(_ bytes: [UInt8], _ name: String) -> String {
      _ = FileManager.default.createFile(atPath: "\(work)/\(name)", contents: Data(bytes))
      return "\(work)/\(name)"
    }
    let text = try #require(FileManager.default.contents(atPath: Self.text)).prefix(4000)
    for (path, status, words) in [
      (Self.model, 65, "is a model (GGUF), not a text"),
      ("\(work)/hf/model.safetensors", 65, "is a model (safetensors), not a text"),
      ("\(work)/hf", 66, "is a folder"),
      (put(Array(text) + [0, 1, 2], "zero"), 65, "is binary, not a text: byte 4000 is 0"),
      (put([UInt8](repeating: 0xE9, count: 5000), "latin"), 65, "UTF-8"),
      (put([0x1F, 0x8B, 8, 0], "t.gz"), 65, "gzip"),
    ] as [(String, Int32, String)] {
      expectFailure(
        try run("eval", "perplexity", Self.model, "--text", path, "--ctx", "64"), status,
        containing: words)
    }
    expectFailure(
      try run("eval", "needle", Self.model, "--haystack", Self.model), 65, containing: "GGUF")
    expectFailure(
      try run(
        "convert", Self.model, "--to", "rove", "-o", "\(work)/r.gguf", "--calibrate", Self.model),
      65, containing: "GGUF")
    // Cut inside a character, as `head -c` does, it is a text.
    let cut = put(Array(text) + [0xE2, 0x82], "cut")
    #expect(
      try run("eval", "perplexity", Self.model, "--text", cut, "--ctx", "64", "--quiet").status
        == 0)
  }
}
