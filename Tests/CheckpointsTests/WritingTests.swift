import Base
import Checkpoints
import Crypto
import Foundation
import OrderedCollections
import TestSupport
import Testing

/// What a writer refuses, what it leaves behind when it fails, and that it repeats itself.
@Suite struct WritingTests {
  private let metadata: OrderedDictionary<String, MetadataValue> = [
    "general.architecture": .string("llama")
  ]

  private func tensor(
    _ name: String = "t", type: String = "f32", shape: [Int] = [4], bytes: Int = 16
  ) throws -> OutputTensor {
    OutputTensor(
      name: name, type: try #require(.init(rawValue: type)), shape: shape,
      contents: .computed { (0..<bytes).map { UInt8(truncatingIfNeeded: $0) } })
  }

  private func write(
    _ path: String, _ tensors: [OutputTensor], force: Bool = false, inputs: [String] = []
  ) throws {
    try GGUFWriter.write(
      to: path, metadata: metadata, tensors: tensors, force: force, inputs: .init(inputs))
  }

  private func outputFault(_ body: () throws -> Void) -> (OutputFault, Int32)? {
    guard let error = checkpointError(body), let fault = error.fault as? OutputFault else {
      return nil
    }
    return (fault, error.exitStatus.rawValue)
  }

  @Test func twoWritesGiveTheSameBytes() throws {
    let folder = try ScratchFolder()
    let tensors = [try tensor("a"), try tensor("b", type: "q8_0", shape: [2, 32], bytes: 68)]
    try write(folder.path + "/1.gguf", tensors)
    try write(folder.path + "/2.gguf", tensors)
    #expect(try folder.bytes("1.gguf") == folder.bytes("2.gguf"))
    #expect(folder.names == ["1.gguf", "2.gguf"])
  }

  @Test func progressIsTheBytesWritten() throws {
    let folder = try ScratchFolder()
    var seen: [Int] = []
    let total = try GGUFWriter.write(
      to: folder.path + "/1.gguf", metadata: metadata, tensors: [try tensor("a"), try tensor("b")],
      force: false, inputs: [], progress: { seen.append($0) })
    #expect(seen.count == 3 && seen == seen.sorted() && seen.last == total)
  }

  @Test func permissionsFollowTheMask() throws {
    let folder = try ScratchFolder()
    try write(folder.path + "/1.gguf", [])
    let reference = try folder.add("reference", [])
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode(folder.path + "/1.gguf") == mode(reference))
  }

  /// Large enough for the kernel's copy, at an offset that is not that of the input.
  @Test func largeTensorsAreCopied() throws {
    let folder = try ScratchFolder()
    let count = 3_000_000
    let random = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    try write(
      folder.path + "/in.gguf",
      [
        try tensor(),
        OutputTensor(name: "big", type: .i8, shape: [count], contents: .computed { random }),
      ])
    let big = try #require(try Checkpoint.open(folder.path + "/in.gguf").tensors["big"])
    try write(
      folder.path + "/out.gguf",
      [
        OutputTensor(name: "copy", type: .i8, shape: [count], contents: .copy(big)),
        OutputTensor(
          name: "swapped", type: .i8, shape: [count],
          contents: .pieces([(big, 1_700_000..<count), (big, 0..<1_700_000)])),
      ])
    let out = try Checkpoint.open(folder.path + "/out.gguf").tensors
    #expect(out["copy"]?.withBytes { Array($0) } == random)
    #expect(
      out["swapped"]?.withBytes { Array($0) }
        == Array(random[1_700_000...] + random[..<1_700_000]))
  }

  /// The kernel's copy and the one through this process give the same bytes, whatever the ranges.
  @Test func waysOfCopyingGiveTheSameBytes() throws {
    let folder = try ScratchFolder()
    let count = 5_000_011
    let random = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 9) }
    try write(
      folder.path + "/in.gguf",
      [OutputTensor(name: "big", type: .i8, shape: [count], contents: .computed { random })])
    let big = try #require(try Checkpoint.open(folder.path + "/in.gguf").tensors["big"])
    let cuts = [0, 1, 4_096, 1 << 20, (1 << 20) + 1, 3_333_333, count - 4_097, count - 1, count]
    var ranges = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
    ranges.reverse()
    let tensors = [
      OutputTensor(
        name: "moved", type: .i8, shape: [count], contents: .pieces(ranges.map { (big, $0) })),
      try tensor(), OutputTensor(name: "whole", type: .i8, shape: [count], contents: .copy(big)),
    ]
    var digests: [String] = []
    for (name, throughMemory) in [("kernel", false), ("memory", true)] {
      let faults = WriteFaults(failing: -1, with: 0, copiesThroughMemory: throughMemory)
      try WriteFaults.$current.withValue(faults) {
        try write("\(folder.path)/\(name).gguf", tensors)
      }
      digests.append(digest(try folder.bytes("\(name).gguf")))
    }
    #expect(digests[0] == digests[1])
    let moved = try #require(try Checkpoint.open(folder.path + "/kernel.gguf").tensors["moved"])
    #expect(
      moved.withBytes { digest(Array($0)) } == digest(ranges.flatMap { Array(random[$0]) }))
  }

  private func digest(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
  }

  /// Pieces of a tensor made by several threads stand in their order; the first that fails tells.
  @Test func piecesMadeByThreads() throws {
    struct Failure: Error { let piece: Int }
    let folder = try ScratchFolder()
    func pieces(_ threads: Int, failing: Set<Int> = []) -> OutputTensor {
      OutputTensor(
        name: "t", type: .i8, shape: [23_000],
        contents: .pieceByPiece(count: 23, threads: threads) { piece in
          if failing.contains(piece) { throw Failure(piece: piece) }
          return [UInt8](repeating: UInt8(piece), count: 1000)
        })
    }
    for threads in [1, 2, 3, 7, 64] {
      try write("\(folder.path)/\(threads).gguf", [pieces(threads)])
      #expect(try folder.bytes("\(threads).gguf") == folder.bytes("1.gguf"))
      let failure = #expect(throws: Failure.self) {
        try write("\(folder.path)/bad.gguf", [pieces(threads, failing: [5, 6, 20])])
      }
      #expect(failure?.piece == 5)
    }
    #expect(!folder.names.contains("bad.gguf"))
  }

  /// Metadata completed at the end stand in the file as if they had been there from the start.
  @Test func lateMetadata() throws {
    let folder = try ScratchFolder()
    var early = metadata
    early["x"] = .string("0000")
    var final = metadata
    final["x"] = .string("abcd")
    let whole = final
    let tensors = [try tensor("a"), try tensor("b")]
    try GGUFWriter.write(
      to: folder.path + "/late.gguf",
      metadata: .init(early: early, final: { whole }), tensors: tensors, force: false, inputs: [])
    try GGUFWriter.write(
      to: folder.path + "/now.gguf", metadata: whole, tensors: tensors, force: false, inputs: [])
    #expect(try folder.bytes("late.gguf") == folder.bytes("now.gguf"))
    let fault = outputFault {
      try GGUFWriter.write(
        to: folder.path + "/longer.gguf",
        metadata: .init(early: metadata, final: { whole }), tensors: tensors, force: false,
        inputs: [])
    }
    guard case .contentsSize? = fault?.0 else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(folder.names == ["late.gguf", "now.gguf"])
  }

  // MARK: - Refusals

  @Test func existingOutput() throws {
    let folder = try ScratchFolder()
    let path = try folder.add("o.gguf", "old")
    let fault = outputFault { try write(path, []) }
    #expect(fault?.0 == .exists && fault?.1 == 73)
    #expect(try folder.bytes("o.gguf") == Array("old".utf8))
    try write(path, [], force: true)
    #expect(try Checkpoint.open(path).tensors.isEmpty)
    #expect(folder.names == ["o.gguf"])
  }

  @Test func outputThatIsTheInput() throws {
    let folder = try ScratchFolder()
    let input = try folder.add("in.gguf", GGUFBytes.valid().bytes)
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: folder.path + "/soft.gguf", withDestinationPath: input)
    try manager.linkItem(atPath: input, toPath: folder.path + "/hard.gguf")
    for name in ["in.gguf", "./in.gguf", "soft.gguf", "hard.gguf"] {
      let fault = outputFault {
        try write(folder.path + "/" + name, [], force: true, inputs: [input])
      }
      #expect(fault?.0 == .isInput(input: input) && fault?.1 == 73)
    }
    // A file that tensors come from is an input without being named.
    let entry = try #require(try Checkpoint.open(input).tensors["t"])
    let copy = OutputTensor(name: "t", type: .f32, shape: [8], contents: .copy(entry))
    let fault = outputFault { try write(folder.path + "/hard.gguf", [copy], force: true) }
    #expect(fault?.0 == .isInput(input: input))
    #expect(try folder.bytes("in.gguf") == GGUFBytes.valid().bytes)
  }

  @Test func outputFolderMissing() throws {
    let folder = try ScratchFolder()
    let fault = outputFault { try write(folder.path + "/absent/o.gguf", []) }
    #expect(fault?.1 == 73)
  }

  @Test func outputIsAFolder() throws {
    let folder = try ScratchFolder()
    let fault = outputFault { try write(folder.path, [], force: true) }
    #expect(fault?.0 == .wrongKind(expected: "regular file") && fault?.1 == 73)
  }

  @Test func notEnoughSpace() throws {
    let folder = try ScratchFolder()
    let huge = try tensor(shape: [1 << 55])
    guard
      case .noSpace(let needed, let free)? = outputFault({
        try write(folder.path + "/o.gguf", [huge])
      })?.0
    else {
      Issue.record("no error of free space")
      return
    }
    #expect(needed > 1 << 57 && free < needed)
    #expect(folder.names.isEmpty)
  }

  @Test func tensorsThatGGUFCannotHold() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/o.gguf"
    #expect(
      outputFault { try write(path, [try tensor(type: "bool")]) }?.0
        == .typeNotStorable(type: .bool, container: "GGUF"))
    #expect(
      outputFault { try write(path, [try tensor(type: "q4_0", shape: [31])]) }?.0
        == .shapeNotStorable(shape: [31], type: .q4_0))
    #expect(
      outputFault { try write(path, [try tensor(shape: [1, 1, 1, 1, 1])]) }?.0
        == .shapeNotStorable(shape: [1, 1, 1, 1, 1], type: .f32))
    #expect(outputFault { try write(path, [try tensor(), try tensor()]) }?.0 == .duplicateName)
    #expect(
      outputFault { try write(path, [try tensor(String(repeating: "n", count: 64))]) } != nil)
    #expect(
      outputFault { try write(path, [try tensor(bytes: 15)]) }?.0
        == .contentsSize(expected: 16, found: 15))
    #expect(folder.names.isEmpty)
  }

  @Test func metadataThatGGUFCannotHold() throws {
    let folder = try ScratchFolder()
    for bad: OrderedDictionary<String, MetadataValue> in [
      [:], ["general.architecture": .uint8(1)],
      ["general.architecture": .string("x"), "é": .bool(true)],
      ["general.architecture": .string("x"), "general.alignment": .uint32(12)],
    ] {
      #expect(
        outputFault {
          try GGUFWriter.write(
            to: folder.path + "/o.gguf", metadata: bad, tensors: [], force: false, inputs: [])
        } != nil)
    }
  }

  @Test func tensorsThatSafetensorsCannotHold() throws {
    let folder = try ScratchFolder()
    let quantized = try tensor(type: "q8_0", shape: [32])
    #expect(
      outputFault {
        _ = try PairWriter.write(
          to: folder.path + "/o", tensors: [quantized], configuration: { "{}" }, force: false,
          inputs: [])
      }?.0 == .typeNotStorable(type: .q8_0, container: "safetensors"))
  }

  // MARK: - Faults of the system

  /// Fails the first operation, the second, and so on: each time nothing or the old file is there,
  /// and no temporary file.
  @Test func everyOperationFailing() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/o.gguf"
    let big = try tensor(type: "i8", shape: [2_500_000], bytes: 2_500_000)
    try write(folder.path + "/in.gguf", [big])
    let entry = try #require(try Checkpoint.open(folder.path + "/in.gguf").tensors["t"])
    let tensors = [
      try tensor("a"),
      OutputTensor(name: "b", type: .i8, shape: entry.shape, contents: .copy(entry)),
    ]
    let counter = WriteFaults(failing: -1, with: ENOSPC)
    try WriteFaults.$current.withValue(counter) { try write(path, tensors) }
    let expected = try folder.bytes("o.gguf")
    #expect(counter.operations >= 6)
    for old in [nil, "old"] {
      for failing in 0..<counter.operations {
        try? FileManager.default.removeItem(atPath: path)
        if let old { try folder.add("o.gguf", old) }
        let faults = WriteFaults(failing: failing, with: ENOSPC)
        let error = WriteFaults.$current.withValue(faults) {
          errorIfAny { try write(path, tensors, force: old != nil) }
        }
        let isNew = failing >= counter.operations - operationsAfterRenaming
        #expect(error?.exitStatus.rawValue == (isNew ? nil : failing == 0 ? 73 : 74))
        let names = folder.names
        #expect(names == (old == nil && !isNew ? ["in.gguf"] : ["in.gguf", "o.gguf"]))
        if names.contains("o.gguf") {
          #expect(try folder.bytes("o.gguf") == (isNew ? expected : Array("old".utf8)))
        }
      }
    }
  }

  @Test func computedContentsThatFail() throws {
    struct Failure: Error {}
    let folder = try ScratchFolder()
    let bad = OutputTensor(
      name: "t", type: .f32, shape: [1], contents: .computed { throw Failure() })
    #expect(throws: Failure.self) { try write(folder.path + "/o.gguf", [bad]) }
    #expect(folder.names.isEmpty)
  }

  @Test func inputCutShortWhileMapped() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/in.gguf"
    try write(path, [try tensor(type: "i8", shape: [4_000_000], bytes: 4_000_000)])
    let entry = try #require(try Checkpoint.open(path).tensors["t"])
    #expect(truncate(path, 2_000_000) == 0)
    let error = checkpointError {
      try write(
        folder.path + "/o.gguf",
        [OutputTensor(name: "t", type: .i8, shape: entry.shape, contents: .copy(entry))])
    }
    guard case .truncatedWhileRead? = error?.fault as? InputFault else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.exitStatus == .inputOutput)
    #expect(folder.names == ["in.gguf"])
  }
}
