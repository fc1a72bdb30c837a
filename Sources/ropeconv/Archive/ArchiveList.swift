import ArgumentParser
import Checkpoints
import Reports

struct ArchiveList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List an archive's members with sizes, digests and the conversion's settings.",
    usage: "ropeconv archive list <file> [<options>]",
    discussion: HelpText.discussion(
      "Sizes are those of the members, digests and settings those that the manifest "
        + "states; 'archive verify' compares them.",
      examples: "ropeconv archive list model.rove.zip"))

  @Argument(help: "A .tar.zst, .tar.gz (.tgz), .tar or .zip file.")
  var file: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let survey = try ArchiveSurvey(of: file, hashing: false)
    output.show(survey.json(), survey.text())
  }
}
