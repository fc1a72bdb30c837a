extension TokenizedText {
  /// Reads and tokenizes a text with the first of these models that has a tokenizer: one that was
  /// converted to a folder may have lost its own.
  /// - Throws: `EvaluationError.noTokenizer`, naming the last, where none has one.
  public init(_ source: TextSource, forFirstOf models: Model..., threads: Int = 1) throws {
    // Read once: a pipe has nothing for a second model.
    let source = try source.loaded()
    for model in models.dropLast() {
      do {
        self = try TokenizedText(source, for: model, threads: threads)
        return
      } catch EvaluationError.noTokenizer {
        continue
      }
    }
    guard let last = models.last else { throw EvaluationError.noTokenizer(file: source.name) }
    self = try TokenizedText(source, for: last, threads: threads)
  }
}
