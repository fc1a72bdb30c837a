import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// The built program: exit codes, one-line errors, JSON fields, help.
@Suite struct CommandLineTests: CommandSuite {
  @Test(arguments: [
    [], ["inspect"], ["convert"], ["analyze"], ["verify"], ["tokenize"], ["eval"],
    ["eval", "perplexity"], ["report"], ["diff"], ["archive"], ["archive", "verify"],
    ["archive", "list"],
  ])
  func everyHelpHasAnExample(command: [String]) throws {
    let finished = try runProgram(Self.program, command + ["--help"])
    #expect(finished.status == 0)
    #expect(finished.output.contains("Example:"))
  }

  @Test func versionNamesInstructionSetAndLibraries() throws {
    let finished = try run("--version")
    #expect(finished.status == 0)
    #expect(finished.output.hasPrefix("ropeconv "))
    #expect(finished.output.contains("OpenBLAS"))
  }

  @Test func inspectReportsTheModel() throws {
    let fields = try json(run("inspect", Self.model, "--json", "--tensors"))
    #expect(fields["architecture"]?.string == "llama")
    #expect(fields["sites"]?.string == "qk")
    #expect(fields["tensors"]?.array?.isEmpty == false)
    let text = try run("inspect", Self.model)
    #expect(text.output.contains("architecture") && text.errors.isEmpty)
  }

  @Test func perplexityHasTheContractsFields() throws {
    let fields = try json(
      run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "128", "--chunks", "2",
        "--json"))
    for key in [
      "model", "text", "tokens", "scored", "chunks", "ctx", "score", "compute", "nll", "ppl",
      "ppl_stderr", "seconds", "tokens_per_second", "peak_rss_bytes", "per_chunk",
    ] { #expect(fields[key] != nil, "\(key)") }
    #expect(fields["scored"]?.int == 2 * 63)
    let nll = try #require(fields["nll"]?.double)
    #expect(abs((fields["ppl"]?.double ?? 0) - exp(nll)) < 1e-9)
  }

  @Test func nllFileHoldsEveryTarget() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let finished = try run(
      "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "3",
      "--nll",
      "\(work)/nll.npy", "--json")
    #expect(finished.status == 0)
    let data = try #require(FileManager.default.contents(atPath: "\(work)/nll.npy"))
    let header = 10 + Int(data[8]) + 256 * Int(data[9])
    #expect(header % 64 == 0)
    #expect(data.count - header == 4 * 3 * 31)
    let values = data[header...].withUnsafeBytes { bytes in
      (0..<93).map { Double(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
    }
    let mean = values.reduce(0, +) / 93
    #expect(abs(mean - (try json(finished)["nll"]?.double ?? 0)) < 1e-5)
  }

  @Test func digitsDoNotDependOnThreadsBatchOrShards() throws {
    func nll(_ options: [String]) throws -> JSONValue {
      try json(
        runProgram(
          Self.program,
          [
            "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "96", "--chunks", "8",
            "--json",
          ] + options))
    }
    let one = try nll(["--threads", "1", "--batch", "1"])
    for options in [
      ["--threads", "2", "--batch", "3"], ["--threads", "2", "--batch", "32"],
      ["--threads", "1", "--memory", "1G"],
    ] {
      #expect(try nll(options)["per_chunk"] == one["per_chunk"])
    }
    let shards = try (1...3).flatMap {
      try nll(["--shard", "\($0)/3"])["per_chunk"]?.array ?? []
    }
    let sorted = shards.sorted { ($0["chunk"]?.int ?? 0) < ($1["chunk"]?.int ?? 0) }
    #expect(JSONValue.array(sorted) == one["per_chunk"])
  }

  @Test func strideScoresEveryTargetOnce() throws {
    let fields = try json(
      run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "512", "--stride", "256",
        "--json"))
    #expect(fields["scored"]?.int == (fields["tokens"]?.int ?? 0) - 1)
  }

  @Test func convertThereAndBackVerifies() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let report = try json(
      run(
        "convert", Self.model, "--to", "rove", "-o", "\(work)/r.gguf", "--json", "--text",
        Self.text, "--chunks", "2"))
    for key in [
      "input", "output", "sites_from", "sites_to", "absorbed", "fit", "tensors_copied",
      "tensors_rewritten", "bytes", "seconds",
    ] { #expect(report[key] != nil, "\(key)") }
    #expect(report["sites_to"]?.string == "qkvo")
    #expect(report["fit"]?["perplexity_before"]?.double != nil)
    #expect(
      try run("convert", "\(work)/r.gguf", "--to", "rope", "-o", "\(work)/b.gguf").status == 0)
    #expect(
      try run("verify", Self.model, "\(work)/b.gguf", "--text", Self.text, "--chunks", "1").status
        == 0)
    let different = try run(
      "verify", Self.model, "\(work)/r.gguf", "--text", Self.text, "--chunks", "1")
    #expect(different.status == 1)
  }

  @Test func dryRunWritesNothing() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let finished = try run(
      "convert", Self.model, "--to", "vo", "-o", "\(work)/x.gguf", "--dry-run")
    #expect(finished.status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
    #expect(finished.errors.contains("attention scores lose the distance"))
  }

  @Test func quantizedTypes() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let report = try json(
      run(
        "convert", Self.model, "--to", "vo", "-o", "\(work)/x.gguf", "--type", "q4_k_m", "--json",
        "--quiet"))
    #expect(report["tensors_rewritten"]?.int ?? 0 > 0)
    let fields = try json(run("inspect", "\(work)/x.gguf", "--json", "--tensors"))
    let types = Set((fields["tensors"]?.array ?? []).compactMap { $0["type"]?.string })
    #expect(types.contains("q5_0") && types.contains("q8_0") && types.contains("f32"))
    expectFailure(
      try run("convert", Self.model, "--to", "vo", "-o", "\(work)/y/", "--type", "q4_0"), 64,
      containing: "q4_0", "GGUF")
    expectFailure(
      try run("convert", Self.model, "--to", "vo", "--type", "q9_9"), 64, containing: "'q9_9'",
      "q4_k_m")
    expectFailure(
      try run("convert", Self.model, "--to", "vo", "--type", "f16", "--pure"), 64,
      containing: "--pure")
    #expect(try FileManager.default.contentsOfDirectory(atPath: work) == ["x.gguf"])
  }

  @Test func usageErrors() throws {
    expectFailure(try run("convert", Self.model, "--to", "qx"), 64, containing: "'qx'")
    expectFailure(try run("inspect"), 64)
    expectFailure(try run("nonsense"), 64)
    expectFailure(try run("inspect", Self.model, "--unknown"), 64, containing: "--unknown")
    expectFailure(
      try run(
        "eval", "perplexity", Self.model, "--text", Self.text, "--sites", "vo", "--value-pairs",
        "1000"), 64, containing: "1000")
    expectFailure(
      try run("eval", "perplexity", Self.model, "--text", Self.text, "--tokens", "x"), 64)
    expectFailure(try run("eval", "perplexity", Self.model), 64, containing: "--text")
    expectFailure(
      try run("eval", "perplexity", Self.model, "--text", Self.text, "--shard", "3/2"), 64)
    expectFailure(
      try run("convert", Self.model, "--to", "vo", "-o", "x.bin"), 64, containing: "x.bin")
    expectFailure(
      try run("convert", Self.model, "--to", "qk", "--value-pairs", "4", "-o", "x.gguf"), 64)
  }

  @Test func dataErrors() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try "short".write(toFile: "\(work)/short.txt", atomically: true, encoding: .utf8)
    try "[1, 2, 99999999]".write(toFile: "\(work)/ids.json", atomically: true, encoding: .utf8)
    try "[1, \"a\"]".write(toFile: "\(work)/bad.json", atomically: true, encoding: .utf8)
    expectFailure(
      try run("eval", "perplexity", Self.model, "--text", "\(work)/short.txt"), 65,
      containing: "short.txt", "hint: ")
    expectFailure(
      try run("eval", "perplexity", Self.model, "--tokens", "\(work)/bad.json"), 65,
      containing: "bad.json")
    try "[\((0..<40).map { _ in "99999999" }.joined(separator: ","))]"
      .write(toFile: "\(work)/ids.json", atomically: true, encoding: .utf8)
    expectFailure(
      try run("eval", "perplexity", Self.model, "--tokens", "\(work)/ids.json", "--ctx", "16"), 65,
      containing: "99999999")
    var bytes = try #require(FileManager.default.contents(atPath: Self.model))
    bytes[5] = 77
    _ = FileManager.default.createFile(atPath: "\(work)/bad.gguf", contents: bytes)
    expectFailure(try run("inspect", "\(work)/bad.gguf"), 65, containing: "bad.gguf")
    expectFailure(try run("inspect", "\(work)/none.gguf"), 66, containing: "none.gguf")
    expectFailure(
      try run("eval", "perplexity", Self.model, "--text", "\(work)/none.txt"), 66,
      containing: "none.txt")
  }

  @Test func unsupportedArchitecturesAreNamed() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var bytes = try #require(FileManager.default.contents(atPath: Self.model))
    let name = try #require(bytes.range(of: Data("\u{5}\0\0\0\0\0\0\0llama".utf8)))
    bytes.replaceSubrange(name, with: Data("\u{5}\0\0\0\0\0\0\0mamba".utf8))
    _ = FileManager.default.createFile(atPath: "\(work)/mamba.gguf", contents: bytes)
    expectFailure(
      try run("inspect", "\(work)/mamba.gguf"), 65, containing: "mamba",
      "every layer is a Mamba layer")
  }

  @Test func outputErrors() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let copy = "\(work)/model.gguf"
    try FileManager.default.copyItem(atPath: Self.model, toPath: copy)
    let before = FileManager.default.contents(atPath: copy)
    expectFailure(try run("convert", copy, "--to", "vo", "-o", copy, "--force", "--quiet"), 73)
    try FileManager.default.createSymbolicLink(
      atPath: "\(work)/link.gguf", withDestinationPath: copy)
    expectFailure(
      try run("convert", copy, "--to", "rove", "-o", "\(work)/link.gguf", "--force"), 73)
    try "keep".write(toFile: "\(work)/there.gguf", atomically: true, encoding: .utf8)
    expectFailure(try run("convert", copy, "--to", "rove", "-o", "\(work)/there.gguf"), 73)
    #expect(try String(contentsOfFile: "\(work)/there.gguf", encoding: .utf8) == "keep")
    expectFailure(try run("convert", copy, "--to", "rove", "-o", "\(work)/no/such/x.gguf"), 73)
    #expect(FileManager.default.contents(atPath: copy) == before)
    let names = try FileManager.default.contentsOfDirectory(atPath: work)
    #expect(Set(names) == ["model.gguf", "link.gguf", "there.gguf"])
  }

  @Test func thresholdsExitWithOneAndAReason() throws {
    let finished = try run(
      "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "1",
      "--max-ppl", "1.0001", "--quiet")
    #expect(finished.status == 1)
    #expect(finished.errors.contains("--max-ppl") && !finished.output.isEmpty)
  }

  @Test func tokenizePrintsIds() throws {
    let finished = try run("tokenize", Self.model, "--plain", input: "The code")
    #expect(finished.status == 0)
    let fields = try json(run("tokenize", Self.model, "--plain", "--json", input: "The code"))
    let ids = try #require(fields["tokens"]?.array).compactMap(\.int)
    #expect(finished.output == ids.map(String.init).joined(separator: " ") + "\n")
    #expect(!ids.isEmpty)
  }
}
