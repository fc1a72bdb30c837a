import ArgumentParser
import Base
import Checkpoints
import Reports

struct ArchiveList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List an archive's members with sizes, digests and the conversion's settings.",
    discussion: """
      Example: ropeconv archive list model.rove.zip

      Sizes are those of the members, digests and settings those that the manifest states; 'archive
      verify' compares them.
      """)

  @Argument(help: "A .tar.zst, .tar.gz, .tar or .zip.")
  var file: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let survey = try ArchiveSurvey(of: file, hashing: false)
    let stated = survey.manifest?.digests ?? [:]
    let members = survey.members.map { member -> JSONValue in
      .object([
        "name": .string(member.name), "bytes": JSONValue(member.byteCount),
        "sha256": stated[member.name].map { .string($0) } ?? .null,
      ])
    }
    var lines = survey.members.map { member in
      "\(stated[member.name] ?? String(repeating: "-", count: 64))  "
        + "\(Format.bytes(member.byteCount))  \(member.name)"
    }
    if let json = survey.manifest?.json {
      lines.append("source    \(json["source"]?["name"]?.string ?? "?")")
      lines.append("settings  \(json["settings"]?.string ?? "?")")
      lines.append("ropeconv  \(json["ropeconv"]?.string ?? "?")")
    } else {
      lines.append("no manifest")
    }
    output.show(
      .object([
        "kind": "archive_list", "model": .string(file), "archive": .string(file),
        "members": .array(members),
        "manifest": survey.manifest?.json ?? .null,
      ]),
      lines.joined(separator: "\n"))
  }
}
