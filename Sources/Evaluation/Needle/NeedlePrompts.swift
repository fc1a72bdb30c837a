import Base
import Checkpoints
import Vocabulary

/// The prompts of a needle test, for whoever wants to see them or run them elsewhere. Each is made
/// when it is asked for.
package struct NeedlePrompts {
  let trials: NeedleTrials
  let cells: [NeedleResult.Cell]

  /// Trials of all cells, by length, then depth.
  package var count: Int { cells.count }

  /// A prompt with the names of RULER's files: `index`, `input`, `outputs`, `length` (tokens of prompt
  /// and answer), and the cell it belongs to. The token that begins every text is not in `input`.
  /// Indices go from 0 to `count - 1`.
  /// - Throws: `EvaluationError.usage` where the cell's length leaves no room.
  package func json(at index: Int) throws -> JSONValue {
    let cell = cells[index]
    let completion = try trials.completion(
      length: cell.length, depth: cell.depth, trial: cell.trial)
    let tokenizer = trials.tokenizer
    func text(_ tokens: ArraySlice<Int32>) -> JSONValue {
      .string(String(decoding: tokenizer.decode(Array(tokens)), as: UTF8.self))
    }
    let begins = tokenizer.addsBOS && completion.tokens.first == tokenizer.bos
    return [
      "index": JSONValue(index),
      "input": text(completion.tokens[(begins ? 1 : 0)..<completion.answer.lowerBound]),
      "outputs": [text(completion.tokens[completion.answer])],
      "length": JSONValue(completion.tokens.count), "task": "needle",
      "max_seq_length": JSONValue(cell.length), "depth": .number(cell.depth),
      "trial": JSONValue(cell.trial), "tokens_to_generate": JSONValue(completion.answer.count),
    ]
  }
}
