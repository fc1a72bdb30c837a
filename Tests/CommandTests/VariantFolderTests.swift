import Base
import Foundation
import TestSupport
import Testing

/// A variant's folder is read as it stands: what transformers ignores or takes for granted in its
/// source is made plain in it, so that it is the model that the variant's GGUF file is.
@Suite struct VariantFolderTests: CommandSuite {
  private static let edits: [(family: String, removed: [String], added: [String: JSONValue])] = [
    ("llama", [], ["sliding_window": .integer(16)]),
    ("deepseek-v3", ["routed_scaling_factor"], [:]),
    ("mixtral", ["rope_parameters", "rope_theta"], [:]), ("exaone4", ["sliding_window"], [:]),
  ]

  @Test(arguments: Self.edits)
  func folderAndFileAreOneModel(
    family: String, removed: [String], added: [String: JSONValue]
  ) throws {
    guard let parity = try References.shared("parity/\(family)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let source = "\(work)/source"
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(parity)/model.safetensors", toPath: "\(source)/model.safetensors")
    var members = try #require(try JSONValue.read(contentsOf: "\(parity)/config.json").object)
    for key in removed { members[key] = nil }
    for (key, value) in added { members[key] = value }
    try JSONValue.object(members).serialized(pretty: true)
      .write(toFile: "\(source)/config.json", atomically: true, encoding: .utf8)
    let ids = "[\((0..<256).map { "\($0 * 7 % 128)" }.joined(separator: ","))]"
    try ids.write(toFile: "\(work)/ids.json", atomically: true, encoding: .utf8)
    func perplexity(_ output: String) throws -> Double {
      let written = "\(work)/\(output)"
      let done = try run(
        "convert", source, "--to", "qkvo", "--fit", "none", "-o", written, "--quiet")
      try #require(done.status == 0, "\(done.errors)")
      let scored = try json(
        run(
          "eval", "perplexity", written, "--tokens", "\(work)/ids.json", "--ctx", "64",
          "--compute", "f32", "--json", "--quiet"))
      return try #require(scored["ppl"]?.double)
    }
    let (file, folder) = try (perplexity("v.gguf"), perplexity("v/"))
    #expect(abs(file - folder) < 1e-5 * file, "\(family): \(file) and \(folder)")
  }
}
