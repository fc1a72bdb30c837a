import Foundation
import TestSupport
import Testing

/// `--assume-correct-rotation`, which a model whose attention is known not to rotate needs.
@Suite struct AssumedRotationTests: CommandSuite {
  @Test func itIsNeededAndRefusedElsewhere() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let folder = "\(work)/model"
    try #require(try run("convert", Self.model, "-o", "\(folder)/", "--quiet").status == 0)
    var text = try String(contentsOfFile: "\(folder)/config.json", encoding: .utf8)
    text.replace(
      "\"model_type\"", with: "\"attention\": \"VORoPEAttention\", \"model_type\"",
      maxReplacements: 1)
    try text.write(toFile: "\(folder)/config.json", atomically: true, encoding: .utf8)
    let chunks = ["--text", Self.text, "--ctx", "64", "--chunks", "2"]
    func scored(_ model: String, _ more: [String] = []) throws -> Finished {
      try runProgram(
        Self.program, ["eval", "perplexity", model] + chunks + more,
        environment: ["ROPECONV_ISA": "avx512"])
    }
    expectFailure(try scored(folder), 65, containing: "--assume-correct-rotation")
    let assumed = try scored(folder, ["--assume-correct-rotation"])
    #expect(assumed.status == 0, "\(assumed.errors)")
    #expect(assumed.errors.contains("is taken for a rotation of qkvo"))
    expectFailure(
      try scored(Self.model, ["--assume-correct-rotation"]), 64, containing: "not known to be wrong"
    )
  }
}
