import Base
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Files that are unusual and valid, the shared references, and random damage.
@Suite struct AcceptedFilesTests {
  private func open(_ file: GGUFBytes) throws -> Checkpoint {
    let folder = try ScratchFolder()
    return try Checkpoint.open(try folder.add("m.gguf", file.bytes))
  }

  @Test func emptyTensorList() throws {
    #expect(try open(GGUFBytes()).tensors.isEmpty)
  }

  @Test func versionTwo() throws {
    var file = GGUFBytes.valid()
    file.version = 2
    #expect(try open(file).container == .gguf(version: 2))
  }

  @Test func scalarsAndZeroDimensions() throws {
    var file = GGUFBytes.valid()
    file.tensors = [.init("scalar", []), .init("empty", [0, 5], offset: 32), .init("x", [0])]
    file.data = [UInt8](repeating: 0, count: 32)
    let tensors = try open(file).tensors
    #expect(tensors["scalar"]?.shape == [])
    #expect(tensors["scalar"]?.byteCount == 4)
    #expect(tensors["empty"]?.shape == [5, 0])
    #expect(try tensors["empty"]?.decoded() == [])
    #expect(tensors["x"]?.bytesPerRow == 0)
  }

  @Test(arguments: [8, 16, 64, 4096] as [UInt32])
  func alignment(alignment: UInt32) throws {
    var file = GGUFBytes.valid()
    file.keys.append(GGUFBytes.key("general.alignment", 4, little(alignment)))
    file.alignment = Int(alignment)
    #expect(try open(file).tensors["t"].map { $0.offset % Int(alignment) } == 0)
  }

  @Test func nestedArraysInUnknownKeys() throws {
    var file = GGUFBytes()
    let inner = GGUFBytes.array(0, 2, [1, 2])
    file.keys.append(GGUFBytes.key("x", 9, GGUFBytes.array(9, 2, inner + inner)))
    #expect(try open(file).metadata["x"]?.array?.arrays()?.map { $0.ints() } == [[1, 2], [1, 2]])
  }

  @Test func tokensThatAreNotUTF8() throws {
    var file = GGUFBytes()
    file.keys.append(
      GGUFBytes.key(
        "x", 9, GGUFBytes.array(8, 2, GGUFBytes.string("a") + little(UInt64(1)) + [255])))
    let array = try open(file).metadata["x"]?.array
    #expect(array?.strings() == nil)
    var bytes: [[UInt8]] = []
    array?.forEachString { bytes.append([UInt8]($1)) }
    #expect(bytes == [[97], [255]])
  }

  @Test func gapsAndAnyOrderOfTensors() throws {
    var file = GGUFBytes()
    file.tensors = [.init("b", [4], offset: 96), .init("a", [4], offset: 0)]
    file.data = [UInt8](repeating: 0, count: 112)
    #expect(try open(file).tensors.keys == ["b", "a"])
  }

  @Test func aVocabularyOfTwoToThe18OpensQuickly() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/m.gguf"
    let tokens = (0..<262_144).map { "▁token\($0)" }
    try GGUFWriter.write(
      to: path,
      metadata: [
        "general.architecture": .string("llama"),
        "tokenizer.ggml.tokens": .array(.strings(tokens)),
        "tokenizer.ggml.scores": .array(.floats(tokens.indices.map { Float($0) })),
      ], tensors: [], force: false, inputs: [])
    let clock = ContinuousClock()
    let start = clock.now
    let checkpoint = try Checkpoint.open(path)
    let duration = clock.now - start
    print("opened 262,144 tokens in \(duration)")
    #expect(duration < .seconds(1))
    #expect(checkpoint.metadata["tokenizer.ggml.tokens"]?.strings == tokens)
  }

  // MARK: - Shared references

  @Test func parityCheckpointsOpen() throws {
    guard let root = try References.shared("parity") else { return }
    for name in try FileManager.default.contentsOfDirectory(atPath: root)
    where name != "README.md" {
      let checkpoint = try Checkpoint.open("\(root)/\(name)")
      #expect(!checkpoint.tensors.isEmpty)
      #expect(checkpoint.configuration?["model_type"]?.string != nil)
      let golden = try Checkpoint.open("\(root)/\(name)/golden.safetensors")
      #expect(golden.tensors["input_ids"]?.shape == [2, 96])
    }
  }

  @Test func vocabulariesOpen() throws {
    guard let root = try References.shared("vocab") else { return }
    let names = try FileManager.default.contentsOfDirectory(atPath: root)
      .filter { $0.hasSuffix(".gguf") }
    #expect(!names.isEmpty)
    for name in names {
      let checkpoint = try Checkpoint.open("\(root)/\(name)")
      #expect((checkpoint.metadata["tokenizer.ggml.tokens"]?.array?.count ?? 0) > 1000)
    }
  }

  // MARK: - Random damage

  /// A generator with a seed, so that a failure can be met again (SplitMix64).
  private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return value ^ (value >> 31)
    }
  }

  private func damaged(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let position = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: bytes[position] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
      case 3:
        for index in position..<min(position + 8, bytes.count) { bytes[index] = 0xFF }
      case 4: bytes.removeSubrange(position..<min(position + 3, bytes.count))
      default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }

  /// Opens damaged bytes; what opens must be readable to its last byte.
  private func survive(_ bytes: [UInt8], in folder: ScratchFolder, as name: String) throws -> Bool {
    let path = try folder.add(name, bytes)
    guard let checkpoint = try? Checkpoint.open(path) else { return false }
    for value in checkpoint.metadata.values {
      _ = (value.strings, value.ints, value.doubles, value.array?.arrays(), value.array?.bools())
    }
    for tensor in checkpoint.tensors.values {
      let sum = tensor.withBytes { $0.reduce(0) { $0 &+ Int($1) } }
      #expect(sum >= 0)
      _ = try? tensor.decoded()
    }
    return true
  }

  @Test func damagedGGUFNeverCrashes() throws {
    let golden = try MappedFile.open(References.file("Tests/CheckpointsTests/Golden/golden.gguf"))
    let bytes = golden.withBytes(0..<golden.size) { Array($0) }
    let folder = try ScratchFolder()
    var generator = SeededGenerator(state: 1)
    var opened = 0
    for _ in 0..<6000 where try survive(damaged(bytes, &generator), in: folder, as: "m.gguf") {
      opened += 1
    }
    #expect(opened > 0 && opened < 6000)
  }

  @Test func damagedSafetensorsNeverCrashes() throws {
    let header = """
      {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
      "b\\u00e9":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},\
      "c":{"dtype":"I64","shape":[0,9],"data_offsets":[26,26]}}
      """
    let bytes = safetensors(header, data: [UInt8](repeating: 1, count: 26))
    let folder = try ScratchFolder()
    var generator = SeededGenerator(state: 2)
    var opened = 0
    for _ in 0..<6000 where try survive(damaged(bytes, &generator), in: folder, as: "m.safetensors")
    {
      opened += 1
    }
    #expect(opened > 0 && opened < 6000)
  }
}
