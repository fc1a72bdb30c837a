import ArgumentParser
import Base
import Checkpoints
import Reports

struct ArchiveVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Hold every member of an archive against its manifest.",
    discussion: """
      Example: ropeconv archive verify model.rove.tar.zst --json

      Exits with 0 where all members are the same, 1 where one differs, is missing or is extra, 65
      where the archive cannot be read or has no manifest.
      """)

  @Argument(help: "A .tar.zst, .tar.gz, .tar or .zip that convert wrote.")
  var file: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let display = ProgressDisplay(quiet: output.quiet)
    let survey = try ArchiveSurvey(of: file, hashing: true) { share, bytes in
      display.show(share, Format.bytes(bytes))
    }
    display.finish()
    let findings = try survey.findings()
    let bad = findings.filter { $0.status != .same }
    let members = findings.map { finding -> JSONValue in
      .object([
        "name": .string(finding.name), "bytes": finding.byteCount.map { JSONValue($0) } ?? .null,
        "sha256": finding.sha256.map { .string($0) } ?? .null,
        "status": .string(finding.status.rawValue),
      ])
    }
    let lines = findings.map { finding in
      let bytes = finding.byteCount.map { Format.bytes($0) } ?? "-"
      return
        "\(finding.status == .same ? "ok" : finding.status.rawValue)  \(finding.name)  \(bytes)"
    }
    output.show(
      .object([
        "kind": "archive_verify", "model": .string(file), "archive": .string(file),
        "members": .array(members), "same": .bool(bad.isEmpty),
      ]),
      lines.joined(separator: "\n"))
    if let first = bad.first {
      throw ThresholdMissed(
        reason: "\(file): \(bad.count) of \(findings.count) members are not as the manifest states,"
          + " the first is \(first.name) (\(first.status.rawValue))")
    }
  }
}
