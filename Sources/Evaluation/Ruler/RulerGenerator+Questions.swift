/// Question answering: the paragraphs that hold the answer among others.
extension RulerGenerator {
  func questionDraft(
    _ task: RulerTask, index: Int, _ random: inout SeededGenerator
  ) throws -> RulerDraft {
    let (source, format) = task == .questions1 ? (squad, "SQuAD") : (hotpot, "HotpotQA")
    guard let source else {
      throw EvaluationError.usage(
        "\(task.rawValue) needs a file of questions in \(format)'s JSON format")
    }
    guard index < source.questions.count else {
      throw EvaluationError.usage(
        "\(task.rawValue): sample \(index), but the file has \(source.questions.count) questions")
    }
    let question = source.questions[index]
    let related = source.related(to: question)
    let near = Set(question.gold + related)
    let others = source.documents.indices.filter { !near.contains($0) }
    // Larger haystacks begin with the paragraphs of smaller ones.
    let order = question.gold + random.shuffled(related) + random.shuffled(others)
    let least = question.gold.count
    return RulerDraft(
      references: question.answers, units: least...max(order.count, least)
    ) { [random] count in
      var random = random
      let documents = random.shuffled(Array(order.prefix(count))).enumerated().map {
        "Document \($0 + 1):\n\(source.documents[$1])"
      }
      let instruction =
        "Answer the question based on the given documents. Only give me the answer and do not "
        + "output any other words.\n\n"
      return instruction + "The following are given documents.\n\n"
        + documents.joined(separator: "\n\n") + "\n\n" + instruction
        + "Question: \(question.text) Answer:"
    }
  }
}
