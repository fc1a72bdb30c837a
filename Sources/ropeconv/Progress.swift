import Foundation
import Reports
import Synchronization

/// Progress on standard error: a moving line on a terminal, a plain line now and then elsewhere.
final class ProgressDisplay: Sendable {
  private struct State {
    var lastShown = ContinuousClock.now
    var width = 0
  }

  private let began = ContinuousClock.now
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let isQuiet: Bool
  private let state = Mutex(State())

  init(quiet: Bool) { isQuiet = quiet }

  /// Seconds since the work began.
  var elapsed: Double { (ContinuousClock.now - began) / .seconds(1) }

  /// Shows how far the work is.
  /// - Parameters:
  ///   - fraction: done, from 0 to 1.
  ///   - detail: speed and interim results.
  func show(_ fraction: Double, _ detail: @autoclosure () -> String) {
    guard !isQuiet else { return }
    let now = ContinuousClock.now
    let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
    state.withLock { state in
      guard now - state.lastShown >= interval else { return }
      state.lastShown = now
      let left = fraction > 0 ? elapsed * (1 - fraction) / fraction : .infinity
      let text =
        "\(Format.fixed(100 * fraction, 1)) %  \(detail())  \(Format.duration(left)) left"
      if isTerminal {
        let padding = String(repeating: " ", count: max(0, state.width - text.count))
        state.width = text.count
        StandardError.write("\r\(text)\(padding)")
      } else {
        StandardError.line(text)
      }
    }
  }

  /// Removes the moving line.
  func finish() {
    guard !isQuiet, isTerminal else { return }
    state.withLock { state in
      guard state.width > 0 else { return }
      let blank = String(repeating: " ", count: state.width)
      StandardError.write("\r\(blank)\r")
      state.width = 0
    }
  }

  /// Shows how far an archive is unpacked.
  @Sendable func unpacking(_ share: Double, _ bytes: Int) {
    if share >= 1 {
      finish()
    } else {
      show(share, "unpacking the archive, \(Format.bytes(bytes))")
    }
  }
}
