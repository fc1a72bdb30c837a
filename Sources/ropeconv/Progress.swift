import Base
import Evaluation
import Foundation
import Reports
import Synchronization

/// Progress on standard error: a moving line with a bar on a terminal, a plain line now and then
/// elsewhere.
final class ProgressDisplay: Sendable {
  private struct State {
    var began = ContinuousClock.now
    var lastShown = ContinuousClock.now
  }

  private let isQuiet: Bool
  private let state = Mutex(State())

  init(quiet: Bool) { isQuiet = quiet }

  /// Seconds since the work began.
  var elapsed: Double { (ContinuousClock.now - state.withLock { $0.began }) / .seconds(1) }

  /// Shows how far the work is.
  /// - Parameters:
  ///   - fraction: done, from 0 to 1, by what it costs: the time left is told from it.
  ///   - detail: interim results.
  ///   - rate: tokens a second, where that is known; else it is that of the finished units.
  func show(_ fraction: Double, _ detail: @autoclosure () -> String, rate: Double? = nil) {
    guard !isQuiet else { return }
    let now = ContinuousClock.now
    let interval: Duration = TerminalLine.isTerminal ? .milliseconds(100) : .seconds(10)
    let elapsed = state.withLock { state -> Double? in
      guard now - state.lastShown >= interval else { return nil }
      state.lastShown = now
      return (now - state.began) / .seconds(1)
    }
    guard let elapsed else { return }
    let left = fraction > 0 ? elapsed * (1 - fraction) / fraction : .infinity
    var line = ProgressLine(share: fraction, left: left)
    line.detail = detail()
    if let units = RunningUnits.current {
      line.subject = units.models.last ?? ""
      line.units = (units.finished, units.total)
      line.rate = units.tokens > 0 ? Double(units.tokens) / max(elapsed, 1e-9) : nil
    }
    line.rate = rate ?? line.rate
    if TerminalLine.isTerminal {
      TerminalLine.show(line.text(columns: TerminalLine.columns))
    } else {
      StandardError.line(line.text)
    }
  }

  /// Removes the moving line.
  func finish() { TerminalLine.clear() }

  /// Shows how far an archive is unpacked.
  @Sendable func unpacking(_ share: Double, _ bytes: Int) {
    if share >= 1 {
      finish()
    } else {
      show(share, "unpacking the archive, \(Format.bytes(bytes))")
    }
  }
}

/// The units of the evaluation that runs: what the progress line says of them.
enum RunningUnits {
  private static let running = Mutex<UnitProgress?>(nil)

  static var current: UnitProgress? { running.withLock { $0 } }

  /// Follows the units from now on; `isVerbose` prints a line for each.
  static func observe(isVerbose: Bool) {
    UnitProgress.observe { progress in
      running.withLock { $0 = progress }
      guard isVerbose else { return }
      for unit in progress.new { StandardError.line(unit.line) }
    }
  }
}

/// What is done where it takes longer than a second and has no progress of its own.
enum SilentPhases {
  /// Says so from now on.
  static func observe() {
    LongPhase.observe { phase in
      guard let phase else { return TerminalLine.clear() }
      if TerminalLine.isTerminal {
        TerminalLine.show("\(phase) ...")
      } else {
        StandardError.line("ropeconv: \(phase)")
      }
    }
  }
}
