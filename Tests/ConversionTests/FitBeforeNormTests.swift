import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import Tensors
import TestSupport
import Testing

/// Fits of models whose attention passes a norm before it joins the stream, where some of the norm's
/// gains are near 0, as in trained models: what is divided by them must not drown the rest.
@Suite struct FitBeforeNormTests {
  /// The fitted model is nearer to the original than the plainly rewritten one, in KL divergence.
  @Test(arguments: ["olmo2", "exaone4", "gemma3"])
  func gainsNearZero(name: String) throws {
    guard let source = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try Self.copy(source, to: "\(work)/original", gainOffset: name == "gemma3" ? -1 : 0)
    let original = try Model(opening: "\(work)/original")

    func request(_ output: String) -> ConversionRequest {
      ConversionRequest(sites: .all, output: "\(work)/\(output)", type: .type(.f32), threads: 2)
    }
    let text = try FitTests.textThatIsFitted(original, request("unused.gguf"))
    func divergence(_ output: String, fit: FittedModel?) throws -> Double {
      _ = try ConversionPlan(original.plan, request(output), fit: fit).write(version: "test")
      let windows = WindowPlan(context: 64, limit: 16, scored: .all)
      let result = try ModelComparison(windows: windows)
        .run(original, Model(opening: "\(work)/\(output)"), on: text)
      return result.divergences.reduce(0, +) / Double(result.divergences.count)
    }
    let plan = try ConversionPlan(original.plan, request("unused.gguf"))
    let fitted = try FitTests.fit(original, plan).run(text)
    #expect(fitted.report.isUsed)
    // Targets that are drowned let no layer but the first gain anything: 0.9986 after 0.9998.
    for layer in fitted.report.layers { #expect(layer.errorAfter < 0.95 * layer.errorBefore) }
    let rewritten = try divergence("rewritten.gguf", fit: nil)
    let after = try divergence("fitted.gguf", fit: fitted)
    #expect(after < rewritten)
  }

  /// A copy of a folder whose norms after attention have gains from 1 down to a thousandth.
  /// - Parameter gainOffset: what the file holds beside the gain; -1 where the model adds 1 to it.
  private static func copy(_ source: String, to folder: String, gainOffset: Float) throws {
    try FileManager.default.copyItem(atPath: source, toPath: folder)
    let path = "\(folder)/model.safetensors"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let tensors = try Checkpoint.open("\(source)/model.safetensors").tensors
    let names = tensors.keys.filter { $0.hasSuffix("post_attention_layernorm.weight") }
    try #require(!names.isEmpty)
    for tensor in names.compactMap({ tensors[$0] }) {
      try #require(tensor.type == .f32)
      let gains = (0..<tensor.elementCount).map { index in
        pow(10, -Float(index * 37 % 64) / 21) + gainOffset
      }
      bytes.replaceSubrange(tensor.range, with: gains.withUnsafeBytes { Data($0) })
    }
    try bytes.write(to: URL(fileURLWithPath: path))
  }
}
