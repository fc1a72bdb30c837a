import Checkpoints
import Conversion
import Evaluation
import Foundation
import Rotary
import TestSupport
import Testing

/// The other names that GGUF files have for experts: gate and up in one stack, as llama.cpp's converter
/// fuses them, and a tensor for each expert, as it wrote them before 2024.
@Suite struct ExpertNameTests {
  @Test func fusedStacksAreRead() throws {
    try holds("deepseek-v2-moe") { file in
      try file.map { tensor -> [OutputTensor] in
        guard tensor.name.contains("ffn_gate_exps") else {
          return tensor.name.contains("ffn_up_exps") ? [] : [copy(of: tensor)]
        }
        let up = try #require(
          file.first { $0.name == tensor.name.replacing("gate_exps", with: "up_exps") })
        let (experts, bytes) = (tensor.shape[0], tensor.byteCount / tensor.shape[0])
        return [
          OutputTensor(
            name: tensor.name.replacing("gate_exps", with: "gate_up_exps"), type: tensor.type,
            shape: [experts, 2 * tensor.shape[1], tensor.shape[2]],
            contents: .pieces(
              (0..<experts).flatMap { expert in
                [tensor, up].map { ($0, (expert * bytes)..<((expert + 1) * bytes)) }
              }))
        ]
      }.flatMap { $0 }
    }
  }

  @Test func oneTensorForEachExpertIsRead() throws {
    try holds("mixtral") { file in
      file.flatMap { tensor -> [OutputTensor] in
        guard tensor.name.contains("_exps.") else { return [copy(of: tensor)] }
        let (experts, bytes) = (tensor.shape[0], tensor.byteCount / tensor.shape[0])
        return (0..<experts).map { expert in
          OutputTensor(
            name: tensor.name.replacing("_exps.", with: ".\(expert)."), type: tensor.type,
            shape: Array(tensor.shape.dropFirst()),
            contents: .pieces([(tensor, (expert * bytes)..<((expert + 1) * bytes))]))
        }
      }
    }
  }

  private func copy(of tensor: TensorEntry) -> OutputTensor {
    OutputTensor(
      name: tensor.name, type: tensor.type, shape: tensor.shape, contents: .copy(tensor))
  }

  /// A parity folder's GGUF file with tensors arranged otherwise gives the same logits, and so does
  /// what is made of it: a variant turned back has its bytes, a folder those of the first one.
  private func holds(
    _ name: String, _ arrange: ([TensorEntry]) throws -> [OutputTensor]
  ) throws {
    guard let folder = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    func convert(_ source: String, _ sites: RotarySites, _ output: String) throws {
      let plan = try Model(opening: source).plan
      _ = try ConversionPlan(
        plan, ConversionRequest(sites: sites, output: output, type: .keep, threads: 2)
      ).write(version: "test")
    }
    try convert(folder, .scores, "\(work)/usual.gguf")
    let usual = try Checkpoint.open("\(work)/usual.gguf")
    try GGUFWriter.write(
      to: "\(work)/other.gguf", metadata: usual.metadata,
      tensors: arrange(Array(usual.tensors.values)), force: false, inputs: [])
    let tokens = (0..<64).map { Int32(($0 * 31 + 7) % 320) }
    let expected = try Model(opening: "\(work)/usual.gguf").logits(tokens)
    #expect(try Model(opening: "\(work)/other.gguf").logits(tokens) == expected)

    try convert("\(work)/other.gguf", .all, "\(work)/variant.gguf")
    try convert("\(work)/variant.gguf", .scores, "\(work)/again.gguf")
    try convert("\(work)/other.gguf", .scores, "\(work)/back/")
    for (one, other) in [("other.gguf", "again.gguf"), ("", "back")] {
      let source = try Checkpoint.open(one.isEmpty ? folder : "\(work)/\(one)")
      let made = try Checkpoint.open("\(work)/\(other)")
      #expect(Set(source.tensors.keys) == Set(made.tensors.keys), "\(other)")
      for (name, tensor) in source.tensors {
        let made = try #require(made.tensors[name])
        let same = tensor.withBytes { one in made.withBytes { one.elementsEqual($0) } }
        #expect(same, "\(other): \(name)")
      }
    }
  }
}
