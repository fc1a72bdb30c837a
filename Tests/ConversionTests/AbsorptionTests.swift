import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import Tensors
import TestSupport
import Testing

/// Every absorption identity proven on logits: f32, at most 1e-4 of their standard deviation.
@Suite struct AbsorptionTests {
  struct Proof: Sendable, CustomTestStringConvertible {
    let model: String
    let sites: String
    let identities: String
    var pairs: Int? = nil
    var testDescription: String { "\(model) \(sites) \(identities)" }
  }

  /// Biases, GQA, QK norm, partial rotary, latent attention; rotated and still values.
  static let proofs: [Proof] = [
    Proof(model: "llama", sites: "qk", identities: "A1"),
    Proof(model: "llama", sites: "qkvo", identities: "A1"),
    Proof(model: "llama", sites: "qk", identities: "A2"),
    Proof(model: "llama", sites: "qkvo", identities: "A2"),
    Proof(model: "llama", sites: "qkvo", identities: "A2", pairs: 2),
    Proof(model: "llama", sites: "vo", identities: "A3"),
    Proof(model: "llama", sites: "qk", identities: "A3"),
    Proof(model: "llama", sites: "qk", identities: "A5"),
    Proof(model: "llama", sites: "qkvo", identities: "A1,A2,A3,A5"),
    Proof(model: "qwen2", sites: "qk", identities: "A1,A2,A3,A5"),
    Proof(model: "qwen2", sites: "qkvo", identities: "A2,A3,A4,A5"),
    Proof(model: "qwen3", sites: "qk", identities: "A1,A2,A5"),
    Proof(model: "qwen3", sites: "qkvo", identities: "A1,A2,A5"),
    Proof(model: "gemma3", sites: "qkvo", identities: "A1,A2,A5"),
    Proof(model: "gpt2", sites: "nope", identities: "A2,A3,A4,A5"),
    Proof(model: "gpt2", sites: "qkvo", identities: "A1,A2,A3,A4"),
    Proof(model: "gpt-neox", sites: "qk", identities: "A1,A2,A3,A4,A5"),
    Proof(model: "gpt-neox", sites: "qkvo", identities: "A1,A2,A3"),
    Proof(model: "phi3", sites: "qkvo", identities: "A1,A2,A3,A5"),
    Proof(model: "olmo2", sites: "qkvo", identities: "A1,A2"),
    Proof(model: "deepseek-v2-mla", sites: "qkvo", identities: "A1,A2,A3,A5"),
    Proof(model: "deepseek-v2-mla", sites: "qk", identities: "A1,A2,A3,A5"),
    Proof(model: "deepseek-v2-mla", sites: "qk", identities: "A6"),
    Proof(model: "deepseek-v2-mla", sites: "qk", identities: "A1,A2,A3,A5,A6"),
    Proof(model: "deepseek-v2-mla", sites: "nope", identities: "A6"),
    Proof(model: "deepseek-v2-moe", sites: "qk", identities: "A6"),
    Proof(model: "deepseek-v3", sites: "qk", identities: "A1,A6"),
    Proof(model: "llama", sites: "qk", identities: "A7"),
    Proof(model: "llama", sites: "qkvo", identities: "A7", pairs: 2),
    Proof(model: "llama", sites: "kv", identities: "A1,A7"),
    Proof(model: "qwen2", sites: "qkvo", identities: "A2,A3,A4,A5,A7"),
    Proof(model: "qwen3", sites: "qkvo", identities: "A1,A2,A5,A7"),
    Proof(model: "gpt-neox", sites: "qkvo", identities: "A7"),
    Proof(model: "hunyuan", sites: "qkvo", identities: "A7"),
    Proof(model: "olmo2", sites: "qk", identities: "A1,A7"),
    Proof(model: "deepseek-v2-mla", sites: "qkvo", identities: "A1,A7"),
    Proof(model: "deepseek-v3", sites: "qk", identities: "A6,A7"),
    Proof(model: "gpt-oss", sites: "qk", identities: "A1,A2,A3"),
    Proof(model: "gpt-oss", sites: "qkvo", identities: "A1,A2,A3,A4"),
  ]

  @Test(arguments: proofs)
  func identitiesLeaveTheLogitsAlone(proof: Proof) throws {
    guard let folder = try References.shared("parity/\(proof.model)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Model(opening: folder)
    let sites = try RotarySites(parsing: proof.sites)
    // The reference: the same variant with nothing absorbed, scored as if.
    let tokens = (0..<96).map { Int32(($0 * 37 + 11) % source.plan.shape.vocabulary) }
    let reference = try source.logits(
      tokens, rotary: RotaryRequest(sites: sites, valuePairs: proof.pairs), threads: 2)
    for path in ["\(work)/model.gguf", "\(work)/folder/"] {
      let plan = try ConversionPlan(
        source.plan,
        ConversionRequest(
          sites: sites, output: path, valuePairs: proof.pairs,
          absorb: AbsorptionIdentity.list(proof.identities), type: .type(.f32), threads: 2))
      _ = try plan.write(version: "test")
      let difference = relativeDifference(
        try Model(opening: path).logits(tokens, threads: 2), reference)
      print("\(proof.testDescription) \(path.hasSuffix("/") ? "folder" : "GGUF"): \(difference)")
      #expect(difference <= 1e-4)
      #expect(plan.rewrittenTensors > 0)
    }
  }

  /// An identity that changed no weight would pass the test above: the weights must differ.
  @Test(arguments: ["A2", "A3", "A5"])
  func identitiesChangeWeights(identity: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Model(opening: References.file("fixtures/lantern.gguf"))
    let path = "\(work)/model.gguf"
    _ = try ConversionPlan(
      source.plan,
      ConversionRequest(
        sites: .scores, output: path, absorb: AbsorptionIdentity.list(identity), type: .type(.f32))
    ).write(version: "test")
    let output = try Model(opening: path)
    let changed = try source.checkpoint.tensors.values.contains { tensor in
      let other = try #require(output.checkpoint.tensors[tensor.name])
      return relativeDifference(try other.decoded(), try tensor.decoded()) > 1e-2
    }
    #expect(changed)
  }

  @Test func identitiesThatDoNotHoldAreRefused() throws {
    for (name, sites, identity) in [
      ("qwen3", "qk", "A3"), ("olmo2", "qk", "A5"), ("llama", "qk", "A4"), ("qwen2", "qk", "A4"),
      ("gpt-oss", "qk", "A4"), ("gpt-oss", "nope", "A4"),
      ("llama", "qk", "B1"),
    ] {
      guard let folder = try References.shared("parity/\(name)") else { return }
      let source = try Model(opening: folder)
      #expect(throws: ConversionError.self) {
        try ConversionPlan(
          source.plan,
          ConversionRequest(
            sites: RotarySites(parsing: sites), output: "/nonexistent/x.gguf",
            absorb: AbsorptionIdentity.list(identity)))
      }
    }
  }

  @Test func stillPairsStayWithinTheirBound() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = try Model(opening: References.file("fixtures/lantern.gguf"))
    let plan = try ConversionPlan(
      source.plan,
      ConversionRequest(
        sites: .all, output: "\(work)/model.gguf", absorb: [.stillPairs], stillEpsilon: 0.2))
    let bound = try #require(plan.absorbed.first).bound
    #expect(bound > 0 && bound < 0.2)
    #expect(plan.target.layers[0].value?.frequencies.contains(0) == true)
  }
}

/// The largest difference in standard deviations of the reference.
func relativeDifference(_ values: [Float], _ reference: [Float]) -> Double {
  guard values.count == reference.count, !values.isEmpty else { return .infinity }
  let mean = reference.reduce(0) { $0 + Double($1) } / Double(reference.count)
  let variance =
    reference.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(reference.count)
  var largest = 0.0
  for (one, other) in zip(values, reference) {
    let difference = abs(Double(one) - Double(other))
    if !(difference <= largest) { largest = difference }
  }
  return largest / max(variance, 1e-30).squareRoot()
}
