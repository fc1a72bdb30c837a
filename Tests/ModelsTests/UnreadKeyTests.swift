import Checkpoints
import Models
import TestSupport
import Testing

/// Keys of a GGUF file that change what other readers compute, and that nothing here reads.
@Suite struct UnreadKeyTests {
  private func plan(_ keys: [String: MetadataValue]) throws -> ModelPlan {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    var metadata = source.metadata
    for (key, value) in keys { metadata[key] = value }
    return try ModelPlan(source.restated(metadata: metadata))
  }

  @Test func keysThatNothingReadsAreSaid() throws {
    #expect(try plan([:]).notes.isEmpty)
    for key in ["llama.rope.surprise", "llama.attention.output_scale", "llama.residual_scale"] {
      let notes = try plan([key: .float32(0.5)]).notes
      #expect(notes.count == 1 && notes.first?.contains("'\(key)'") == true, "\(key): \(notes)")
    }
    let keys = ["llama.rope.scaling.alpha", "llama.rope.freq_base_swa"]
    let notes = try plan([keys[0]: .float32(2), keys[1]: .float32(2)]).notes
    #expect(notes.count == 1 && keys.allSatisfy { notes.first?.contains("'\($0)'") == true })
  }

  /// What is read, what changes nothing, and what is of no rotation, attention or scale.
  @Test func otherKeysAreNot() throws {
    for (key, value) in [
      ("llama.rope.scaling.original_context_length", MetadataValue.uint32(64)),
      ("llama.rope.scaling.finetuned", .bool(true)), ("llama.attention.causal", .bool(true)),
      ("llama.attention.layer_norm_epsilon", .float32(1e-5)),
      ("llama.surprise", .uint32(1)), ("qwen2.rope.surprise", .uint32(1)),
    ] {
      #expect(try plan([key: value]).notes.isEmpty, "\(key)")
    }
  }

  /// Values by which llama.cpp computes what it computes without the key; others of the same keys are said.
  @Test func valuesThatChangeNothingAreNotSaid() throws {
    for (key, harmless, other) in [
      ("attention.clamp_kqv", MetadataValue.float32(0), MetadataValue.float32(8)),
      ("attention.max_alibi_bias", .float32(0), .float32(8)),
      ("logit_scale", .float32(0), .float32(0.0625)),
      ("logit_scale", .float32(1), .string("1")),
      ("rope.scaling.yarn_ext_factor", .float32(-1), .float32(0)),
    ] {
      #expect(try plan(["llama.\(key)": harmless]).notes.isEmpty, "\(key)")
      #expect(try plan(["llama.\(key)": other]).notes.count == 1, "\(key)")
    }
  }

  /// llama.cpp reads the key in files of every architecture.
  @Test func tokensThatSeeLaterOnesAreRefused() throws {
    let error = #expect(throws: ModelError.self) {
      try plan(["llama.attention.causal": .bool(false)])
    }
    #expect(error?.exitStatus == .malformedData)
    #expect(error?.summary == "'llama.attention.causal' is false, supported: true")
  }
}
