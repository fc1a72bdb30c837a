import Base
import Checkpoints
import TestSupport
import Testing

/// Archives whose bytes are not those that they state checksums of.
@Suite struct ArchiveDamageTests {
  private let model = GGUFBytes.valid().bytes

  /// A gzip stream (RFC 1952) of deflate's stored blocks (RFC 1951): bytes stand in it as they are.
  private func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    for start in stride(from: 0, to: bytes.count, by: 65_535) {
      let end = min(start + 65_535, bytes.count)
      let length = UInt16(end - start)
      stream += [end == bytes.count ? 1 : 0] + little(length) + little(~length) + bytes[start..<end]
    }
    return stream + little(ZipBytes.checksum(bytes)) + little(UInt32(bytes.count))
  }

  private func damaged(_ bytes: [UInt8], at index: Int) -> [UInt8] {
    var bytes = bytes
    bytes[index] ^= 1
    return bytes
  }

  /// Where the model's last byte is, which is one of a tensor's.
  private func end(of model: [UInt8], in bytes: [UInt8]) throws -> Int {
    try #require(bytes.firstRange(of: model)).upperBound - 1
  }

  /// Of several streams in one file libarchive tells neither ends nor checksums: none is believed, for
  /// damage in any but the last would not be seen.
  @Test func gzipInSeveralStreams() throws {
    let folder = try ScratchFolder()
    let whole = tar { $0.add("m.gguf", model) }
    let one = try folder.add("one.tar.gz", gzip(whole))
    #expect(try Checkpoint.open(one).tensors["t"] != nil)
    let byte = 512 + model.count - 1
    for cut in [1, byte + 1, whole.count - 1] {
      let (first, second) = (gzip(Array(whole[..<cut])), gzip(Array(whole[cut...])))
      // The head of the stream and of its one block take 15 bytes.
      var files: [[UInt8]] = [first + second, first + second + gzip([0])]
      if cut > byte { files.append(damaged(first, at: 15 + byte) + second) }
      for bytes in files {
        let path = try folder.add("x.tar.gz", bytes)
        let error = try #require(checkpointError { _ = try Checkpoint.open(path) })
        #expect(error == .archive(.severalStreams, file: path, place: .whole))
        #expect(error.exitStatus.rawValue == 65)
        #expect(error.summary.contains("several gzip streams"))
      }
    }
    let path = try folder.add("x.tar.gz", damaged(gzip(whole), at: 15 + byte))
    #expect(
      checkpointError { _ = try Checkpoint.open(path) }
        == .archive(.checksum, file: path, place: .whole))
  }

  /// Zeros behind the stream, as a tape's last block has them, hide neither its sum nor damage.
  @Test func gzipBeforeZeros() throws {
    let folder = try ScratchFolder()
    // A length of 65536 or more, as little-endian bytes, ends with one zero byte; a smaller one with two.
    for size in [0, 70_000] {
      let whole = tar {
        $0.add("m.gguf", model)
        $0.add("a.bin", [UInt8](repeating: 7, count: size))
      }
      let packed = gzip(whole)
      let byte = 15 + 512 + model.count - 1
      let (first, second) = (gzip(Array(whole[..<600])), gzip(Array(whole[600...])))
      for zeros in [0, 1, 7, 8, 9, 512, 10_240] {
        let end = [UInt8](repeating: 0, count: zeros)
        let good = try folder.add("good.tar.gz", packed + end)
        #expect(try Checkpoint.open(good).tensors["t"] != nil, "\(zeros) zeros")
        let bad = try folder.add("bad.tar.gz", damaged(packed, at: byte) + end)
        #expect(
          checkpointError { _ = try Checkpoint.open(bad) }
            == .archive(.checksum, file: bad, place: .whole), "\(zeros) zeros")
        let several = try folder.add("several.tar.gz", first + second + end)
        #expect(
          checkpointError { _ = try Checkpoint.open(several) }
            == .archive(.severalStreams, file: several, place: .whole), "\(zeros) zeros")
      }
    }
  }

  /// Members that are stored as they are, are mapped where they lie: their sums are compared where the
  /// whole is read, wherever in the archive they stand.
  @Test(arguments: ZipBytes.Sums.allCases) func checksumsOfStoredMembers(
    sums: ZipBytes.Sums
  ) throws {
    let folder = try ScratchFolder()
    let whole = zip {
      $0.add("a.txt", [1, 2, 3], sums: sums)
      $0.add("m.gguf", model, sums: sums)
    }
    try Checkpoint.open(folder.add("good.zip", whole)).checkSums()
    let bad = try folder.add("bad.zip", damaged(whole, at: end(of: model, in: whole)))
    let checkpoint = try Checkpoint.open(bad)
    #expect(checkpoint.statesSums)
    let expected = FileError.archive(.memberChecksum, file: bad, place: .member("m.gguf"))
    #expect(expected.exitStatus.rawValue == 65)
    #expect(checkpointError { try checkpoint.checkSums() } == expected)
    #expect(checkpointError { _ = try SourceHash.sha256(checkpoint.files) } == expected)
  }

  @Test func checksumThatIsWrong() throws {
    let folder = try ScratchFolder()
    let path = try folder.add("x.zip", zip { $0.add("m.gguf", model, checksum: 1) })
    let checkpoint = try Checkpoint.open(path)
    #expect(
      checkpointError { try checkpoint.checkSums() }
        == .archive(.memberChecksum, file: path, place: .member("m.gguf")))
  }

  /// The SHA-256 of a manifest is compared where the weights are hashed, in place of a CRC-32.
  @Test(arguments: [".tar", ".zip"]) func manifestOfStoredMembers(ending: String) throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/x" + ending
    try ArchiveWriter.write(
      to: path, folder: "f", members: [("m.gguf", .bytes(model))], manifest: [:], force: false,
      inputs: [])
    try Checkpoint.open(path).checkSums()
    let whole = try folder.bytes("x" + ending)
    try folder.add("x" + ending, damaged(whole, at: end(of: model, in: whole)))
    let checkpoint = try Checkpoint.open(path)
    #expect(
      checkpointError { try checkpoint.checkSums() }
        == .archive(.differsFromManifest, file: path, place: .member("f/m.gguf")))
  }

  /// A file beside the weights is read whole when it is opened.
  @Test(arguments: [".tar", ".zip"]) func fileBesideTheWeights(ending: String) throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/x" + ending
    let configuration = Array(#"{"hidden_size": 64}"#.utf8)
    try ArchiveWriter.write(
      to: path, folder: "f",
      members: [
        ("config.json", .bytes(configuration)), ("model.safetensors", .bytes(safetensors("{}"))),
      ], manifest: [:], force: false, inputs: [])
    #expect(try Checkpoint.open(path).configuration?["hidden_size"]?.int == 64)
    let whole = try folder.bytes("x" + ending)
    // 64 becomes 65.
    let byte = try #require(whole.firstRange(of: configuration)).lowerBound + 17
    try folder.add("x" + ending, damaged(whole, at: byte))
    #expect(
      checkpointError { _ = try Checkpoint.open(path) }
        == .archive(.differsFromManifest, file: path, place: .member("f/config.json")))
  }

  /// MANIFEST.json of another program may be anything; one that names our format is ours, and damaged.
  @Test func manifestOfAnotherProgram() throws {
    let folder = try ScratchFolder()
    for text in ["# not JSON", "", #"{"a": 1, "a": 2}"#, #"{"format": "ropeconv"#] {
      for (ending, bytes) in [
        (
          ".tar",
          tar {
            $0.add("m.gguf", model)
            $0.add("MANIFEST.json", Array(text.utf8))
          }
        ),
        (
          ".zip",
          zip {
            $0.add("m.gguf", model)
            $0.add("MANIFEST.json", Array(text.utf8))
          }
        ),
      ] {
        let path = try folder.add("x" + ending, bytes)
        #expect(try Checkpoint.open(path).tensors["t"] != nil, "\(ending) \(text)")
        let survey = try ArchiveSurvey(of: path, hashing: false)
        #expect(survey.manifest == nil)
        #expect(survey.members.map(\.name) == ["m.gguf", "MANIFEST.json"])
      }
    }
    let path = try folder.add(
      "own.tar",
      tar {
        $0.add("m.gguf", model)
        $0.add("MANIFEST.json", Array(#"{"format": "ropeconv-archive", "format_ver"#.utf8))
      })
    let error = try #require(checkpointError { _ = try Checkpoint.open(path) })
    #expect(error.fault is JSONFault)
    #expect(error.file == path + "/MANIFEST.json")
  }

  @Test func memberThatIsMissing() throws {
    let folder = try ScratchFolder()
    let manifest = """
      {"format": "ropeconv-archive", "format_version": 1, "members": [{"name": "a.txt",
      "bytes": 1, "sha256": "\(String(repeating: "0", count: 64))"}]}
      """
    for content in [nil, [1, 2]] as [[UInt8]?] {
      let path = try folder.add(
        "x.tar",
        tar {
          if let content { $0.add("a.txt", content) }
          $0.add("m.gguf", model)
          $0.add("MANIFEST.json", Array(manifest.utf8))
        })
      let error = try #require(checkpointError { _ = try Checkpoint.open(path) })
      #expect(
        error
          == .archive(
            content == nil ? .missingMember : .differsFromManifest, file: path,
            place: .member("a.txt")))
      #expect(error.summary.contains("missing") == (content == nil))
    }
  }
}
