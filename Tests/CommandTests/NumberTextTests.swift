import Base
import Foundation
import TestSupport
import Testing

/// Numbers that are none, or beyond what anything takes, as people and programs read them.
@Suite struct NumberTextTests: CommandSuite {
  /// Under a norm that leaves nothing of a row every token is as likely as any other: a likelihood that
  /// does not vary is correlated with nothing.
  @Test func aCorrelationOfWhatDoesNotVary() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let flat = "\(work)/flat.gguf"
    let converted = try run(
      "convert", Self.model, "-o", flat, "--set", "llama.attention.layer_norm_rms_epsilon=1e38",
      "--quiet")
    #expect(converted.status == 0, "\(converted.errors)")
    for (base, other) in [(flat, flat), (flat, Self.model), (Self.model, flat)] {
      func compared(_ option: String) throws -> Finished {
        try run(
          "eval", "compare", base, other, "--text", Self.text, "-c", "32", "--chunks", "2", option)
      }
      let text = try compared("--quiet")
      #expect(text.status == 0, "\(text.errors)")
      let line = text.output.split(separator: "\n").first { $0.hasPrefix("correlation of ln") }
      #expect(line?.split(separator: " ").last == "none", "\(text.output)")
      let result = try json(compared("--json"))
      #expect(result["ln_correlation"]?.isNull == true)
    }
  }

  /// What a result states of its time is shown, however large, on a line that can be read.
  @Test func secondsBeyondAnyRun() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let result = try run(
      "eval", "perplexity", Self.model, "--text", Self.text, "-c", "32", "--chunks", "2", "--json",
      "--quiet")
    let changed = result.output.replacing(#/"seconds": ?[0-9.e+-]+/#, with: #""seconds":1e308"#)
    #expect(changed != result.output)
    try changed.write(toFile: "\(work)/r.json", atomically: true, encoding: .utf8)
    let merged = try run("eval", "merge", "\(work)/r.json")
    #expect(merged.status == 0, "\(merged.errors)")
    let line = merged.output.split(separator: "\n").first { $0.hasPrefix("time ") }
    #expect(line?.contains(" 1e+308 s, ") == true, "\(merged.output)")
  }

  /// uint32 in GGUF: the nearest number that fits would be another model's.
  @Test func aWholeNumberThatGGUFCannotHold() throws {
    guard let source = try References.shared("parity/phi3") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for (name, context, status) in [("fits", 1 << 31, Int32(0)), ("wide", 1 << 40, 65)] {
      try References.folder(like: source, at: "\(work)/\(name)") {
        $0["original_max_position_embeddings"] = context
      }
      let output = "\(work)/\(name).gguf"
      let finished = try run("convert", "\(work)/\(name)", "-o", output, "--quiet")
      #expect(finished.status == status, "\(finished.errors)")
      #expect(FileManager.default.fileExists(atPath: output) == (status == 0))
      guard status != 0 else { continue }
      expectFailure(
        finished, status,
        containing: "'rope.scaling.original_context_length' of 1099511627776 cannot be stored")
    }
  }
}
