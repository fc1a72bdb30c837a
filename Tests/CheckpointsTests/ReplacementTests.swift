import Base
import Checkpoints
import Foundation
import Tensors
import Testing

/// Outputs of several files that take the place of older ones: whatever fails, what is there is the old
/// model or the new one, whole.
@Suite struct ReplacementTests {
  /// One operation fails: what is there is one of the two, whole, and nothing else. A failing flush of
  /// a folder with the new model in place is no failure.
  @Test(arguments: ReplacedModel.Kind.allCases) func everyOperationFailing(kind: ReplacedModel.Kind)
    throws
  {
    let (operations, expected) = try Self.operations(kind)
    var outcomes: Set<UInt8> = []
    for failing in 0..<operations {
      let work = try ReplacedModel(kind)
      try work.write(1, force: false)
      let old = work.names
      let error = WriteFaults.$current.withValue(kind.faults(failing: failing)) {
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
  @Test(arguments: ReplacedModel.Kind.allCases, [UInt8(1), 2])
  func everyOperationFailingFromOneOn(kind: ReplacedModel.Kind, wanted: UInt8) throws {
    let (operations, _) = try Self.operations(kind)
    var waiting = 0
    for failing in 0..<operations {
      let work = try ReplacedModel(kind)
      try work.write(1, force: false)
      let faults = kind.faults(failing: failing, persists: true)
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
    // Folders that change places in one call leave nothing half-way.
    #expect((waiting > 0) == !kind.isExchanged)
  }

  /// A signal that interrupts an operation is none of its faults.
  @Test(arguments: ReplacedModel.Kind.allCases) func interruptedOperationsGoOn(
    kind: ReplacedModel.Kind
  ) throws {
    let (operations, expected) = try Self.operations(kind)
    for failing in 0..<operations {
      let work = try ReplacedModel(kind)
      try work.write(1, force: false)
      try WriteFaults.$current.withValue(kind.faults(failing: failing, with: EINTR)) {
        try work.write(2, force: true)
      }
      #expect(try work.value() == 2)
      #expect(work.names == expected)
    }
  }

  /// Without an older one, what fails leaves nothing.
  @Test(arguments: ReplacedModel.Kind.allCases, [false, true]) func aFreshOutputFails(
    kind: ReplacedModel.Kind, force: Bool
  ) throws {
    let counter = kind.faults(failing: -1)
    try WriteFaults.$current.withValue(counter) { try ReplacedModel(kind).write(1, force: force) }
    for failing in 0..<counter.operations {
      let work = try ReplacedModel(kind)
      let error = WriteFaults.$current.withValue(kind.faults(failing: failing)) {
        errorIfAny { try work.write(1, force: force) }
      }
      #expect(try work.value() == (error == nil ? 1 : nil))
      if error != nil { #expect(work.scratch.names.isEmpty, "operation \(failing)") }
    }
  }

  /// Of two processes that replace a model one wins, and the other says so.
  @Test(arguments: ReplacedModel.Kind.allCases) func writtenByAnotherMeanwhile(
    kind: ReplacedModel.Kind
  ) throws {
    let work = try ReplacedModel(kind)
    try work.write(1, force: false)
    let error = checkpointError {
      try work.write(2, force: true, meanwhile: { try work.write(3, force: true) })
    }
    #expect(error?.fault as? OutputFault == .changedMeanwhile)
    #expect(error?.exitStatus == .cannotCreate)
    #expect(try work.value() == 3)
    #expect(work.scratch.names.allSatisfy { !$0.hasPrefix(".") })
  }

  /// Sets of other numbers of shards have no file in common: one that another process has written meanwhile
  /// is neither removed nor left beside the new one.
  @Test func setsOfOtherNumbersWrittenMeanwhile() throws {
    let folder = try ScratchFolder()
    func write(_ count: Int, meanwhile: (@Sendable () throws -> Void)? = nil) throws {
      let tensors = (0..<count).map { number in
        OutputTensor(
          name: "t\(number)", type: .i8, shape: [32],
          contents: .computed {
            if number == 1 { try meanwhile?() }
            return Array(repeating: 1, count: 32)
          })
      }
      try ShardedGGUFWriter.write(
        to: "\(folder.path)/x.gguf",
        metadata: ["general.architecture": .string("llama"), GGUFKey.ownVersion: .string("test")],
        shards: tensors.map { [$0] }, force: true, inputs: [])
    }
    try write(4)
    let error = checkpointError {
      try write(
        2,
        meanwhile: {
          let tensors = (0..<3).map {
            OutputTensor(
              name: "t\($0)", type: .i8, shape: [32],
              contents: .computed { Array(repeating: 2, count: 32) })
          }
          try ShardedGGUFWriter.write(
            to: "\(folder.path)/x.gguf",
            metadata: [
              "general.architecture": .string("llama"), GGUFKey.ownVersion: .string("test"),
            ],
            shards: tensors.map { [$0] }, force: true, inputs: [])
        })
    }
    #expect(error?.fault as? OutputFault == .changedMeanwhile)
    #expect(folder.names == (1...3).map { "x-0000\($0)-of-00003.gguf" })
    try write(2)
    #expect(folder.names == (1...2).map { "x-0000\($0)-of-00002.gguf" })
  }

  /// The operations of replacing model 1 by model 2, and the files that are there then.
  private static func operations(_ kind: ReplacedModel.Kind) throws -> (Int, names: [String]) {
    let complete = try ReplacedModel(kind)
    try complete.write(1, force: false)
    let counter = kind.faults(failing: -1)
    try WriteFaults.$current.withValue(counter) { try complete.write(2, force: true) }
    #expect(try complete.value() == 2)
    return (counter.operations, complete.names)
  }

  /// Of the old model nothing stays that a reader would take for the new one's; a stranger's does.
  @Test(arguments: ReplacedModel.Kind.allCases.filter(\.isFolder)) func filesOfTheOldModel(
    kind: ReplacedModel.Kind
  ) throws {
    let work = try ReplacedModel(kind)
    try work.write(1, force: false)
    let kept = ["notes.txt", "other.bin", "tokenizer.txt"].map { "model/\($0)" }
    for path in kept { try work.scratch.add(path, "kept") }
    try FileManager.default.createSymbolicLink(
      atPath: "\(work.model)/link", withDestinationPath: "nowhere")
    try FileManager.default.setAttributes([.posixPermissions: 0o750], ofItemAtPath: work.model)
    let before = try kept.map { try work.inode($0) }
    let folder = try work.inode("model")
    try WriteFaults.$current.withValue(kind.faults(failing: -1)) { try work.write(2, force: true) }
    #expect(try kept.map { try work.inode($0) } == before)
    #expect((try work.inode("model") == folder) == !kind.isExchanged)
    let attributes = try FileManager.default.attributesOfItem(atPath: work.model)
    #expect(attributes[.posixPermissions] as? Int == 0o750)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(work.model)/link") == "nowhere")
    let weights =
      kind.isSharded
      ? [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ] : ["model.safetensors"]
    #expect(
      work.names
        == ([
          "config.json", "link", "merges.txt", "notes.txt", "other.bin", "tokenizer.txt",
        ]
        + weights).sorted())
    #expect(work.scratch.names == ["model"])
  }

  /// A folder that another cannot stand for in full stays where it is, and its files change places one by
  /// one: one with a folder in it, and one that a link leads to.
  @Test func foldersThatAreNotExchanged() throws {
    let work = try ReplacedModel(.folder)
    try work.write(1, force: false)
    let files = FileManager.default
    try files.createDirectory(
      atPath: "\(work.model)/inner", withIntermediateDirectories: false)
    try work.scratch.add("model/inner/notes.txt", "kept")
    let before = try work.inode("model")
    try work.write(2, force: true)
    #expect(try work.value() == 2)
    #expect(try work.inode("model") == before)
    #expect(try work.scratch.bytes("model/inner/notes.txt") == Array("kept".utf8))

    try files.removeItem(atPath: "\(work.model)/inner")
    try files.moveItem(atPath: work.model, toPath: "\(work.scratch.path)/elsewhere")
    try files.createSymbolicLink(atPath: work.model, withDestinationPath: "elsewhere")
    try work.write(3, force: true)
    #expect(try work.value() == 3)
    #expect(try files.destinationOfSymbolicLink(atPath: work.model) == "elsewhere")
    #expect(work.scratch.names == ["elsewhere", "model"])
  }

  /// A kill between two renamings leaves no model, and opening what is there says where the files wait.
  @Test func aStoppedReplacementIsTold() throws {
    for (kind, key) in [
      (ReplacedModel.Kind.pair, "config.json"), (.folder, "config.json"),
      (.shards, "x-00001-of-00002.gguf"),
    ] {
      let work = try ReplacedModel(kind)
      try work.write(1, force: false)
      let staged = ".\((work.model as NSString).lastPathComponent).99-abc.partial"
      try FileManager.default.createDirectory(
        atPath: "\(work.scratch.path)/\(staged)", withIntermediateDirectories: false)
      try FileManager.default.moveItem(
        atPath: "\(work.folder)/\(key)", toPath: "\(work.scratch.path)/\(staged)/older-\(key)")
      let error = checkpointError { _ = try Checkpoint.open(work.model) }
      guard case .halfReplaced(let told)? = error?.fault as? FolderFault else {
        Issue.record("\(kind): \(String(describing: error))")
        continue
      }
      #expect(told == "\(work.scratch.path)/\(staged)")
      // Not while the run that holds it is at work.
      let held = open(told, O_RDONLY)
      #expect(flock(held, LOCK_EX) == 0)
      #expect((errorIfAny { _ = try Checkpoint.open(work.model) }) != error)
      close(held)
    }
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
    let folder = try ReplacedModel(.shardedFolder)
    try folder.write(2, force: false)
    #expect(
      try Set(Checkpoint.open(folder.model).inputPaths)
        == Set([folder.model] + folder.names.map { "\(folder.model)/\($0)" }))
    let pair = try ReplacedModel(.pair)
    try pair.write(1, force: false)
    try pair.scratch.add("notes.txt", "no input")
    try pair.scratch.add("tokenizer.json", "{}")
    #expect(
      try Set(Checkpoint.open(pair.model).inputPaths)
        == Set(["x.safetensors", "config.json", "tokenizer.json"].map { "\(pair.folder)/\($0)" }))
    let shards = try ReplacedModel(.shards)
    try shards.write(1, force: false)
    try shards.scratch.add("y.gguf", "no input")
    #expect(
      try Set(Checkpoint.open(shards.model).inputPaths)
        == Set(
          ["x-00001-of-00002.gguf", "x-00002-of-00002.gguf"].map { "\(shards.folder)/\($0)" }))
  }
}
