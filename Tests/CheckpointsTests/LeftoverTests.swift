import Base
import Checkpoints
import Foundation
import Testing

/// What a run that was killed has left beside an output goes with the next run that writes there; what
/// another one is writing stays, and so does the only copy of an older model.
@Suite struct LeftoverTests {
  /// A file or folder of an output's hidden names, an hour old.
  private func leave(_ name: String, in folder: ScratchFolder, files: [String]? = nil) throws {
    let path = "\(folder.path)/\(name)"
    if let files {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      for file in files { try folder.add("\(name)/\(file)", "x") }
    } else {
      try folder.add(name, "x")
    }
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: path)
    // The change of attributes is new all the same: wait until it is no more.
  }

  @Test func leftoversGo() throws {
    let folder = try ScratchFolder()
    try leave(".out.txt.99-abc.partial", in: folder)
    try leave(".out.txt.98-dir.partial", in: folder, files: ["model.safetensors"])
    try leave(".out.txt.97-kept.partial", in: folder, files: ["older-config.json", "config.json"])
    try leave(".out.txt.96-held.partial", in: folder)
    // An older folder, into which somebody has written.
    try leave(".out.txt.95-a.older", in: folder, files: ["model.safetensors", "theirs.txt"])
    try leave(".out.txt.94-a.older", in: folder, files: ["model.safetensors", "config.json"])
    // Of others.
    try leave(".out.txt.more.99-abc.partial", in: folder)
    try leave(".other.99-abc.partial", in: folder)
    try leave("out.txt.partial", in: folder)
    let held = open("\(folder.path)/.out.txt.96-held.partial", O_RDONLY)
    #expect(flock(held, LOCK_EX) == 0)
    try WholeFile.write(Array("1".utf8), to: "\(folder.path)/out.txt", force: false)
    // All are too young: another run may be about to take its lock.
    #expect(folder.names.count == 10)
    Thread.sleep(forTimeInterval: 11.5)
    try WholeFile.write(Array("2".utf8), to: "\(folder.path)/out.txt", force: true)
    #expect(
      folder.names == [
        ".other.99-abc.partial", ".out.txt.95-a.older", ".out.txt.96-held.partial",
        ".out.txt.97-kept.partial",
        ".out.txt.more.99-abc.partial", "out.txt", "out.txt.partial",
      ])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/.out.txt.95-a.older")
        == ["theirs.txt"])
    close(held)
    try WholeFile.write(Array("3".utf8), to: "\(folder.path)/out.txt", force: true)
    #expect(!folder.names.contains(".out.txt.96-held.partial"))
  }
}
