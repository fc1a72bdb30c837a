import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing

/// A conversion says where its output makes other tokens of texts than its source.
@Suite struct OtherTokenTests {
  /// Texts after a special token get no space from the folder, and one from readers of the file.
  private static let bytes = (0...255).map { String(format: ", \"<0x%02X>\": %d", $0, 7 + $0) }
  private static let tokenizer = """
    {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}],
     "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "first", "split": false},
     "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "merges": ["▁ a"],
      "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "a": 4, "b": 5, "▁a": 6\(bytes.joined())}}}
    """

  private func warnings(of text: String) throws -> [ConversionWarning]? {
    guard let source = try References.shared("parity/llama") else { return nil }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(work)/\(name)")
    }
    try Self.tokenizer.write(
      toFile: "\(work)/tokenizer.json", atomically: true, encoding: .utf8)
    let run = try ConversionRun(
      Model(opening: work), ConversionRequest(sites: nil, output: "\(work)/out.gguf"),
      scoring: ScoringRequest(
        .bytes(Array(text.utf8), name: "text"), windows: WindowPlan(context: 16),
        options: RunOptions(threads: 1)))
    return run.planned().plan.warnings
  }

  private func count(_ warnings: [ConversionWarning], _ words: String) -> Int {
    warnings.count { $0.text.contains(words) }
  }

  @Test func ofTheTextScored() throws {
    let text = String(repeating: "ab ", count: 40)
    guard let same = try warnings(of: text), let other = try warnings(of: " " + text) else {
      return
    }
    for warnings in [same, other] {
      #expect(count(warnings, "prepend_scheme 'first'") == 1)
      #expect(count(warnings, "some texts get other tokens from the output: ' Hello world'") == 1)
    }
    // A text that begins with a space gets another one.
    #expect(count(same, "the text that is scored") == 0)
    #expect(count(other, "the text that is scored") == 1)
  }
}
