import Base
import Checkpoints
import Foundation
import Tensors
import Testing

/// Hugging Face folders: new, empty, replaced, and failing half-way.
@Suite struct FolderWriterTests {
  private func write(
    _ path: String, value: UInt8 = 1, force: Bool = false, inputs: [String] = []
  ) throws {
    try FolderWriter.write(
      to: path, configuration: ["model_type": "llama", "value": JSONValue(Int(value))],
      tensors: [
        OutputTensor(
          name: "t", type: .u8, shape: [3], contents: .computed { [value, value, value] })
      ], extraFiles: [("tokenizer.json", .bytes([value]))], force: force, inputs: .init(inputs))
  }

  private func value(_ path: String) throws -> [UInt8]? {
    let checkpoint = try Checkpoint.open(path)
    let bytes = checkpoint.tensors["t"]?.withBytes { Array($0) }
    #expect(checkpoint.configuration?["value"]?.int == bytes.map { Int($0[0]) })
    return bytes
  }

  @Test func newFolder() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/model"
    try write(path + "/")
    #expect(try value(path) == [1, 1, 1])
    #expect(folder.names == ["model"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        == ["config.json", "model.safetensors", "tokenizer.json"])
    #expect(
      try folder.bytes("model/config.json")
        == Array("{\n  \"model_type\": \"llama\",\n  \"value\": 1\n}\n".utf8))
  }

  @Test func emptyFolderIsFilled() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/model"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try write(path)
    #expect(try value(path) == [1, 1, 1])
    #expect(folder.names == ["model"])
  }

  @Test func existingFolder() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/model"
    try write(path)
    try folder.add("model/notes.txt", "kept")
    try folder.add("model/model.safetensors.index.json", "{}")
    let error = checkpointError { try write(path, value: 2) }
    #expect(error == .output(.exists, file: path, place: .whole))
    #expect(error?.exitStatus.rawValue == 73)
    #expect(try value(path) == [1, 1, 1])
    try write(path, value: 2, force: true)
    #expect(try value(path) == [2, 2, 2])
    #expect(try folder.bytes("model/notes.txt") == Array("kept".utf8))
    #expect(
      !FileManager.default.fileExists(atPath: path + "/model.safetensors.index.json"))
    #expect(folder.names == ["model"])
  }

  /// Weights of another name are read by the folder's config.json, too: a new one would turn them into
  /// another model. Without a config.json nothing says what they are.
  @Test func folderWithWeightsOfAnotherName() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/model"
    try write(path)
    try folder.add("model/n.safetensors", "x")
    let before = try folder.bytes("model/config.json")
    for force in [false, true] {
      let error = checkpointError { try write(path, value: 2, force: force) }
      #expect(
        error
          == .output(
            .configurationOfOther(weights: "n.safetensors"), file: path + "/config.json",
            place: .whole))
      #expect(error?.exitStatus.rawValue == 73)
    }
    #expect(try folder.bytes("model/config.json") == before)
    #expect(try value(path) == [1, 1, 1])
    try FileManager.default.removeItem(atPath: path + "/config.json")
    try write(path, value: 2, force: true)
    #expect(try value(path) == [2, 2, 2])
    #expect(try folder.bytes("model/n.safetensors") == Array("x".utf8))
  }

  /// A pair beside weights that no config.json describes (an adapter's, say), and over itself.
  @Test func pairBesideWeightsOfNoModel() throws {
    let folder = try ScratchFolder()
    try folder.add("lora.safetensors", "x")
    func write(_ name: String, force: Bool) throws {
      let tensor = OutputTensor(
        name: "t", type: .f32, shape: [1], contents: .computed { [0, 0, 0, 0] })
      _ = try PairWriter.write(
        to: "\(folder.path)/\(name)", tensors: [tensor], configuration: { "{}" }, force: force,
        inputs: [])
    }
    try write("x.safetensors", force: false)
    #expect(folder.names == ["config.json", "lora.safetensors", "x.safetensors"])
    let error = checkpointError { try write("y.safetensors", force: true) }
    guard case .configurationOfOther? = error?.fault as? OutputFault else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func folderThatIsTheInput() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/model"
    try write(path)
    for input in [path, path + "/model.safetensors", path + "/config.json"] {
      let error = checkpointError { try write(path, value: 2, force: true, inputs: [input]) }
      guard case .isInput? = error?.fault as? OutputFault else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    #expect(try value(path) == [1, 1, 1])
  }

  @Test func fileInPlaceOfAFolder() throws {
    let folder = try ScratchFolder()
    let path = try folder.add("model", "x")
    #expect(
      checkpointError { try write(path, force: true) }
        == .output(.wrongKind(expected: "folder"), file: path, place: .whole))
  }

  @Test(arguments: ["../x", "", "a/b", "config.json", "model.safetensors", ".."])
  func namesOfFurtherFiles(name: String) throws {
    let folder = try ScratchFolder()
    let error = checkpointError {
      try FolderWriter.write(
        to: folder.path + "/model", configuration: [:], tensors: [],
        extraFiles: [(name, .bytes([]))], force: false, inputs: [])
    }
    #expect(error != nil)
    #expect(folder.names.isEmpty)
  }

  @Test func copiedFiles() throws {
    let folder = try ScratchFolder()
    let source = try folder.add("source", [UInt8](repeating: 9, count: 2_000_000))
    try FolderWriter.write(
      to: folder.path + "/model", configuration: [:], tensors: [],
      extraFiles: [("copy", .copy(.open(source)))], force: false, inputs: [])
    #expect(try folder.bytes("model/copy") == folder.bytes("source"))
  }

  /// The folder is absent, the old model or the new model, and never a mixture or none.
  @Test(arguments: [false, true])
  func everyOperationFailing(replacing: Bool) throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/model"
    func prepare() throws {
      try? FileManager.default.removeItem(atPath: path)
      if replacing { try write(path) }
    }
    try prepare()
    let counter = WriteFaults(failing: -1, with: EIO)
    try WriteFaults.$current.withValue(counter) { try write(path, value: 2, force: replacing) }
    #expect(counter.operations > 12)
    for failing in 0..<counter.operations {
      try prepare()
      let faults = WriteFaults(failing: failing, with: EIO)
      let error = WriteFaults.$current.withValue(faults) {
        errorIfAny { try write(path, value: 2, force: replacing) }
      }
      #expect((error == nil) == (failing >= counter.operations - operationsAfterRenaming))
      guard replacing || error == nil else {
        #expect(folder.names.isEmpty)
        continue
      }
      #expect(folder.names == ["model"])
      #expect(try Checkpoint.open(path).tensors["t"] != nil)
      _ = try value(path)
    }
  }
}
