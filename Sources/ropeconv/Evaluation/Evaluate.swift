import ArgumentParser
import Base
import Evaluation
import Reports

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Score models: perplexity, retrieval, comparison.",
    discussion: HelpText.discussion(
      examples: "ropeconv eval perplexity model.gguf --text wiki.test.txt",
      "ropeconv eval needle model.gguf --haystack essays/ --lengths 512,1024",
      "ropeconv eval compare model.gguf model.rove.gguf --text wiki.test.txt"),
    subcommands: Evaluations.all.compactMap { ($0 as? any CommandedResult.Type)?.command }
      + [EvaluateMerge.self])
}

/// An evaluation's result that a command makes: every one of `Evaluations`.
protocol CommandedResult: ReportedResult {
  static var command: any ParsableCommand.Type { get }
}

extension OutputOptions {
  /// Prints an evaluation's result; `work` is how it was computed, where this call computed it.
  func show(_ result: any ReportedResult, of work: WorkOptions? = nil) {
    for note in result.record.calibrationNotes { warn(note) }
    let peak = ProcessMemory.peakBytes
    let text = { result.text(peakBytes: peak, color: .current) }
    show(result.json(peakBytes: peak), work?.stating(text()) ?? text())
  }
}

extension ThresholdOptions {
  /// Writes the case and throws where the threshold was missed; `option` sets it, and nil
  /// thresholds were not set.
  func check(
    _ result: any ReportedResult, force: Bool, _ option: String, _ threshold: Threshold?
  ) throws {
    try check(
      "eval \(type(of: result).kind)", force: force,
      threshold.map { [(option, $0.missed(limitName: option))] } ?? [])
  }
}
