import Checkpoints
import Foundation
import TestSupport
import Testing

/// Files that commands write: never an input, never one file twice, never over an older one unasked.
@Suite struct OutputFileTests: CommandSuite {
  /// Copies of all inputs, in a folder of their own.
  private final class Inputs {
    let folder: String
    var files: [String: Data] = [:]

    init() throws {
      folder = try References.temporaryFolder()
      for (name, source) in [
        ("m.gguf", model), ("t.txt", text), ("needle.json", "fixtures/lantern.needle.json"),
        ("codes.jsonl", "fixtures/tasks/codes.jsonl"),
      ] {
        let path = source.hasPrefix("/") ? source : References.file(source)
        try FileManager.default.copyItem(atPath: path, toPath: "\(folder)/\(name)")
      }
      try FileManager.default.createDirectory(
        atPath: "\(folder)/essays", withIntermediateDirectories: false)
      try FileManager.default.copyItem(atPath: text, toPath: "\(folder)/essays/a.txt")
      try Data("[1, 2, 3]".utf8).write(to: URL(fileURLWithPath: "\(folder)/ids.json"))
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder)/symbolic", withDestinationPath: "t.txt")
      try FileManager.default.linkItem(atPath: "\(folder)/t.txt", toPath: "\(folder)/hard")
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder)/around", withDestinationPath: ".")
      files = contents
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var contents: [String: Data] {
      var files: [String: Data] = [:]
      for name in FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [] {
        files[name] = FileManager.default.contents(atPath: "\(folder)/\(name)")
      }
      return files
    }

    /// A run with paths in the place of `@name`.
    func run(_ arguments: [String]) throws -> Finished {
      try runProgram(
        program,
        arguments.map { $0.hasPrefix("@") ? "\(folder)/\($0.dropFirst())" : $0 } + ["--quiet"],
        environment: ["ROPECONV_ISA": "avx512"])
    }
  }

  private static let perplexity = ["eval", "perplexity", "@m.gguf", "--text", "@t.txt"]
  private static let needle = [
    "eval", "needle", "@m.gguf", "--haystack", "@essays", "--template", "@needle.json",
  ]
  private static let ruler = [
    "eval", "ruler", "@m.gguf", "--essays", "@essays", "--task", "niah_single_2",
  ]

  /// A command, its options that name outputs, and all its inputs.
  private static let outputs: [(command: [String], options: [String], inputs: [String])] = [
    (
      perplexity, ["--nll", "--junit", "--state"],
      ["@m.gguf", "@t.txt", "@symbolic", "@hard", "@around/t.txt"]
    ),
    (
      ["eval", "perplexity", "@m.gguf", "--tokens", "@ids.json"], ["--nll", "--junit", "--state"],
      ["@ids.json"]
    ),
    (
      ["eval", "compare", "@m.gguf", "@hard", "--text", "@t.txt"], ["--junit", "--state"],
      ["@m.gguf", "@hard", "@t.txt"]
    ),
    (
      needle, ["--svg", "--html", "--prompts", "--junit", "--state"],
      ["@m.gguf", "@needle.json", "@essays/a.txt"]
    ),
    (ruler, ["--prompts", "--junit", "--state"], ["@m.gguf", "@essays/a.txt"]),
    (
      ["eval", "icl", "@m.gguf", "--tasks", "@codes.jsonl"], ["--junit", "--state"],
      ["@m.gguf", "@codes.jsonl"]
    ),
    (
      ["eval", "requests", "@m.gguf", "--requests", "@codes.jsonl"],
      ["-o", "--junit", "--state"], ["@m.gguf", "@codes.jsonl"]
    ),
    (["analyze", "@m.gguf", "--text", "@t.txt"], ["--svg"], ["@m.gguf", "@t.txt", "@symbolic"]),
    (["report", "@ids.json"], ["-o"], ["@ids.json"]),
  ]

  @Test(arguments: outputs.indices) func outputOverAnInput(index: Int) throws {
    let (command, options, paths) = Self.outputs[index]
    let inputs = try Inputs()
    for option in options {
      for path in paths {
        // A state file is appended to, with nothing to force.
        let force = option == "--state" ? [] : ["--force"]
        let finished = try inputs.run(command + [option, path] + force)
        expectFailure(finished, 73, containing: "the output is the input")
      }
    }
    #expect(inputs.contents == inputs.files)
  }

  /// A plan's own file, and what it reads.
  @Test func planOverAnInput() throws {
    let inputs = try Inputs()
    let plan = "models: {a: m.gguf}\nevaluations: [{eval: perplexity, text: t.txt, ctx: 64}]\n"
    try Data(plan.utf8).write(to: URL(fileURLWithPath: "\(inputs.folder)/plan.yaml"))
    inputs.files = inputs.contents
    for path in ["@plan.yaml", "@m.gguf", "@symbolic", "@results/perplexity-1.a.json"] {
      let finished = try inputs.run(["run", "@plan.yaml", "--junit", path, "--force"])
      #expect(finished.status == 73, "\(path): \(finished.errors)")
    }
    #expect(inputs.contents == inputs.files)
  }

  @Test func conversionOverAText() throws {
    let inputs = try Inputs()
    let text = "\(inputs.folder)/text.gguf"
    try FileManager.default.copyItem(atPath: "\(inputs.folder)/t.txt", toPath: text)
    try FileManager.default.createDirectory(
      atPath: "\(inputs.folder)/out", withIntermediateDirectories: false)
    try FileManager.default.copyItem(
      atPath: "\(inputs.folder)/t.txt", toPath: "\(inputs.folder)/out/merges.txt")
    inputs.files = inputs.contents
    for option in ["--text", "--tokens", "--calibrate", "--calibrate-tokens-from"] {
      for dry in [[], ["--dry-run"]] {
        expectFailure(
          try inputs.run(
            ["convert", "@m.gguf", "--to", "qkvo", option, "@text.gguf", "-o", "@text.gguf"]
              + dry + ["--force"]), 73, containing: "the output is the input")
        // A file of an older model, which the new folder would not have.
        expectFailure(
          try inputs.run(
            ["convert", "@m.gguf", "--to", "qkvo", option, "@out/merges.txt", "-o", "@out/"]
              + dry + ["--force"]), 73, containing: "the output is the input")
      }
    }
    #expect(inputs.contents == inputs.files)
  }

  @Test func twoOutputsOnOnePath() throws {
    let inputs = try Inputs()
    for arguments in [
      Self.perplexity + ["--nll", "@x", "--junit", "@around/x"],
      Self.perplexity + ["--junit", "@x", "--state", "@x"],
      Self.needle + ["--svg", "@x", "--html", "@./x", "--force"],
    ] {
      expectFailure(try inputs.run(arguments), 73, containing: "is written to the same file")
    }
    #expect(inputs.contents == inputs.files)
    // The result itself may go to a file.
    let redirected = try runProgram(
      "/bin/sh",
      ["-c", "\"$0\" \"$@\" > \(inputs.folder)/x", Self.program, "eval", "perplexity", Self.model]
        + ["--text", Self.text, "--nll", "\(inputs.folder)/x", "--force"])
    expectFailure(redirected, 73, containing: "standard output is written to the same file")
  }

  /// Refused at once, before any work; written with --force.
  @Test(arguments: [
    perplexity + ["--ctx", "64", "--chunks", "1", "--nll"],
    perplexity + ["--ctx", "64", "--chunks", "1", "--junit"],
    ["eval", "compare", "@m.gguf", "@m.gguf", "--text", "@t.txt", "--ctx", "64", "--chunks", "1"]
      + ["--junit"],
    needle + ["--lengths", "128", "--depths", "50", "--trials", "1", "--html"],
    needle + ["--lengths", "128", "--depths", "50", "--trials", "1", "--svg"],
    needle + ["--lengths", "128", "--depths", "50", "--trials", "1", "--junit"],
    ["eval", "icl", "@m.gguf", "--tasks", "@codes.jsonl", "--examples", "1", "--junit"],
  ])
  func olderFiles(arguments: [String]) throws {
    let inputs = try Inputs()
    let old = URL(fileURLWithPath: "\(inputs.folder)/old")
    try Data("old".utf8).write(to: old)
    expectFailure(try inputs.run(arguments + ["@old"]), 73, containing: "exists", "--force")
    #expect(try Data(contentsOf: old) == Data("old".utf8))
    #expect(try inputs.run(arguments + ["@old", "--force"]).status == 0)
    #expect(try Data(contentsOf: old) != Data("old".utf8))
  }

  /// A dry run refuses what the run refuses.
  @Test func dryRun() throws {
    let inputs = try Inputs()
    try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(inputs.folder)/config.json"))
    for name in ["old.gguf", "full/x", "old.tar"] {
      let path = URL(fileURLWithPath: "\(inputs.folder)/\(name)")
      try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("old".utf8).write(to: path)
    }
    inputs.files = inputs.contents
    for (output, word) in [
      ("@old.gguf", "exists"), ("@full/", "exists"), ("@old.tar", "exists"),
      // The config.json that would come beside it.
      ("@new.safetensors", "exists"), ("@m.gguf", "the output is the input"),
      ("@no/such.gguf", "no such folder"), ("@t.txt/x.gguf", "not a folder"),
    ] {
      for dry in [[], ["--dry-run"]] {
        expectFailure(
          try inputs.run(["convert", "@m.gguf", "--to", "qkvo", "-o", output] + dry), 73,
          containing: word)
      }
    }
    #expect(inputs.contents == inputs.files)
    #expect(
      try inputs.run(
        ["convert", "@m.gguf", "--to", "qkvo", "-o", "@old.gguf", "--force"]
          + ["--dry-run"]
      ).status == 0)
    #expect(inputs.contents == inputs.files)
  }

  /// The config.json of a lone safetensors file is part of it.
  @Test func pairBesideItsSource() throws {
    let inputs = try Inputs()
    try FileManager.default.createDirectory(
      atPath: "\(inputs.folder)/pair", withIntermediateDirectories: false)
    #expect(
      try inputs.run(["convert", "@m.gguf", "--to", "qk", "-o", "@pair/x.safetensors"]).status == 0)
    inputs.files = inputs.contents
    expectFailure(
      try inputs.run(
        ["convert", "@pair/x.safetensors", "--to", "qkvo", "-o", "@pair/y.safetensors", "--force"]),
      73, containing: "config.json", "the output is the input")
    expectFailure(
      try inputs.run(
        ["eval", "perplexity", "@pair/x.safetensors", "--text", "@t.txt", "--nll"]
          + ["@pair/config.json", "--force"]), 73, containing: "the output is the input")
    #expect(inputs.contents == inputs.files)
  }

  /// One config.json in a folder: a second pair would turn the first into another model.
  @Test(arguments: [[], ["--force"], ["--dry-run"], ["--force", "--dry-run"]])
  func pairBesideAnotherPair(options: [String]) throws {
    let inputs = try Inputs()
    try FileManager.default.createDirectory(
      atPath: "\(inputs.folder)/pair", withIntermediateDirectories: false)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(inputs.folder)/pair/notes.txt"))
    #expect(
      try inputs.run(["convert", "@m.gguf", "--to", "qk", "-o", "@pair/x.safetensors"]).status == 0)
    inputs.files = inputs.contents
    let finished = try inputs.run(
      ["convert", "@m.gguf", "--to", "qkvo", "-o", "@pair/y.safetensors"] + options)
    expectFailure(
      finished, 73, containing: "pair/config.json: ", "'x.safetensors'", "a folder of its own")
    #expect(!finished.errors.contains("--force"))
    #expect(inputs.contents == inputs.files)
  }

  /// A pair takes its own place.
  @Test func pairOverItself() throws {
    let inputs = try Inputs()
    try FileManager.default.createDirectory(
      atPath: "\(inputs.folder)/pair", withIntermediateDirectories: false)
    let command = ["convert", "@m.gguf", "-o", "@pair/x.safetensors", "--to"]
    #expect(try inputs.run(command + ["qk"]).status == 0)
    let old = inputs.contents["pair/config.json"]
    expectFailure(try inputs.run(command + ["qkvo"]), 73, containing: "exists", "--force")
    #expect(try inputs.run(command + ["qkvo", "--force"]).status == 0)
    #expect(old != nil && inputs.contents["pair/config.json"] != old)
    let shown = try json(inputs.run(["inspect", "@pair/x.safetensors", "--json"]))
    #expect(shown["sites"]?.string == "qkvo")
  }

  /// Without --output a safetensors file becomes a folder: the place beside it has its config.json.
  @Test(
    arguments: [([], "x.qkvo/"), (["--type", "bf16"], "x.qkvo-BF16/")] as [([String], String)])
  func pairWithoutAnOutput(options: [String], output: String) throws {
    let inputs = try Inputs()
    try FileManager.default.createDirectory(
      atPath: "\(inputs.folder)/pair", withIntermediateDirectories: false)
    #expect(
      try inputs.run(["convert", "@m.gguf", "--to", "qk", "-o", "@pair/x.safetensors"]).status == 0)
    let finished = try inputs.run(["convert", "@pair/x.safetensors", "--to", "rove"] + options)
    #expect(finished.status == 0, "\(finished.errors)")
    let shown = try json(inputs.run(["inspect", "@pair/\(output)", "--json"]))
    #expect(shown["sites"]?.string == "qkvo")
  }
}
