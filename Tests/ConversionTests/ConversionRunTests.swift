import Base
import Conversion
import Evaluation
import Foundation
import Rotary
import Synchronization
import TestSupport
import Testing

/// The whole of a conversion as a library's caller has it: what it tells, returns and refuses.
@Suite struct ConversionRunTests {
  private let lantern = References.file("fixtures/lantern.gguf")
  private let calibration = TextSource.text(
    path: References.file("fixtures/lantern.calibration.txt"))
  private let settings = FitSettings(tokens: 2048, context: 64)

  @Test func aRunFitsWritesAndScores() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let output = "\(work)/out.gguf"
    let run = try ConversionRun(
      Model(opening: lantern), ConversionRequest(sites: .all, output: output, threads: 2),
      fit: FitRequest(settings, on: [calibration], maxIncrease: 50),
      scoring: ScoringRequest(
        calibration, windows: WindowPlan(context: 64, limit: 2), options: RunOptions(threads: 2)))
    // The fit takes care of the values.
    #expect(run.plan.warnings.isEmpty)
    #expect(run.planned().bytes == nil && !FileManager.default.fileExists(atPath: output))

    let events = Mutex<[ConversionEvent]>([])
    let outcome = try run.run {
      // A manifest is made of what is known before the output exists.
      #expect($0.perplexityBefore != nil && $0.bytes == nil)
      return [:]
    } observer: { event in
      events.withLock { $0.append(event) }
    }
    #expect(outcome.bytes == FileStamp(path: output)?.size)
    let (before, after) = (outcome.perplexityBefore, outcome.perplexityAfter)
    #expect(try #require(after) < 1.5 * #require(before))
    #expect(outcome.scored?.chunks == 2 && outcome.trials.count == 1)
    #expect(outcome.plan.fit != nil && outcome.perplexityHeldOut != nil)

    var shares: [Double] = []
    var trials = 0
    for event in events.withLock({ $0 }) {
      switch event {
      case .progress(let share, _): shares.append(share)
      case .trial: trials += 1
      case .warning(let warning): Issue.record("\(warning.text)")
      }
    }
    #expect(trials == 1)
    #expect(shares == shares.sorted() && shares.first ?? -1 >= 0 && shares.last ?? 2 <= 1)
  }

  @Test func whatCannotBeIsRefusedBeforeAnyWork() throws {
    let model = try Model(opening: lantern)
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    func fault(_ sites: RotarySites, _ fit: FitRequest) -> SettingFault? {
      do {
        _ = try ConversionRun(
          model, ConversionRequest(sites: sites, output: "\(work)/out.gguf"), fit: fit)
      } catch ConversionError.setting(let fault) {
        return fault
      } catch { Issue.record("\(error)") }
      return nil
    }
    #expect(fault(.scores, FitRequest(settings, on: [calibration])) == .nothingToFit(sites: "qk"))
    #expect(
      fault(.scores, FitRequest(settings, on: [calibration], maxIncrease: 1))
        == .noValuesBeginToTurn)
    #expect(
      fault(.all, FitRequest(settings, on: [calibration], maxIncrease: -1)) == .maxIncrease(-1))
    #expect(
      fault(.all, FitRequest(FitSettings(tokens: 64, context: 64), on: [calibration]))
        == .calibrationTokens(64, context: 64, texts: 1))
    #expect(try FileManager.default.contentsOfDirectory(atPath: work).isEmpty)
  }
}
