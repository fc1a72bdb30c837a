import Base
import Checkpoints
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// What results and `inspect` say of a model's weights and of its scaling.
@Suite struct WeightTypeTests: CommandSuite {
  /// Results state which types their models' weights have, beside the identity: no key depends on it.
  @Test func comparisonsStateBothTypes() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (small, result) = ("\(work)/small.gguf", "\(work)/result.json")
    let written = try run(
      "convert", Self.model, "--to", "keep", "--type", "q8_0", "-o", small, "--quiet")
    #expect(written.status == 0, "\(written.errors)")
    let compared = try run(
      "eval", "compare", Self.model, small, "--text", Self.text, "--ctx", "64", "--chunks", "2",
      "--compute", "f32", "--json", "--quiet")
    let found = try json(compared)
    let models = try #require(found["models"]?.array)
    #expect(models.map { $0["weight_types"]?.string } == ["f16", "q8_0"])
    let identity = try #require(found["identity"])
    #expect(!identity.serialized(pretty: false).contains("weight_types"))
    #expect(
      found["key"]?.string == SourceHash.sha256(text: identity.serialized(pretty: false)))
    try compared.output.write(toFile: result, atomically: true, encoding: .utf8)
    #expect(try run("report", result, "-o", "\(work)/page.html", "--quiet").status == 0)
    let page = try String(contentsOfFile: "\(work)/page.html", encoding: .utf8)
    #expect(page.contains("RoPE · q8_0 against RoPE · f16<"))
  }

  /// A scaling is said with its factor and the tokens that it stretches.
  @Test(arguments: [
    ("linear", 4.0, 512, "linear x4 from 512 tokens"),
    ("yarn", 2.5, 128, "YaRN x2.5 from 128 tokens"),
  ])
  func inspectSaysHowFarFrequenciesAreStretched(
    _ type: String, _ factor: Double, _ original: Int, _ words: String
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = "\(work)/scaled.gguf"
    let key = "llama.rope.scaling"
    let written = try run(
      "convert", Self.model, "--to", "keep", "-o", path, "--set", "\(key).type=\(type)", "--set",
      "\(key).factor=\(factor)", "--set", "\(key).original_context_length=\(original)", "--quiet")
    #expect(written.status == 0, "\(written.errors)")
    let text = try run("inspect", path).output
    #expect(text.contains("base 10000, \(words)"), "\(text)")
    let set = try json(run("inspect", path, "--json"))["score_rotation"]?["sets"]?.array?.first
    #expect(set?["scaling"]?.string == type)
    #expect(set?["factor"]?.double == factor)
    #expect(set?["original_context"]?.int == original)
    let plain = try json(run("inspect", Self.model, "--json"))["score_rotation"]?["sets"]
    #expect(plain?.array?.first?["factor"]?.isNull == true)
  }

  @Test func scalingsInWords() {
    typealias Scaling = FrequencyScaling
    #expect(Scaling.none.words(from: 4096) == "none")
    #expect(Scaling.ntk(factor: 2).words(from: 4096) == "NTK x2 from 4096 tokens")
    #expect(
      Scaling.llama3(factor: 8, lowFactor: 1, highFactor: 4, originalContext: 8192)
        .words(from: 131_072) == "Llama 3 scaling x8 from 8192 tokens")
    // A list of divisors says of no context that it stretched it.
    #expect(Scaling.factors([1, 2]).words(from: 131_072) == "Llama 3 scaling")
    #expect(Scaling.factors([1, 2]).factor == nil)
  }
}
