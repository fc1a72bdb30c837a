import ArgumentParser
import Reports

/// What a CI job wants to know: thresholds that were met and missed.
struct ThresholdOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the thresholds as JUnit test cases.", valueName: "file"))
  var junit: String?

  /// - Throws: `ValidationError` for a limit that is no finite number: nothing would be beyond it, or
  ///   all.
  static func checkLimit(_ limit: Double?, _ option: String) throws {
    guard let limit, !limit.isFinite else { return }
    throw ValidationError("\(option) is \(limit), expected a finite number")
  }

  /// - Throws: `ValidationError` for a limit that no share can be held against.
  static func checkShare(_ limit: Double?, _ option: String) throws {
    guard let limit, !(0...1).contains(limit) else { return }
    let percent =
      limit > 1 && limit <= 100
      ? " (\(Format.general(limit)) % is \(Format.general(limit / 100)))" : ""
    throw ValidationError(
      "\(option) is \(Format.general(limit)), expected a share from 0 to 1\(percent)")
  }

  /// Writes the cases and throws for the first threshold that was missed.
  /// - Parameters:
  ///   - command: the name of the suite.
  ///   - force: whether an older file of cases is replaced.
  ///   - checks: a threshold's option, and why it was missed.
  /// - Throws: `ThresholdMissed`, or what writing the cases throws.
  func check(
    _ command: String, force: Bool, _ checks: [(option: String, missed: String?)]
  ) throws {
    if let junit {
      let cases = checks.map { JUnit.Case(name: $0.option, failure: $0.missed) }
      try JUnit.write(
        cases.isEmpty ? [JUnit.Case(name: "ran", failure: nil)] : cases, suite: command,
        to: junit, force: force)
    }
    if let reason = checks.compactMap(\.missed).first { throw ThresholdMissed(reason: reason) }
  }
}
