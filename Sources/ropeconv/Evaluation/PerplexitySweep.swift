import ArgumentParser
import Evaluation
import Foundation
import Reports

extension PerplexitySweep.Targets: ExpressibleByArgument {}

extension EvaluatePerplexity {
  /// Perplexity by length, for every model and every scaling.
  func sweep() throws {
    let lengths =
      try lengths.map { try NumberList.whole($0, option: "--lengths") } ?? [window.ctx]
    let methods = variant.ropeScaling.split(separator: ",").map(String.init)
    guard !methods.isEmpty, Set(methods).count == methods.count else {
      throw EvaluationError.usage(
        "--rope-scaling is '\(variant.ropeScaling)', expected one or more, each once")
    }
    for (option, isGiven) in [
      ("--nll", nll != nil), ("--max-ppl", maxPpl != nil), ("--shard", longRun.shard != nil),
      ("--junit", thresholds.junit != nil),
    ] where isGiven {
      throw EvaluationError.usage("\(option) is for one model at one length")
    }
    let targets = lengthTargets ?? .same
    if lengths.count > 1, targets == .same, window.stride != nil {
      throw EvaluationError.usage(
        "--stride chooses targets by the length of a window: with --lengths it needs"
          + " --length-targets own")
    }
    let longest = lengths.max() ?? window.ctx
    let options = try work.options(longRun, threads: output.threads)
    let display = ProgressDisplay(quiet: output.quiet)
    let total = Double(models.count * max(methods.count, 1) * lengths.count)
    var done = 0.0
    // Read once: a pipe has nothing for a second model.
    let source = try text.required().loaded()
    var sweep = PerplexitySweep(text: source.name, targets: targets)
    for path in models {
      let model = try Model(opening: path)
      let tokens = try TokenizedText(source, for: model, threads: output.threads)
      if let method = methods.first {
        try variant.warnOfSites(
          variant.request(for: model.plan, method: method, factor: 1), model.plan, output)
      }
      for method in methods {
        var curve = PerplexitySweep.Curve(model: path, scaling: method)
        for length in lengths {
          let original = variant.ropeOriginalCtx ?? model.plan.shape.context
          let factor = max(Double(length) / Double(max(original, 1)), 1)
          var windows = window.plan(default: .secondHalf)
          windows.context = length
          if targets == .same, length < longest { windows.targetContext = longest }
          let request = try variant.request(for: model.plan, method: method, factor: factor)
          if length == longest { output.warn(model, beyond: length, rotary: request) }
          let evaluation = PerplexityEvaluation(
            windows: windows, rotary: request, start: window.start, options: options)
          curve.points.append(
            try evaluation.run(model, on: tokens) { progress in
              let share = progress.tokens / Double(max(progress.totalTokens, 1))
              display.show((done + share) / total, "\(method) \(length) tokens")
            })
          done += 1
        }
        sweep.curves.append(curve)
      }
    }
    display.finish()
    sweep.seconds = display.elapsed
    output.show(sweep.json(peakBytes: ProcessMemory.peakBytes), work.stating(sweep.table()))
  }
}
