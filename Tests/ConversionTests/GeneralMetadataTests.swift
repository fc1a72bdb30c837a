import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import OrderedCollections
import Rotary
import TestSupport
import Testing

/// `general.*` keys through a Hugging Face folder.
@Suite struct GeneralMetadataTests {
  @Test(arguments: [RotarySites.scores, .all])
  func everyTypeReturnsFromAFolder(sites: RotarySites) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    let added: OrderedDictionary<String, MetadataValue> = [
      "general.name": .string("A name"), "general.license": .string("mit"),
      "general.tags": .array(.strings(["one", "zwei"])),
      "general.a.uint8": .uint8(200), "general.a.int8": .int8(-3), "general.a.uint16": .uint16(9),
      "general.a.int16": .int16(-9), "general.a.uint32": .uint32(4_000_000_000),
      "general.a.int32": .int32(-7), "general.a.uint64": .uint64(.max),
      "general.a.int64": .int64(.min), "general.a.float32": .float32(0.1),
      "general.a.float64": .float64(0.1), "general.a.bool": .bool(true),
      "general.a.ints": .array(.int16([1, -2])), "general.a.floats": .array(.floats([0.5, 1])),
    ]
    let metadata = source.metadata.merging(added) { $1 }
    let tensors = source.tensors.values.map {
      OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
    }
    try GGUFWriter.write(
      to: "\(work)/source.gguf", metadata: metadata, tensors: tensors, force: false, inputs: [])
    var last = "\(work)/source.gguf"
    // A folder made of a folder carries them on.
    for (output, to) in [("one/", sites), ("two/", .scores), ("three.gguf", .scores)] {
      _ = try ConversionPlan(
        Model(opening: last).plan, ConversionRequest(sites: to, output: "\(work)/\(output)")
      ).write(version: "test")
      last = "\(work)/\(output)"
    }
    let back = try Checkpoint.open(last).metadata
    for (key, value) in added { #expect(back[key] == value, "\(key)") }
    let ofTheFile = ["general.file_type", "general.quantization_version"]
    for (key, value) in metadata where key.hasPrefix("general.") && !ofTheFile.contains(key) {
      #expect(back[key] == value, "\(key)")
    }
    let configuration = try JSONValue.read(contentsOf: "\(work)/two/config.json")
    let kept = configuration["ropeconv"]?["gguf_general"]
    #expect(kept?["general.architecture"] == nil && kept?["general.file_type"] == nil)
  }
}
