import Base
import Checkpoints
import Foundation
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Archives as written: read back, by other readers, again, and while writing fails.
@Suite struct ArchiveWritingTests {
  static let endings = ArchiveKind.allCases.map(\.rawValue)

  private let metadata: OrderedDictionary<String, MetadataValue> = [
    "general.architecture": .string("llama")
  ]

  /// Larger than a piece, and not a multiple of any alignment.
  static let values: [UInt8] = (0..<700_001).map { UInt8(truncatingIfNeeded: $0 &* 40_503 >> 5) }

  private var tensors: [OutputTensor] {
    let values = Self.values
    return [
      OutputTensor(name: "a", type: .u8, shape: [3], contents: .computed { [1, 2, 3] }),
      OutputTensor(name: "b", type: .u8, shape: [values.count], contents: .computed { values }),
    ]
  }

  /// As GGUF has no unsigned bytes.
  private var signed: [OutputTensor] {
    tensors.map {
      OutputTensor(name: $0.name, type: .i8, shape: $0.shape, contents: $0.contents)
    }
  }

  private func write(
    _ path: String, threads: Int = 1, force: Bool = false, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    try ArchiveWriter.write(
      to: path, members: [("m.gguf", .gguf(metadata: metadata, tensors: signed))],
      manifest: ["settings": "none"], force: force, inputs: [], threads: threads,
      progress: progress)
  }

  private func writeFolder(_ path: String) throws {
    try ArchiveWriter.write(
      to: path, folder: "m",
      members: [
        ("tokenizer.json", .bytes(Array("{}".utf8))),
        ("model.safetensors", .safetensors(metadata: ["format": "pt"], tensors: tensors)),
        ("config.json", .bytes(Array("{\"model_type\": \"llama\"}".utf8))),
        ("empty.txt", .bytes([])),
      ], manifest: [:], force: false, inputs: [])
  }

  @Test(arguments: endings) func ggufThereAndBack(ending: String) throws {
    let folder = try ScratchFolder()
    var seen: [Int] = []
    let bytes = try write(folder.path + "/x" + ending, progress: { seen.append($0) })
    #expect(try folder.bytes("x" + ending).count == bytes)
    #expect(seen == seen.sorted() && seen.count >= 3)
    #expect(folder.names == ["x" + ending])
    let checkpoint = try Checkpoint.open(folder.path + "/x" + ending)
    #expect(checkpoint.container == .gguf(version: 3))
    let same = checkpoint.tensors["b"]?.withBytes { $0.elementsEqual(Self.values) }
    #expect(same == true)
    #expect(checkpoint.files.map(\.path) == [folder.path + "/x" + ending + "/m.gguf"])
    #expect(checkpoint.inputPaths.first == folder.path + "/x" + ending)
  }

  @Test(arguments: endings) func folderThereAndBack(ending: String) throws {
    let folder = try ScratchFolder()
    try writeFolder(folder.path + "/x" + ending)
    let checkpoint = try Checkpoint.open(folder.path + "/x" + ending)
    #expect(checkpoint.container == .safetensors)
    #expect(checkpoint.configuration?["model_type"]?.string == "llama")
    let files = try #require(checkpoint.companions)
    #expect(files.contains("tokenizer.json") && !files.contains("absent.json"))
    #expect(try files.open("empty.txt").size == 0)
    #expect(checkpoint.tensors["b"]?.withBytes { $0.elementsEqual(Self.values) } == true)
    let survey = try ArchiveSurvey(of: folder.path + "/x" + ending, hashing: true)
    #expect(
      survey.members.map(\.name) == [
        "m/config.json", "m/empty.txt", "m/model.safetensors", "m/tokenizer.json",
        "m/MANIFEST.json",
      ])
    #expect(try survey.findings().allSatisfy { $0.status == .same })
  }

  @Test(arguments: endings) func bytesDoNotDependOnThreadsOrTime(ending: String) throws {
    let folder = try ScratchFolder()
    for (name, threads) in [("1", 1), ("2", 3)] {
      try FileManager.default.createDirectory(
        atPath: folder.path + "/" + name, withIntermediateDirectories: false)
      _ = try write(folder.path + "/\(name)/x" + ending, threads: threads)
    }
    let same = try folder.bytes("1/x" + ending) == folder.bytes("2/x" + ending)
    #expect(same)
  }

  @Test(arguments: endings) func otherReadersAgree(ending: String) throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/x" + ending
    try writeFolder(path)
    let survey = try ArchiveSurvey(of: path, hashing: true)
    guard let read = try Python.read("read_archive.py", path) else { return }
    let members = try #require(read["members"]?.array)
    #expect(members.map { $0["name"]?.string } == survey.members.map(\.name))
    #expect(members.map { $0["sha256"]?.string } == survey.members.map(\.sha256))
    #expect(members.map { $0["bytes"]?.int } == survey.members.map(\.byteCount))
    #expect(members.allSatisfy { $0["mode"]?.int ?? 0 & 0o777 == 0o644 || ending == ".zip" })
    if ending == ".zip" {
      #expect(members.allSatisfy { ($0["offset"]?.int ?? 1) % 64 == 0 })
      #expect(members.allSatisfy { $0["stored"]?.bool == true })
    } else {
      #expect(members.allSatisfy { $0["time"]?.int == 0 })
    }
    let manifest = try #require(survey.manifest)
    for member in members where member["name"]?.string != "m/MANIFEST.json" {
      let name = try #require(member["name"]?.string)
      #expect(manifest.digests[name] == member["sha256"]?.string)
    }
  }

  /// A member of more than 4 GiB, and one whose header lies beyond. Twelve gigabytes pass through the
  /// disk, so it is asked for: ROPECONV_LARGE=1.
  @Test func membersBeyondFourGibibytes() throws {
    guard References.environment["ROPECONV_LARGE"] == "1" else {
      print("skipped: an archive of 4.3 GB (set ROPECONV_LARGE=1)")
      return
    }
    let folder = try ScratchFolder()
    let large = try folder.add("large", [1, 2, 3])
    let count = 4_300_000_000
    #expect(truncate(large, count) == 0)
    for ending in [".zip", ".tar"] {
      let path = folder.path + "/x" + ending
      try ArchiveWriter.write(
        to: path,
        members: [("a.bin", .copy(.open(large))), ("m.gguf", .bytes(GGUFBytes.valid().bytes))],
        manifest: [:], force: false, inputs: [])
      #expect(try Checkpoint.open(path).tensors["t"] != nil)
      #expect(
        try ArchiveSurvey(of: path, hashing: true).findings().map(\.status) == [.same, .same])
      let command =
        ending == ".zip"
        ? "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]);"
          + "assert z.testzip() is None; print(z.infolist()[0].file_size)"
        : "import sys, tarfile; print(tarfile.open(sys.argv[1]).next().size)"
      let read = try runProgram("/usr/bin/env", ["python3", "-c", command, path])
      #expect(read.output == "\(count)\n", "\(read.errors)")
      try FileManager.default.removeItem(atPath: path)
    }
  }

  @Test func namesThatAreNotPlain() throws {
    let folder = try ScratchFolder()
    for name in ["", "..", "a/b", "MANIFEST.json", String(repeating: "n", count: 256)] {
      let error = checkpointError {
        try ArchiveWriter.write(
          to: folder.path + "/x.zip", members: [(name, .bytes([]))], manifest: [:], force: false,
          inputs: [])
      }
      #expect(error?.exitStatus.rawValue == 65, "\(name)")
    }
    #expect(folder.names.isEmpty)
  }

  @Test func archiveThatIsTheInput() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/x.zip"
    _ = try write(path)
    let before = try folder.bytes("x.zip")
    let entry = try #require(try Checkpoint.open(path).tensors["b"])
    let error = checkpointError {
      try GGUFWriter.write(
        to: path, metadata: metadata,
        tensors: [OutputTensor(name: "b", type: .i8, shape: entry.shape, contents: .copy(entry))],
        force: true, inputs: [])
    }
    #expect(error?.exitStatus.rawValue == 73)
    let same = try folder.bytes("x.zip") == before
    #expect(same)
  }

  /// A member of an archive, copied by the kernel and through the buffer.
  @Test(arguments: [".tar", ".zip", ".tar.gz"]) func tensorsOfMembersAreCopied(ending: String)
    throws
  {
    let folder = try ScratchFolder()
    let count = 3_000_000
    let big: [UInt8] = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    try ArchiveWriter.write(
      to: folder.path + "/x" + ending,
      members: [
        ("a.txt", .bytes([1])),
        (
          "m.gguf",
          .gguf(
            metadata: metadata,
            tensors: [
              OutputTensor(name: "b", type: .i8, shape: [count], contents: .computed { big })
            ])
        ),
      ], manifest: [:], force: false, inputs: [])
    let entry = try #require(try Checkpoint.open(folder.path + "/x" + ending).tensors["b"])
    let copy = OutputTensor(name: "b", type: .i8, shape: [count], contents: .copy(entry))
    try GGUFWriter.write(
      to: folder.path + "/copy.gguf", metadata: metadata, tensors: [copy], force: false,
      inputs: [])
    let plain = try Checkpoint.open(folder.path + "/copy.gguf").tensors["b"]
    #expect(plain?.withBytes { $0.elementsEqual(big) } == true)
    try ArchiveWriter.write(
      to: folder.path + "/copy.tar",
      members: [("m.gguf", .gguf(metadata: metadata, tensors: [copy]))], manifest: [:],
      force: false, inputs: [])
    let packed = try Checkpoint.open(folder.path + "/copy.tar").tensors["b"]
    #expect(packed?.withBytes { $0.elementsEqual(big) } == true)
  }

  /// Each operation failing in turn leaves nothing, or the old file.
  @Test(arguments: endings) func everyOperationFailing(ending: String) throws {
    let folder = try ScratchFolder()
    let name = "x" + ending
    let counter = WriteFaults(failing: -1, with: ENOSPC)
    _ = try WriteFaults.$current.withValue(counter) { try write(folder.path + "/" + name) }
    #expect(counter.operations >= 5)
    for old in [nil, "old"] {
      for failing in 0..<counter.operations {
        try? FileManager.default.removeItem(atPath: folder.path + "/" + name)
        if let old { try folder.add(name, old) }
        let faults = WriteFaults(failing: failing, with: ENOSPC)
        let error = WriteFaults.$current.withValue(faults) {
          errorIfAny { _ = try write(folder.path + "/" + name, force: old != nil) }
        }
        let isInPlace = failing >= counter.operations - operationsAfterRenaming
        #expect(error?.exitStatus.rawValue == (isInPlace ? nil : failing == 0 ? 73 : 74))
        #expect(folder.names == (old == nil && !isInPlace ? [] : [name]))
        if old != nil, !isInPlace {
          #expect(try folder.bytes(name) == Array("old".utf8))
        }
      }
    }
  }

  @Test func contentsThatFail() throws {
    struct Failure: Error {}
    let folder = try ScratchFolder()
    let bad = OutputTensor(
      name: "t", type: .f32, shape: [1], contents: .computed { throw Failure() })
    for ending in Self.endings {
      #expect(throws: Failure.self) {
        try ArchiveWriter.write(
          to: folder.path + "/x" + ending,
          members: [("m.gguf", .gguf(metadata: metadata, tensors: [bad]))], manifest: [:],
          force: false, inputs: [])
      }
    }
    #expect(folder.names.isEmpty)
  }
}
