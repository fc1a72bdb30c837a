import Base
import Checkpoints

/// The prompts of a needle test, for whoever wants to see them or run them elsewhere. Each is made
/// when it is asked for.
package struct NeedlePrompts {
  let trials: NeedleTrials
  let cells: [NeedleResult.Cell]

  /// Trials of all cells, by length, then depth.
  package var count: Int { cells.count }

  /// A prompt with the names of RULER's files: `index`, `input`, `outputs`, `length` (tokens of prompt
  /// and answer), the cell it belongs to, and in `placed` where its needle stands (percent). The
  /// token that begins every text is not in `input`. Indices go from 0 to `count - 1`.
  /// - Throws: `EvaluationError.usage` where the cell's length leaves no room.
  package func json(at index: Int) throws -> JSONValue {
    let cell = cells[index]
    let trial = try trials.trial(length: cell.length, depth: cell.depth, trial: cell.trial)
    func text(_ bytes: [UInt8]) -> JSONValue { .string(String(decoding: bytes, as: UTF8.self)) }
    return [
      "index": JSONValue(index), "input": text(trial.prompt), "outputs": [text(trial.answer)],
      "length": JSONValue(trial.completion.tokens.count), "task": "needle",
      "max_seq_length": JSONValue(cell.length), "depth": .number(cell.depth),
      "placed": .number(trial.placed), "trial": JSONValue(cell.trial),
      "tokens_to_generate": JSONValue(trial.completion.answer.count),
    ]
  }
}
