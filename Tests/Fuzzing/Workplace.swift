import Checkpoints
import Conversion
import Evaluation
import Foundation
import Reports
import Rotary
import TestSupport
import Vocabulary

/// The folder of a run: valid inputs that cases are made from, and what is done with a model.
struct Workplace {
  let folder: String
  /// Small checkpoints of the project as Hugging Face folders: llama with a tokenizer, nanoGPT.
  let checkpoints: [String]
  static let fixtures = References.file("fixtures")

  init(_ folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let lantern = "\(folder)/seeds/lantern/"
    try? FileManager.default.removeItem(atPath: "\(folder)/seeds")
    try FileManager.default.createDirectory(
      atPath: "\(folder)/seeds", withIntermediateDirectories: true)
    let model = try Model(opening: "\(Self.fixtures)/lantern.gguf")
    _ = try ConversionPlan(
      model.plan, ConversionRequest(sites: .all, output: lantern, valuePairs: 5)
    )
    .write(version: "fuzz")
    // Twelve more architectures where the shared references are there.
    let shared =
      ProcessInfo.processInfo.environment["ROPECONV_SHARED"] ?? References.file("../shared")
    let parity = References.parityFamilies.map { "\(shared)/parity/\($0)/" }
    checkpoints =
      [lantern]
      + ["learned", "rope", "rove"].map {
        References.file("Tests/InferenceTests/Golden/nanogpt/\($0)/")
      }
      + parity.filter(FileManager.default.fileExists(atPath:))
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  /// An empty folder.
  func fresh(_ name: String) throws -> String {
    let path = path(name)
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// Inspects, tokenizes, scores and now and then converts a checkpoint; what is written must open.
  func exercise(_ path: String, _ random: inout SeededGenerator) throws {
    let model = try Model(opening: path)
    let inspection = Inspection(model.plan, listsTensors: true)
    _ = (inspection.text(), inspection.json().serialized(pretty: true))
    let hasTokenizer =
      try Tokenizer.load(from: model.checkpoint).map { tokenizer in
        _ = try tokenizer.encode(
          Array("The lantern of \u{E9}t\u{E9} 12345 \n\n \u{1F642} <s>".utf8), addSpecial: true,
          parseSpecial: random.isOne(in: 2), threads: 2)
      } != nil
    let vocabulary = max(model.plan.shape.vocabulary, 1)
    let ids = (0..<24).map { Int32(clamping: ($0 * 31 + 7) % vocabulary) }
    let request = RotaryRequest(
      sites: random.element(of: [nil, .scores, .message, .all]) ?? nil,
      valuePairs: random.isOne(in: 3) ? random.integer(below: 5) : nil)
    let evaluation = PerplexityEvaluation(
      windows: WindowPlan(context: ids.count, scored: .all), rotary: request)
    _ = try evaluation.run(model, on: TokenizedText(name: "ids", tokens: ids))
    guard random.isOne(in: 3) else { return }
    let names = ["out.gguf", "out.safetensors", "out/", "out.tar", "out.zip"]
    let output = "\(try fresh("output"))/\(random.element(of: names) ?? "out.gguf")"
    let identities = AbsorptionIdentity.allCases.filter { _ in random.isOne(in: 3) }
    let plan = try ConversionPlan(
      model.plan,
      ConversionRequest(
        sites: random.element(of: [.scores, .message, .all, []]) ?? .all, output: output,
        absorb: identities.sorted(),
        type: random.element(of: [.keep, .type(.f32), .type(.bf16)]) ?? .keep))
    _ = try plan.write(version: "fuzz")
    do {
      let written = try Model(opening: output)
      // A single .safetensors has none beside it; that one cannot be written is said before.
      let loses =
        output.hasSuffix(".safetensors") || plan.warnings.contains { $0.text.contains("tokenizer") }
      if hasTokenizer, !loses { _ = try written.tokenizer() }
    } catch {
      throw Contradiction(description: "\(output) was written and cannot be read: \(error)")
    }
  }
}
