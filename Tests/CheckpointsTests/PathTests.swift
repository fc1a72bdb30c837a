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

  /// What is there as the system's own realpath(3) finds it; of what is not, the same by hand.
  @Test func linksAreFollowed() throws {
    let work = try folder()
    let files = FileManager.default
    defer { try? files.removeItem(atPath: work) }
    func real(_ path: String) throws -> String {
      let found = try #require(realpath(path, nil))
      defer { free(found) }
      return String(cString: found)
    }
    try files.createDirectory(atPath: "\(work)/a/b", withIntermediateDirectories: true)
    #expect(files.createFile(atPath: "\(work)/a/b/file", contents: nil))
    for (link, target) in [
      ("up", "a/b/.."), ("whole", "\(work)/up/b"), ("dangling", "none/deep/file"),
      ("outside", "../other"), ("loop", "loop"),
    ] {
      try files.createSymbolicLink(atPath: "\(work)/\(link)", withDestinationPath: target)
    }
    for path in ["a/b/file", "up", "up/b/file", "whole/file", "whole/../b/./file", "whole//"] {
      let expected = try real("\(work)/\(path)")
      #expect(Paths.resolved("\(work)/\(path)") == expected)
    }
    let current = try real(".")
    #expect(Paths.resolved(".") == current)
    let root = try real(work)
    for (path, place) in [
      ("none/../x", "\(root)/x"), ("none/./deep/../y", "\(root)/none/y"), ("up/z", "\(root)/a/z"),
      ("dangling", "\(root)/none/deep/file"), ("outside", "\(Paths.folder(of: root))/other"),
      ("loop", "\(root)/loop"),
    ] {
      #expect(Paths.resolved("\(work)/\(path)") == place)
    }
  }

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
