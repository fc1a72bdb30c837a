import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Archives that a reader must refuse, one crafted file each.
@Suite struct ArchiveFaultTests {
  private let model = GGUFBytes.valid().bytes

  private func gzip(_ bytes: [UInt8], in folder: ScratchFolder) throws -> [UInt8]? {
    let path = try folder.add("packed", bytes)
    guard try runProgram("/usr/bin/env", ["gzip", "-kf9", path]).status == 0 else { return nil }
    return try folder.bytes("packed.gz")
  }

  /// The fault of opening these bytes, which has exit code 65 unless the system is at fault.
  private func archiveFault(
    _ bytes: [UInt8], as name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> ArchiveFault? {
    let folder = try ScratchFolder()
    let path = try folder.add(name, bytes)
    guard
      let error = checkpointError(
        sourceLocation: sourceLocation, { _ = try Checkpoint.open(path) }),
      let fault = error.fault as? ArchiveFault
    else { return nil }
    #expect(error.file == path, sourceLocation: sourceLocation)
    #expect(
      !fault.summary.isEmpty && !fault.summary.contains("\n"), sourceLocation: sourceLocation)
    return fault
  }

  @Test(arguments: [
    "/m.gguf", "../m.gguf", "a/../../m.gguf", "..",
  ])
  func nameThatLeadsOut(name: String) throws {
    #expect(try archiveFault(tar { $0.add(name, model) }, as: "x.tar") == .unsafeName)
    #expect(try archiveFault(zip { $0.add(name, model) }, as: "x.zip") == .unsafeName)
  }

  @Test func links() throws {
    for type: Character in ["1", "2"] {
      let bytes = tar {
        $0.add("m.gguf", model)
        $0.add("l.gguf", [], type: type, link: "m.gguf")
      }
      #expect(try archiveFault(bytes, as: "x.tar") == .link)
    }
  }

  @Test func specialFile() throws {
    for type: Character in ["3", "6"] {
      #expect(
        try archiveFault(tar { $0.add("m.gguf", [], type: type) }, as: "x.tar") == .specialFile)
    }
  }

  @Test func duplicateMember() throws {
    for other in ["m.gguf", "./m.gguf"] {
      #expect(
        try archiveFault(
          tar {
            $0.add("m.gguf", model)
            $0.add(other, model)
          }, as: "x.tar") == .duplicateMember)
      #expect(
        try archiveFault(
          zip {
            $0.add("m.gguf", model)
            $0.add(other, model)
          }, as: "x.zip") == .duplicateMember)
    }
  }

  @Test func hugeDeclaredSize() throws {
    let fault = try archiveFault(
      tar { $0.add("m.gguf", model, size: 8_000_000_000) }, as: "x.tar")
    #expect(fault.map(isCutShort) == true, "\(String(describing: fault))")
    let zipped = try archiveFault(
      zip { $0.add("m.gguf", model, size: 4_000_000_000) }, as: "x.zip")
    #expect(zipped.map(isCutShort) == true, "\(String(describing: zipped))")
  }

  private func isCutShort(_ fault: ArchiveFault) -> Bool {
    switch fault {
    case .memberCutShort, .damaged, .endMissing, .expandsTooFar: true
    default: false
    }
  }

  @Test func headerChecksum() throws {
    let fault = try archiveFault(
      tar {
        $0.add("a", [1])
        $0.add("m.gguf", model, checksumError: 1)
      }, as: "x.tar")
    #expect(fault.map(isCutShort) == true)
  }

  /// Every length shorter than the whole, the zeros at the end aside, is an error.
  @Test func cutShort() throws {
    let folder = try ScratchFolder()
    let whole = tar {
      $0.add("m.gguf", model)
      $0.add("MANIFEST.txt", [1, 2, 3])
    }
    for length in stride(from: 0, through: whole.count - 1024, by: 64) {
      let path = try folder.add("x.tar", Array(whole[..<length]))
      let error = checkpointError { _ = try Checkpoint.open(path) }
      #expect(error?.exitStatus.rawValue == 65, "\(length)")
    }
    let zipped = zip {
      $0.add("m.gguf", model)
      $0.add("b", [1, 2, 3])
    }
    for length in 0..<zipped.count {
      let path = try folder.add("x.zip", Array(zipped[..<length]))
      let error = checkpointError { _ = try Checkpoint.open(path) }
      #expect(error?.exitStatus.rawValue == 65, "\(length)")
    }
    guard let packed = try gzip(whole, in: folder) else { return }
    for length in 0..<packed.count {
      let path = try folder.add("x.tar.gz", Array(packed[..<length]))
      let error = checkpointError { _ = try Checkpoint.open(path) }
      #expect(error?.exitStatus.rawValue == 65, "\(length)")
    }
  }

  @Test func zstandardCutShort() throws {
    let folder = try ScratchFolder()
    try ArchiveWriter.write(
      to: folder.path + "/x.tar.zst", members: [("m.gguf", .bytes(model))], manifest: [:],
      force: false, inputs: [])
    let packed = try folder.bytes("x.tar.zst")
    for length in 0..<packed.count {
      let path = try folder.add("cut.tar.zst", Array(packed[..<length]))
      let error = checkpointError { _ = try Checkpoint.open(path) }
      #expect(error?.exitStatus.rawValue == 65, "\(length)")
    }
  }

  @Test func endMissing() throws {
    var whole = TarBytes()
    whole.add("m.gguf", model)
    #expect(try archiveFault(whole.bytes, as: "x.tar") == .endMissing)
  }

  @Test func gzipChecksum() throws {
    let folder = try ScratchFolder()
    guard var packed = try gzip(tar { $0.add("m.gguf", model) }, in: folder) else { return }
    packed[packed.count - 8] ^= 1
    #expect(try archiveFault(packed, as: "x.tar.gz") == .checksum)
    packed[packed.count - 8] ^= 1
    for byte in 1...4 {
      var wrong = packed
      wrong[packed.count - byte] ^= 1
      #expect(try archiveFault(wrong, as: "x.tar.gz") == .checksum)
    }
  }

  /// Deflate's stored block, whose checksum is another.
  @Test func zipChecksum() throws {
    let block = [1] + little(UInt16(model.count)) + little(~UInt16(model.count)) + model
    func packed(_ checksum: UInt32) -> [UInt8] {
      zip {
        $0.add(
          "m.gguf", block, method: 8, unpacked: UInt32(model.count), checksum: checksum)
      }
    }
    let folder = try ScratchFolder()
    let good = try folder.add("good.zip", packed(ZipBytes.checksum(model)))
    #expect(try Checkpoint.open(good).tensors["t"] != nil)
    guard case .damaged? = try archiveFault(packed(1), as: "x.zip") else {
      Issue.record("opened")
      return
    }
  }

  @Test func expandsTooFar() throws {
    let folder = try ScratchFolder()
    let bomb = tar { $0.add("m.gguf", [UInt8](repeating: 0, count: 100 << 20)) }
    guard let packed = try gzip(bomb, in: folder) else { return }
    #expect(
      try archiveFault(packed, as: "x.tar.gz")
        == .expandsTooFar(packed: packed.count, limit: 64 << 20))
    // Declared, not even there.
    let declared = zip { $0.add("m.gguf", [1, 0, 0, 255, 255], method: 8, unpacked: 1 << 30) }
    let fault = try archiveFault(declared, as: "x.zip")
    #expect(fault == .expandsTooFar(packed: declared.count, limit: 64 << 20))
    // Listing and verifying write nothing, and would unpack for ever.
    for (name, bytes) in [("x.tar.gz", packed), ("x.zip", declared)] {
      let path = try folder.add(name, bytes)
      for hashing in [false, true] {
        #expect(
          checkpointError { _ = try ArchiveSurvey(of: path, hashing: hashing) }
            == .archive(
              .expandsTooFar(packed: bytes.count, limit: 64 << 20), file: path,
              place: .member("m.gguf")))
      }
    }
  }

  @Test func encrypted() throws {
    #expect(
      try archiveFault(zip { $0.add("m.gguf", model, flags: 1) }, as: "x.zip") == .encrypted)
  }

  @Test func noModelAndSeveral() throws {
    #expect(try archiveFault(tar { $0.add("a.txt", [1]) }, as: "x.tar") == .noModel)
    #expect(try archiveFault(tar { $0.add("a/b/m.gguf", model) }, as: "x.tar") == .noModel)
    #expect(
      try archiveFault(
        tar {
          $0.add("a/m.gguf", model)
          $0.add("b/m.gguf", model)
        }, as: "x.tar") == .severalModels(folders: ["a", "b"]))
    let folder = try ScratchFolder()
    let two = try folder.add(
      "x.tar",
      tar {
        $0.add("1.gguf", model)
        $0.add("2.gguf", model)
      })
    guard
      case .noModel(ggufModels: 2)? = checkpointError({
        _ = try Checkpoint.open(two)
      })?.fault as? FolderFault
    else {
      Issue.record("two models opened")
      return
    }
  }

  @Test(arguments: ArchiveKind.allCases) func noArchive(kind: ArchiveKind) throws {
    let junk: [UInt8] = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
    guard case .damaged? = try archiveFault(junk, as: "x" + kind.rawValue) else {
      Issue.record("opened")
      return
    }
    let folder = try ScratchFolder()
    let empty = try folder.add("x" + kind.rawValue, [UInt8]())
    #expect(checkpointError { _ = try Checkpoint.open(empty) } == .input(.empty, file: empty))
  }

  @Test func differsFromManifest() throws {
    let folder = try ScratchFolder()
    let manifest = """
      {"format": "ropeconv-archive", "format_version": 1, "members": [{"name": "m.gguf",
      "bytes": \(model.count), "sha256": "\(String(repeating: "0", count: 64))"}]}
      """
    let bytes = tar {
      $0.add("m.gguf", model)
      $0.add("MANIFEST.json", Array(manifest.utf8))
    }
    // Unpacking reads every byte and compares; a mapped archive is compared where its bytes are hashed.
    guard let packed = try gzip(bytes, in: folder) else { return }
    #expect(try archiveFault(packed, as: "x.tar.gz") == .differsFromManifest)
    let path = try folder.add("x.tar", bytes)
    let checkpoint = try Checkpoint.open(path)
    #expect(checkpoint.tensors.count == 1)
    #expect(
      checkpointError { try checkpoint.checkSums() }
        == .archive(.differsFromManifest, file: path, place: .member("m.gguf")))
    let findings = try ArchiveSurvey(of: path, hashing: true).findings()
    #expect(findings.map(\.status) == [.sha256])
  }

  @Test func malformedManifest() throws {
    for text in [
      #"{"format": "ropeconv-archive"}"#,
      #"{"format": "ropeconv-archive", "format_version": 1}"#,
      #"{"format": "ropeconv-archive", "format_version": 1, "members": [{"name": "a"}]}"#,
    ] {
      let folder = try ScratchFolder()
      let path = try folder.add("x.tar", tar { $0.add("MANIFEST.json", Array(text.utf8)) })
      guard
        case .malformedManifest? = checkpointError({
          _ = try ArchiveSurvey(of: path, hashing: false)
        })?.fault as? ArchiveFault
      else {
        Issue.record("read: \(text)")
        continue
      }
    }
  }

  /// Bytes changed at random: an error or a model, never a trap.
  @Test func mutations() throws {
    let folder = try ScratchFolder()
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for kind in ArchiveKind.allCases {
      let name = "x" + kind.rawValue
      try ArchiveWriter.write(
        to: folder.path + "/" + name, members: [("m.gguf", .bytes(model))], manifest: [:],
        force: true, inputs: [])
      let whole = try folder.bytes(name)
      for _ in 0..<1500 {
        var bytes = whole
        for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
        if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
        let path = try folder.add(name, bytes)
        for body in [
          { _ = try Checkpoint.open(path).tensors.values.map { $0.withBytes { $0.count } } },
          { _ = try ArchiveSurvey(of: path, hashing: true).findings() },
        ] as [() throws -> Void] {
          do { try body() } catch let error as FileError {
            #expect(!error.summary.contains("\n"))
            #expect([65, 74].contains(error.exitStatus.rawValue))
          }
        }
      }
    }
  }
}
