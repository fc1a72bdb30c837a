import Checkpoints
import Foundation
import TestSupport
import Testing

/// `verify` names the first place where two models part, and holds a model against another engine's
/// numbers.
@Suite struct VerifyCommandTests: CommandSuite {
  private static let chunks = ["--text", text, "--ctx", "64", "--chunks", "2"]

  private func call(_ arguments: [String]) throws -> Finished {
    try runProgram(Self.program, arguments)
  }

  private func folder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  /// Exponents of some weights in each part of a layer: the layer and the part are named.
  @Test(
    arguments: [
      ("token_embd.weight", nil, "embedding"), ("blk.0.attn_q.weight", 0, "attention"),
      ("blk.1.attn_output.weight", 1, "attention"), ("blk.1.ffn_down.weight", 1, "feed_forward"),
      ("output_norm.weight", nil, "output"),
    ] as [(String, Int?, String)])
  func aChangedTensorIsNamed(_ tensor: String, _ layer: Int?, _ part: String) throws {
    try folder { work in
      let entry = try #require(try Checkpoint.open(Self.model).tensors[tensor])
      var bytes = try Data(contentsOf: URL(fileURLWithPath: Self.model))
      // The last byte of a float16 or a float32, which has bits of its exponent.
      for index in stride(from: entry.range.lowerBound + 3, to: entry.range.upperBound, by: 64) {
        bytes[index] ^= 0x7
      }
      let path = "\(work)/changed.gguf"
      try bytes.write(to: URL(fileURLWithPath: path))
      let finished = try call(["verify", Self.model, path, "--json"] + Self.chunks)
      #expect(finished.status == 1)
      let fields = try json(finished)
      #expect(fields["first_difference"]?["layer"]?.int == layer)
      #expect(fields["first_difference"]?["part"]?.string == part)
      #expect(fields["layers_not_compared"] == .null)
      let words = try call(["verify", Self.model, path] + Self.chunks).output
      #expect(words.contains("first differs") && words.contains("different at tolerance"))
      if let layer { #expect(words.contains("layer \(layer), its ")) }
    }
  }

  /// Equal models have no first difference, and nothing else is said of layers.
  @Test func equalModelsPartNowhere() throws {
    let fields = try json(call(["verify", Self.model, Self.model, "--json"] + Self.chunks))
    #expect(fields["same"] == .bool(true))
    #expect(fields["first_difference"] == .null && fields["layers_not_compared"] == .null)
  }

  /// What `--nll` writes is accepted with its sign, and one number that differs is named.
  @Test func anotherEnginesNumbers() throws {
    try folder { work in
      let scored = "\(work)/nll.npy"
      #expect(
        try call(
          ["eval", "perplexity", Self.model, "--score", "all", "--compute", "f32", "--nll", scored]
            + Self.chunks
        ).status == 0)
      let same = try call(["verify", Self.model, "--logprobs", scored, "--json"] + Self.chunks)
      #expect(same.status == 0)
      #expect(try json(same)["targets"]?.int == 126)
      #expect(try json(same)["first_difference"] == .null)
      var bytes = try Data(contentsOf: URL(fileURLWithPath: scored))
      let header = bytes.count - 126 * 4
      // Target 71: the second chunk's ninth, whose position is 9; it is none of the certain ones.
      bytes[header + 71 * 4 + 2] ^= 0x40
      try bytes.write(to: URL(fileURLWithPath: scored))
      let other = try call(["verify", Self.model, "--logprobs", scored, "--json"] + Self.chunks)
      #expect(other.status == 1)
      let fields = try json(other)
      #expect(fields["first_difference"]?["chunk"]?.int == 1)
      #expect(fields["first_difference"]?["position"]?.int == 9)
      try bytes.dropLast(4).write(to: URL(fileURLWithPath: "\(work)/short.npy"))
      let refusals: [([String], Int32, String)] = [
        (["--logprobs", "\(work)/short.npy"], 65, "behind its header"),
        (["--logprobs", scored, "--score", "second-half"], 65, "126 numbers for 62 targets"),
        (["--logprobs", Self.text], 65, "not a NumPy file"),
        (["--logprobs", "\(work)/none.npy"], 66, "no such file"),
        (["--logprobs", scored, "--streams", scored], 65, "holds 126 numbers, expected"),
        ([Self.model, "--streams", scored], 64, "--streams goes with --logprobs"),
        ([], 64, "a model to compare with"), ([Self.model, "--logprobs", scored], 64, "exclude"),
      ]
      for (arguments, status, words) in refusals {
        expectFailure(
          try call(["verify", Self.model] + arguments + Self.chunks), status, containing: words)
      }
    }
  }
}
