import Base
import Checkpoints
import Foundation
import Tensors
import Testing

/// A model of several files, written where an older one lies.
struct ReplacedModel: Sendable {
  /// An output of several files; folders also where the system cannot exchange them.
  enum Kind: CaseIterable {
    case pair, folder, shardedFolder, renamedFolder, renamedShardedFolder, shards

    var isFolder: Bool { self != .pair && self != .shards }
    var isSharded: Bool { self == .shardedFolder || self == .renamedShardedFolder }
    var isExchanged: Bool { self == .folder || self == .shardedFolder }

    /// Faults as `WriteFaults` makes them, where it changes places as this kind does.
    func faults(failing: Int, with number: Int32 = EIO, persists: Bool = false) -> WriteFaults {
      WriteFaults(
        failing: failing, with: number, persists: persists,
        exchangesNothing: isFolder && !isExchanged)
    }
  }

  let scratch: ScratchFolder
  let kind: Kind

  /// What is opened, in a folder that holds nothing else.
  var model: String {
    let name =
      switch kind {
      case .pair: "x.safetensors"
      case .folder, .shardedFolder, .renamedFolder, .renamedShardedFolder: "model"
      case .shards: "x-00001-of-00002.gguf"
      }
    return "\(scratch.path)/\(name)"
  }

  /// The folder of the files.
  var folder: String {
    kind.isFolder ? "\(scratch.path)/model" : scratch.path
  }

  init(_ kind: Kind) throws {
    scratch = try ScratchFolder()
    self.kind = kind
  }

  /// Writes a model whose weights and configuration hold the same number.
  func write(
    _ value: UInt8, force: Bool, meanwhile: (@Sendable () throws -> Void)? = nil
  ) throws {
    let tensors = ["a", "b"].map { name in
      OutputTensor(
        name: name, type: .u8, shape: [32],
        contents: .computed {
          if name == "b" { try meanwhile?() }
          return Array(repeating: value, count: 32)
        })
    }
    let configuration: JSONValue = ["model_type": "llama", "value": JSONValue(Int(value))]
    switch kind {
    case .pair:
      _ = try PairWriter.write(
        to: model, tensors: tensors, configuration: { configuration.serialized(pretty: true) },
        force: force, inputs: [])
    case .folder, .shardedFolder, .renamedFolder, .renamedShardedFolder:
      try FolderWriter.write(
        to: model, configuration: configuration, tensors: tensors,
        extraFiles: value == 1
          ? [("tokenizer.json", .bytes([value])), ("modeling_ropeconv.py", .bytes([value]))]
          : [("merges.txt", .bytes([value]))],
        // The old model lies in shards where the new one does not, and the other way round.
        shardSize: kind.isSharded == (value == 2) ? 32 : nil, force: force, inputs: [])
    case .shards:
      let quantized = tensors.map {
        OutputTensor(name: $0.name, type: .i8, shape: [32], contents: $0.contents)
      }
      try ShardedGGUFWriter.write(
        to: "\(scratch.path)/x.gguf",
        metadata: ["general.architecture": .string("llama"), "value": .uint8(value)],
        shards: quantized.map { [$0] }, force: force, inputs: [])
    }
  }

  /// The number of the model that opens; nil where none does.
  func value() throws -> UInt8? {
    let checkpoint: Checkpoint
    do { checkpoint = try Checkpoint.open(model) } catch { return nil }
    let stated = checkpoint.configuration?["value"]?.int ?? checkpoint.metadata["value"]?.int
    // Weights alone say not what they compute: every command refuses them.
    guard let stated else { return nil }
    let bytes = Set(checkpoint.tensors.values.flatMap { $0.withBytes { Array($0) } })
    #expect(bytes == [UInt8(stated)])
    return UInt8(stated)
  }

  func inode(_ name: String) throws -> UInt64? {
    try FileManager.default.attributesOfItem(atPath: "\(scratch.path)/\(name)")[
      .systemFileNumber] as? UInt64
  }

  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }
}
