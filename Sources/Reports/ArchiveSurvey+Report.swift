import Base
import Checkpoints

/// What is in an archive, without reading its members.
extension ArchiveSurvey {
  /// The JSON of a list of members, with the digests that the manifest states.
  package func json() -> JSONValue {
    let stated = manifest?.digests ?? [:]
    return .object([
      "kind": "archive_list", "model": .string(path), "archive": .string(path),
      "members": .array(
        members.map { member in
          .object([
            "name": .string(member.name), "bytes": JSONValue(member.byteCount),
            "sha256": stated[member.name].map { .string($0) } ?? .null,
          ])
        }),
      "manifest": manifest?.json ?? .null,
    ])
  }

  package func text() -> String {
    let stated = manifest?.digests ?? [:]
    var lines = members.map { member in
      "\(stated[member.name] ?? String(repeating: "-", count: 64))  "
        + "\(Format.bytes(member.byteCount))  \(printable(member.name))"
    }
    if let json = manifest?.json {
      lines.append("source    \(json["source"]?["name"]?.string.map(printable) ?? "?")")
      lines.append("settings  \(json["settings"]?.string.map(printable) ?? "?")")
      lines.append("ropeconv  \(json["ropeconv"]?.string.map(printable) ?? "?")")
    } else {
      lines.append("no manifest")
    }
    return lines.joined(separator: "\n")
  }
}

/// An archive's members held against its manifest.
package struct ArchiveVerification: Sendable {
  private let path: String
  private let findings: [ArchiveSurvey.Finding]

  /// - Throws: `ArchiveFault.manifestCount` without a manifest.
  package init(_ survey: ArchiveSurvey) throws(FileError) {
    path = survey.path
    findings = try survey.findings()
  }

  package func json() -> JSONValue {
    .object([
      "kind": "archive_verify", "model": .string(path), "archive": .string(path),
      "members": .array(
        findings.map { finding in
          .object([
            "name": .string(finding.name),
            "bytes": finding.byteCount.map { JSONValue($0) } ?? .null,
            "sha256": finding.sha256.map { .string($0) } ?? .null,
            "status": .string(finding.status.rawValue),
          ])
        }),
      "same": .bool(failure == nil),
    ])
  }

  package func text() -> String {
    findings.map { finding in
      let bytes = finding.byteCount.map { Format.bytes($0) } ?? "-"
      return
        "\(finding.status == .same ? "ok" : finding.status.rawValue)  \(printable(finding.name))  \(bytes)"
    }.joined(separator: "\n")
  }

  /// How many members are not as the manifest states; nil where all are.
  package var failure: String? {
    let bad = findings.filter { $0.status != .same }
    return bad.first.map { first in
      "\(path): \(bad.count) of \(counted(findings.count, "member"))"
        + " \(bad.count == 1 ? "is" : "are") not as the manifest states, the first is \(first.name)"
        + " (\(first.status.rawValue))"
    }
  }
}
