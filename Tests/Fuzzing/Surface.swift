import Evaluation

/// A kind of input.
struct Surface: Sendable {
  let name: String
  /// Prepares valid inputs; what it gives makes one case and runs it.
  let prepare: @Sendable (Workplace) throws -> (inout SeededGenerator) throws -> Void

  static let all = [
    Surface(name: "gguf", prepare: Containers.gguf),
    Surface(name: "safetensors", prepare: Containers.safetensors),
    Surface(name: "configuration", prepare: Containers.configuration),
    Surface(name: "archive", prepare: Containers.archive),
    Surface(name: "decoders", prepare: Decoders.decoders),
    Surface(name: "json", prepare: Texts.json),
    Surface(name: "tokenizer", prepare: Texts.tokenizer),
    Surface(name: "text", prepare: Texts.text),
    Surface(name: "questions", prepare: Texts.questions),
    Surface(name: "results", prepare: Results.results),
    Surface(name: "state", prepare: Results.state),
  ]
}
