import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// How tokens of a model are to be drawn goes along from a folder to a GGUF file and back.
@Suite struct SamplingDefaultsTests {
  private func convert(_ source: String, to output: String) throws {
    _ = try ConversionPlan(
      Model(opening: source).plan, ConversionRequest(sites: .scores, output: output)
    ).write(version: "1.2.3")
  }

  /// What a GGUF file and then a folder say where a folder states this.
  private func converted(
    _ stated: JSONValue
  ) throws -> (keys: [String: MetadataValue], back: JSONValue) {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try convert(References.file("fixtures/lantern.gguf"), to: "\(work)/hf/")
    try stated.serialized(pretty: true)
      .write(toFile: "\(work)/hf/generation_config.json", atomically: true, encoding: .utf8)
    try convert("\(work)/hf", to: "\(work)/m.gguf")
    try convert("\(work)/m.gguf", to: "\(work)/back/")
    let metadata = try Checkpoint.open("\(work)/m.gguf").metadata
    let keys = metadata.filter { $0.key.hasPrefix("general.sampling.") }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(work)/back/generation_config.json"))
    return (
      Dictionary(uniqueKeysWithValues: keys.map { ($0.key, $0.value) }),
      try JSONValue.parse(Array(bytes), file: "back")
    )
  }

  /// Names and types of keys are those of gguf-py's writer (`add_sampling_temp` and the others).
  @Test func settingsGoBothWays() throws {
    let (keys, back) = try converted([
      "do_sample": true, "eos_token_id": 767, "temperature": .number(0.6), "top_k": 40,
      "top_p": .number(0.95), "min_p": 0, "repetition_penalty": .number(1.1),
    ])
    #expect(
      keys == [
        "general.sampling.temp": .float32(0.6), "general.sampling.top_k": .int32(40),
        "general.sampling.top_p": .float32(0.95), "general.sampling.min_p": .float32(0),
      ])
    #expect(back["do_sample"] == true && back["top_k"] == 40)
    #expect(back["temperature"] == .number(0.6) && back["top_p"] == .number(0.95))
    #expect(back["min_p"]?.double == 0 && back["repetition_penalty"] == nil)
  }

  /// llama.cpp takes the likeliest token at such a temperature; transformers refuses it
  /// (`TemperatureLogitsWarper` wants one above 0) and takes the likeliest without `do_sample`.
  @Test(arguments: [0.0, -1.0])
  func noTemperatureDrawsNothing(temperature: Double) throws {
    let (keys, back) = try converted(["temperature": .number(temperature), "top_k": 40])
    #expect(keys["general.sampling.temp"] == .float32(Float(temperature)))
    #expect(back["do_sample"] == false && back["temperature"] == nil && back["top_k"] == nil)
  }

  /// A GGUF file cannot say that its tokens are not drawn, and its readers draw by the keys.
  @Test(arguments: ["temperature", "top_p"])
  func whatAFileStatesIsDrawnBy(member: String) throws {
    let (keys, back) = try converted([member: .number(0.5)])
    #expect(keys.count == 1 && back["do_sample"] == true && back[member] == .number(0.5))
  }

  /// What is not a number of its key's type is left out, as is all of a model whose tokens are not drawn.
  @Test(
    arguments: [
      ["do_sample": false, "temperature": .number(0.6)],
      ["temperature": "hot", "top_k": .number(0.5), "top_p": .null, "min_p": .number(1e60)],
      ["top_k": 4_294_967_296],
    ] as [JSONValue])
  func nothingElseIsWritten(_ stated: JSONValue) throws {
    let (keys, back) = try converted(stated)
    #expect(keys.isEmpty && back["do_sample"] == nil && back["temperature"] == nil)
  }
}
