import Base
import Evaluation
import Foundation
import TestSupport
import Testing

/// What a template names as its haystack lies beside it: templates may be a stranger's.
@Suite struct TemplateHaystackTests {
  @Test func aHaystackLiesBesideItsTemplate() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = FileManager.default
    for path in ["in/hay", "in/hay.d", "inside"] {
      try files.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
    }
    for path in ["in/a.txt", "in/hay/b.txt", "secret", "inside/c.txt"] {
      try "text".write(toFile: "\(folder)/\(path)", atomically: true, encoding: .utf8)
    }
    for (link, target) in [
      ("in/near", "hay/b.txt"), ("in/far", "../secret"), ("in/out", ".."),
      ("in/hay.d/d.txt", "../../secret"), ("in/nowhere", "../nothing"),
    ] {
      try files.createSymbolicLink(atPath: "\(folder)/\(link)", withDestinationPath: target)
    }
    let template = "\(folder)/in/t.json"
    for name in ["a.txt", "hay", "hay/b.txt", "near", "./a.txt", "missing.txt", "no/such.txt"] {
      let path = try #require(
        try NeedleTemplate.haystack(of: ["haystack": .string(name)], file: template), "\(name)")
      #expect(
        URL(fileURLWithPath: path).standardizedFileURL.path
          == URL(fileURLWithPath: "\(folder)/in/\(name)").standardizedFileURL.path)
    }
    for name in [
      "../secret", "hay/../../secret", "\(folder)/in/a.txt", "/etc/passwd", "far", "out/secret",
      "out", "out/inside/c.txt", "hay.d", "nowhere", "..", "../inside",
    ] {
      let error = #expect(throws: EvaluationError.self, "\(name)") {
        try NeedleTemplate.haystack(of: ["haystack": .string(name)], file: template)
      }
      #expect(error?.summary.contains("leads out of the template's folder") == true)
      #expect(error?.file == template && error?.exitStatus == .malformedData)
    }
    #expect(try NeedleTemplate.haystack(of: [:], file: template) == nil)
    #expect(throws: EvaluationError.self) {
      try NeedleTemplate.haystack(of: ["haystack": 1], file: template)
    }
  }
}
