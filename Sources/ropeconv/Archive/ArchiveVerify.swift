import ArgumentParser
import Checkpoints
import Reports

struct ArchiveVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every member of an archive against its manifest.",
    usage: "ropeconv archive verify <file> [<options>]",
    discussion: HelpText.discussion(
      "Exits with 0 where all members are the same, 1 where one differs, is missing "
        + "or is extra, 65 where the archive cannot be read or has no manifest.",
      examples: "ropeconv archive verify model.rove.tar.zst --json"))

  @Argument(help: "A .tar.zst, .tar.gz (.tgz), .tar or .zip file that convert wrote.")
  var file: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let display = ProgressDisplay(quiet: output.quiet)
    let survey = try ArchiveSurvey(of: file, hashing: true) { share, bytes in
      display.show(share, Format.bytes(bytes))
    }
    display.finish()
    let verification = try ArchiveVerification(survey)
    output.show(verification.json(), verification.text())
    if let reason = verification.failure { throw ThresholdMissed(reason: reason) }
  }
}
