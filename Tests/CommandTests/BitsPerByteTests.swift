import Base
import Foundation
import TestSupport
import Testing

@Suite struct BitsPerByteTests: CommandSuite {
  private func bytes(_ more: String..., model: String = Self.model) throws -> JSONValue {
    let level = ["ROPECONV_ISA": References.environment["ROPECONV_ISA"] ?? "avx512"]
    let arguments = ["eval", "bytes", model, "--text", Self.text, "--ctx", "64", "--json"]
    let finished = try runProgram(Self.program, arguments + more, environment: level)
    #expect(finished.status == 0, "\(finished.errors)")
    return try json(finished)
  }

  /// The likelihoods that `eval perplexity --nll` writes, summed here, over the bytes of the file.
  @Test func equalsTheSumOfTheTokensOverTheBytesOfTheFile() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let finished = try run(
      "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--stride", "32",
      "--nll", "\(folder)/nll.npy", "--json", "--quiet")
    let perplexity = try json(finished)
    let file = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/nll.npy"))
    let start = 10 + Int(file[8]) + 256 * Int(file[9])
    let nats = file[start...].withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 4).map {
        Double(Float(bitPattern: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
      }
    }
    let size = try Data(contentsOf: URL(fileURLWithPath: Self.text)).count
    let result = try bytes()
    // Every token but the first, before which this tokenizer puts nothing.
    #expect(nats.count == (try #require(perplexity["tokens"]?.int)) - 1)
    #expect(result["scored"]?.int == nats.count)
    #expect(result["bytes"]?.int == size)
    let expected = nats.reduce(0, +) / log(2) / Double(size)
    let found = try #require(result["bits_per_byte"]?.double)
    #expect(abs(found - expected) < 1e-6 * expected, "\(found), expected \(expected)")
    let mean = nats.reduce(0, +) / Double(nats.count)
    let squares = nats.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Double(nats.count - 1)).squareRoot()
    let error = Double(nats.count).squareRoot() * deviation / log(2) / Double(size)
    let stated = try #require(result["bits_per_byte_stderr"]?.double)
    #expect(abs(stated - error) < 1e-4 * error)
    // Another stride scores the same tokens with more before them; another variant is another key.
    #expect(try bytes("--stride", "16")["scored"] == result["scored"])
    let other = try bytes("--sites", "nope")
    #expect(other["key"] != result["key"])
    #expect(try #require(other["bits_per_byte"]?.double) > found)
  }

  @Test func shardsMergeAndAStateGoesOn() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try bytes()
    let shards = try (1...2).map { number -> String in
      let shard = try bytes("--shard", "\(number)/2")
      #expect(shard["bits_per_byte"] == .null)
      let path = "\(folder)/\(number).json"
      try shard.serialized(pretty: true).write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
    let merged = try json(run("eval", "merge", shards[1], shards[0], "--json"))
    #expect(merged["bits_per_byte"] == whole["bits_per_byte"])
    #expect(merged["key"] == whole["key"])
    _ = try bytes("--shard", "1/2", "--state", "\(folder)/state")
    let resumed = try bytes("--state", "\(folder)/state")
    #expect(resumed["bits_per_byte"] == whole["bits_per_byte"])
    #expect(
      try #require(resumed["evaluated_tokens"]?.int) < #require(whole["evaluated_tokens"]?.int))
    try whole.serialized(pretty: true)
      .write(toFile: "\(folder)/whole.json", atomically: true, encoding: .utf8)
    let page = try run("report", "\(folder)/whole.json", "-o", "\(folder)/page.html")
    #expect(page.status == 0, "\(page.errors)")
    let html = try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
    let shown = String(format: ">%.3f<br>", try #require(whole["bits_per_byte"]?.double))
    #expect(html.contains("<section id=\"bytes\"") && html.contains(shown))
  }

  @Test func aShortTextIsOneWindowAndALimitIsKept() throws {
    let short = try run(
      "eval", "bytes", Self.model, "--text", "-", "--json", input: "the lantern stood on the hill")
    #expect(try json(short)["chunks"] == 1)
    #expect(try json(short)["bytes"] == 29)
    expectFailure(try run("eval", "bytes", Self.model, "--text", "-", input: ""), 65)
    expectFailure(
      try run("eval", "bytes", Self.model, "--text", Self.text, "--stride", "512"), 64,
      containing: "error: --stride is 512, expected a number from 1 to 511", "hint: --stride")
    let missed = try run(
      "eval", "bytes", Self.model, "--text", Self.text, "--max-bits", "0.01", "--quiet")
    #expect(missed.status == 1)
    #expect(missed.errors.contains("is above --max-bits 0.01"))
  }
}
