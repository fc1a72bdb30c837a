import Base
import Foundation
import Testing

/// Names and folders as text, and the one way that folders are listed.
@Suite struct PathTests {
  private func folder() throws -> String {
    let path = "\(NSTemporaryDirectory())/ropeconv-paths-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test(arguments: [
    ("a", true), ("a.b c", true), ("...", true), (".a", true), ("", false), (".", false),
    ("..", false), ("a/b", false), ("/", false), ("a\0", false),
    // A slash before a combining mark is one character of another name to Swift.
    ("a/\u{301}b", false),
  ])
  func plainNames(name: String, isPlain: Bool) { #expect(Paths.isPlainName(name) == isPlain) }

  @Test func membersOfFolders() throws {
    let work = try folder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    for name in ["b.txt", "a.txt", "a.jsonl", "a.json", "txt"] {
      #expect(FileManager.default.createFile(atPath: "\(work)/\(name)", contents: nil))
    }
    #expect(try FolderMembers.texts.names(in: work) == ["a.txt", "b.txt"])
    #expect(try FolderMembers.tasks.names(in: work) == ["a.jsonl"])
    #expect(try FolderMembers.dataFiles.names(in: work) == ["a.json"])
    // What cannot be listed is an error, not a folder without files.
    for path in ["\(work)/a.txt", "\(work)/none"] {
      #expect(throws: FileError.self) { try FolderMembers.texts.names(in: path) }
    }
  }
}
