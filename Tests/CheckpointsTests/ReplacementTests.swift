import Base
import Checkpoints
import Foundation
import Tensors
import Testing

/// Outputs of several files that take the place of older ones: whatever fails, what is there is the old
/// model or the new one, whole.
@Suite struct ReplacementTests {
  /// An output of several files.
  enum Kind: CaseIterable { case pair, folder, shardedFolder, shards }

  private struct Work: Sendable {
    let scratch: ScratchFolder
    let kind: Kind

    /// What is opened, in a folder that holds nothing else.
    var model: String {
      let name =
        switch kind {
        case .pair: "x.safetensors"
        case .folder, .shardedFolder: "model"
        case .shards: "x-00001-of-00002.gguf"
        }
      return "\(scratch.path)/\(name)"
    }

    /// The folder of the files.
    var folder: String {
      kind == .folder || kind == .shardedFolder ? "\(scratch.path)/model" : scratch.path
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
      case .folder, .shardedFolder:
        try FolderWriter.write(
          to: model, configuration: configuration, tensors: tensors,
          extraFiles: value == 1
            ? [("tokenizer.json", .bytes([value])), ("modeling_ropeconv.py", .bytes([value]))]
            : [("merges.txt", .bytes([value]))],
          // The old model lies in shards where the new one does not, and the other way round.
          shardSize: (kind == .shardedFolder) == (value == 2) ? 32 : nil, force: force, inputs: [])
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

    var names: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
  }

  /// One operation fails: what is there is one of the two, whole, and nothing else. A failing flush of
  /// a folder with the new model in place is no failure.
  @Test(arguments: Kind.allCases) func everyOperationFailing(kind: Kind) throws {
    let (operations, expected) = try Self.operations(kind)
    var outcomes: Set<UInt8> = []
    for failing in 0..<operations {
      let work = try Work(kind)
      try work.write(1, force: false)
      let old = work.names
      let error = WriteFaults.$current.withValue(WriteFaults(failing: failing, with: EIO)) {
        errorIfAny { try work.write(2, force: true) }
      }
      let value = try #require(try work.value(), "operation \(failing)")
      outcomes.insert(value)
      #expect((error == nil) == (value == 2), "operation \(failing)")
      #expect(work.names == (value == 1 ? old : expected), "operation \(failing)")
      #expect(work.scratch.names.allSatisfy { !$0.hasPrefix(".") })
    }
    #expect(outcomes == [1, 2])
  }

  /// The disk goes: the old model is there, or the new one, or both wait where the error says.
  @Test(arguments: Kind.allCases, [UInt8(1), 2])
  func everyOperationFailingFromOneOn(kind: Kind, wanted: UInt8) throws {
    let (operations, _) = try Self.operations(kind)
    var waiting = 0
    for failing in 0..<operations {
      let work = try Work(kind)
      try work.write(1, force: false)
      let faults = WriteFaults(failing: failing, with: EIO, persists: true)
      let error = WriteFaults.$current.withValue(faults) {
        errorIfAny { try work.write(2, force: true) }
      }
      guard case .unfinished(_, _, let staged)? = error?.fault as? OutputFault else {
        #expect(try work.value() == (error == nil ? 2 : 1))
        continue
      }
      waiting += 1
      #expect(error?.exitStatus == .inputOutput)
      #expect(try work.value() == nil)
      // As the hint says, for either model.
      let files = FileManager.default
      let older = "older-"
      for name in try files.contentsOfDirectory(atPath: staged)
      where name.hasPrefix(older) == (wanted == 1) {
        let place = "\(work.folder)/\(wanted == 1 ? String(name.dropFirst(older.count)) : name)"
        try? files.removeItem(atPath: place)
        try files.moveItem(atPath: "\(staged)/\(name)", toPath: place)
      }
      #expect(try work.value() == wanted)
    }
    #expect(waiting > 0)
  }

  /// A signal that interrupts an operation is none of its faults.
  @Test(arguments: Kind.allCases) func interruptedOperationsGoOn(kind: Kind) throws {
    let (operations, expected) = try Self.operations(kind)
    for failing in 0..<operations {
      let work = try Work(kind)
      try work.write(1, force: false)
      try WriteFaults.$current.withValue(WriteFaults(failing: failing, with: EINTR)) {
        try work.write(2, force: true)
      }
      #expect(try work.value() == 2)
      #expect(work.names == expected)
    }
  }

  /// Without an older one, what fails leaves nothing.
  @Test(arguments: Kind.allCases, [false, true]) func aFreshOutputFails(
    kind: Kind, force: Bool
  ) throws {
    let counter = WriteFaults(failing: -1, with: EIO)
    try WriteFaults.$current.withValue(counter) { try Work(kind).write(1, force: force) }
    for failing in 0..<counter.operations {
      let work = try Work(kind)
      let error = WriteFaults.$current.withValue(WriteFaults(failing: failing, with: EIO)) {
        errorIfAny { try work.write(1, force: force) }
      }
      #expect(try work.value() == (error == nil ? 1 : nil))
      if error != nil { #expect(work.scratch.names.isEmpty, "operation \(failing)") }
    }
  }

  /// Of two processes that replace a model one wins, and the other says so.
  @Test(arguments: Kind.allCases) func writtenByAnotherMeanwhile(kind: Kind) throws {
    let work = try Work(kind)
    try work.write(1, force: false)
    let error = checkpointError {
      try work.write(2, force: true, meanwhile: { try work.write(3, force: true) })
    }
    #expect(error?.fault as? OutputFault == .changedMeanwhile)
    #expect(error?.exitStatus == .cannotCreate)
    #expect(try work.value() == 3)
    #expect(work.scratch.names.allSatisfy { !$0.hasPrefix(".") })
  }

  /// The operations of replacing model 1 by model 2, and the files that are there then.
  private static func operations(_ kind: Kind) throws -> (Int, names: [String]) {
    let complete = try Work(kind)
    try complete.write(1, force: false)
    let counter = WriteFaults(failing: -1, with: EIO)
    try WriteFaults.$current.withValue(counter) { try complete.write(2, force: true) }
    #expect(try complete.value() == 2)
    return (counter.operations, complete.names)
  }

  /// Of the old model nothing stays that a reader would take for the new one's; a stranger's does.
  @Test(arguments: [Kind.folder, .shardedFolder]) func filesOfTheOldModel(kind: Kind) throws {
    let work = try Work(kind)
    try work.write(1, force: false)
    for name in ["notes.txt", "tokenizer.txt", "other.safetensors"] {
      try work.scratch.add("model/\(name)", "kept")
    }
    try work.write(2, force: true)
    let weights =
      kind == .folder
      ? ["model.safetensors"]
      : [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ]
    #expect(
      work.names
        == (["config.json", "merges.txt", "notes.txt", "other.safetensors", "tokenizer.txt"]
        + weights).sorted())
  }

  /// Writes a set of so many shards under the name x.gguf.
  private func writeShards(
    _ count: Int, to folder: ScratchFolder, value: UInt8 = 1, isOurs: Bool = true,
    inputs: [String] = []
  ) throws {
    try ShardedGGUFWriter.write(
      to: "\(folder.path)/x.gguf",
      metadata: [
        "general.architecture": .string("llama"), "value": .uint8(value),
        isOurs ? "ropeconv.version" : "other.version": .string("test"),
      ],
      shards: (0..<count).map { shard in
        [
          OutputTensor(
            name: "t\(shard)", type: .i8, shape: [32],
            contents: .computed { Array(repeating: value, count: 32) })
        ]
      }, force: true, inputs: .init(inputs))
  }

  /// The names of a set of shards.
  private func shards(_ count: Int) -> Set<String> {
    Set((1...count).map { "x-0000\($0)-of-0000\(count).gguf" })
  }

  /// A set of another size does not stay beside the new one, whatever is written first; files of
  /// others do, and the model that the new one is made of.
  @Test func setsOfAnotherSizeGo() throws {
    let folder = try ScratchFolder()
    try writeShards(3, to: folder)
    try folder.add("x-00002-of-00009.gguf", "no shard")
    try folder.add("y-00001-of-00003.gguf", "another name")
    let others: Set = ["x-00002-of-00009.gguf", "y-00001-of-00003.gguf"]
    #expect(Set(folder.names) == shards(3).union(others))
    try writeShards(2, to: folder)
    #expect(Set(folder.names) == shards(2).union(others))
    try writeShards(5, to: folder)
    #expect(Set(folder.names) == shards(5).union(others))
    try writeShards(2, to: folder, inputs: ["\(folder.path)/x-00003-of-00005.gguf"])
    #expect(Set(folder.names) == shards(2).union(shards(5)).union(others))

    let foreign = try ScratchFolder()
    try writeShards(3, to: foreign, isOurs: false)
    try writeShards(2, to: foreign)
    #expect(Set(foreign.names) == shards(2).union(shards(3)))
  }

  /// Whatever operation fails, one of the two sets is whole and no mixture opens; a later run takes
  /// away what is left.
  @Test func everyOperationFailingBesideASetOfAnotherSize() throws {
    func value(_ count: Int, in folder: ScratchFolder) throws -> UInt8? {
      guard let found = try? Checkpoint.open("\(folder.path)/x-00001-of-0000\(count).gguf") else {
        return nil
      }
      let bytes = Set(found.tensors.values.flatMap { $0.withBytes { Array($0) } })
      #expect(found.tensors.count == count && bytes.count == 1)
      return bytes.first
    }
    let counter = WriteFaults(failing: -1, with: EIO)
    let whole = try ScratchFolder()
    try writeShards(3, to: whole)
    try WriteFaults.$current.withValue(counter) { try writeShards(2, to: whole, value: 2) }
    #expect(Set(whole.names) == shards(2))
    var withNew = 0
    for failing in 0..<counter.operations {
      let folder = try ScratchFolder()
      try writeShards(3, to: folder)
      let error = WriteFaults.$current.withValue(WriteFaults(failing: failing, with: EIO)) {
        errorIfAny { try writeShards(2, to: folder, value: 2) }
      }
      let (old, new) = try (value(3, in: folder), value(2, in: folder))
      #expect(error != nil || new == 2)
      #expect(old == 1 || new == 2)
      #expect(old == nil || old == 1)
      withNew += new == 2 ? 1 : 0
      guard new == 2 else { continue }
      try writeShards(2, to: folder, value: 2)
      #expect(Set(folder.names) == shards(2))
    }
    // At least each of the three removals.
    #expect(withNew >= 3)
  }

  /// Everything that opening a model may read is its input.
  @Test func inputsOfModels() throws {
    let folder = try Work(.shardedFolder)
    try folder.write(2, force: false)
    #expect(
      try Set(Checkpoint.open(folder.model).inputPaths)
        == Set([folder.model] + folder.names.map { "\(folder.model)/\($0)" }))
    let pair = try Work(.pair)
    try pair.write(1, force: false)
    try pair.scratch.add("notes.txt", "no input")
    try pair.scratch.add("tokenizer.json", "{}")
    #expect(
      try Set(Checkpoint.open(pair.model).inputPaths)
        == Set(["x.safetensors", "config.json", "tokenizer.json"].map { "\(pair.folder)/\($0)" }))
    let shards = try Work(.shards)
    try shards.write(1, force: false)
    try shards.scratch.add("y.gguf", "no input")
    #expect(
      try Set(Checkpoint.open(shards.model).inputPaths)
        == Set(
          ["x-00001-of-00002.gguf", "x-00002-of-00002.gguf"].map { "\(shards.folder)/\($0)" }))
  }
}
