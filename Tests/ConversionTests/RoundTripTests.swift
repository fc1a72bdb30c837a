import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import Tensors
import TestSupport
import Testing

@Suite struct RoundTripTests {
  private func convert(
    _ source: String, to sites: RotarySites, _ output: String, pairs: Int? = nil
  ) throws -> ConversionPlan {
    let plan = try ConversionPlan(
      Model(opening: source).plan,
      ConversionRequest(sites: sites, output: output, valuePairs: pairs, threads: 2))
    _ = try plan.write(version: "test")
    return plan
  }

  /// Plain sites -> qkvo (qk where that is plain) -> plain sites: every tensor byte for byte, and
  /// the metadata but for where it comes from.
  private func checkReturn(_ path: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let sites: RotarySites = try Model(opening: path).plan.plainSites == .all ? .scores : .all
    let out = try convert(path, to: sites, "\(work)/rove.gguf")
    #expect(out.rewrittenTensors == 0)
    _ = try convert(
      "\(work)/rove.gguf", to: Model(opening: path).plan.plainSites, "\(work)/back.gguf")
    let original = try Checkpoint.open(path)
    let variant = try Checkpoint.open("\(work)/rove.gguf")
    let back = try Checkpoint.open("\(work)/back.gguf")
    #expect(Array(back.tensors.keys) == Array(original.tensors.keys))
    for (name, tensor) in original.tensors {
      let other = try #require(back.tensors[name])
      #expect(other.type == tensor.type && other.shape == tensor.shape)
      let same = tensor.withBytes { one in other.withBytes { two in one.elementsEqual(two) } }
      #expect(same, "\(name)")
    }
    let provenance = back.metadata.keys.filter { original.metadata[$0] == nil }
    #expect(
      provenance.allSatisfy {
        $0.hasPrefix("ropeconv.") || $0.hasPrefix("general.base_model.")
      })
    for (key, value) in original.metadata where !key.hasPrefix("ropeconv.") {
      #expect(back.metadata[key] == value, "\(key)")
    }
    let architecture = try #require(original.metadata["general.architecture"]?.string)
    #expect(variant.metadata["general.architecture"]?.string == "\(architecture)-rotary")
    #expect(variant.metadata["rotary.sites"]?.string == sites.code)
    #expect(variant.metadata["\(architecture).block_count"] == nil)
    #expect(variant.metadata["\(architecture)-rotary.block_count"] != nil)
  }

  @Test func embeddedModelReturnsUnchanged() throws {
    try checkReturn(References.file("fixtures/lantern.gguf"))
  }

  @Test func smolLM2ReturnsUnchanged() throws {
    guard let path = try References.smolLM2() else { return }
    try checkReturn(path)
  }

  @Test(arguments: References.parityFamilies)
  func everyFamilyReturnsUnchanged(name: String) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try convert(folder, to: Model(opening: folder).plan.plainSites, "\(work)/plain.gguf")
    try checkReturn("\(work)/plain.gguf")
  }

  @Test func valueBiasOfQwen2ComesBack() throws {
    guard let folder = try References.shared("parity/qwen2") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    _ = try convert(folder, to: .scores, "\(work)/plain.gguf")
    let rove = try convert("\(work)/plain.gguf", to: .all, "\(work)/rove.gguf")
    #expect(rove.absorbed.map(\.identity) == [.valueBias])
    let file = try Checkpoint.open("\(work)/rove.gguf")
    #expect(file.metadata["rotary.value.bias"]?.string == "unrotated")
  }

  /// Scoring as if and converting first are the same numbers, for all sixteen subsets.
  @Test func asIfEqualsConverted() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = References.file("fixtures/lantern.gguf")
    let source = try Model(opening: path)
    let tokens = (0..<64).map { Int32(($0 * 31 + 7) % source.plan.shape.vocabulary) }
    for sites in (0..<16).map(RotarySites.init(rawValue:)) {
      let pairs: Int? = sites.rotatesMessage ? 9 : nil
      _ = try convert(path, to: sites, "\(work)/\(sites.name).gguf", pairs: pairs)
      let asIf = try source.logits(tokens, rotary: RotaryRequest(sites: sites, valuePairs: pairs))
      let converted = try Model(opening: "\(work)/\(sites.name).gguf").logits(tokens)
      #expect(asIf == converted, "\(sites.name)")
    }
  }

  @Test func twoWritesAreTheSameBytes() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let path = References.file("fixtures/lantern.gguf")
    for threads in [1, 2] {
      _ = try ConversionPlan(
        Model(opening: path).plan,
        ConversionRequest(
          sites: .all, output: "\(work)/\(threads).gguf", absorb: [.valueBasis, .normGain],
          threads: threads)
      ).write(version: "test")
    }
    let one = FileManager.default.contents(atPath: "\(work)/1.gguf")
    #expect(one != nil && one == FileManager.default.contents(atPath: "\(work)/2.gguf"))
  }
}
