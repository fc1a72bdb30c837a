import Base
import Checkpoints
import Foundation
import Testing

/// Folders, indices and MODEL arguments.
@Suite struct FolderTests {
  private func tensor(_ names: String...) -> [UInt8] {
    let entries = names.enumerated().map { index, name in
      "\"\(name)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\(index),\(index + 1)]}"
    }
    return safetensors("{\(entries.joined(separator: ","))}", data: names.map { _ in 7 })
  }

  private func folder(index: String, _ shards: (String, [UInt8])...) throws -> ScratchFolder {
    let folder = try ScratchFolder()
    try folder.add("config.json", "{\"model_type\":\"llama\"}")
    try folder.add("model.safetensors.index.json", index)
    for (name, bytes) in shards { try folder.add(name, bytes) }
    return folder
  }

  private func fault(_ folder: ScratchFolder) -> FolderFault? {
    checkpointError({ _ = try Checkpoint.open(folder.path) })?.fault as? FolderFault
  }

  @Test func shardsOpenTogether() throws {
    let folder = try folder(
      index:
        #"{"metadata":{"total_size":2},"weight_map":{"b":"2.safetensors","a":"1.safetensors"}}"#,
      ("1.safetensors", tensor("a")), ("2.safetensors", tensor("b")))
    let checkpoint = try Checkpoint.open(folder.path + "/")
    #expect(Set(checkpoint.tensors.keys) == ["a", "b"])
    #expect(checkpoint.files.count == 2)
    #expect(checkpoint.companions?.path == folder.path)
    #expect(checkpoint.path == folder.path + "/")
    #expect(checkpoint.configuration?["model_type"]?.string == "llama")
  }

  @Test(arguments: [
    "../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "", "..", "a\\u0000",
  ])
  func indexNamesAPath(name: String) throws {
    let folder = try folder(index: "{\"weight_map\":{\"a\":\"\(name)\"}}")
    #expect(
      fault(folder) == .unsafeShardName(found: name == "a\\u0000" ? "a\u{0}" : name))
  }

  @Test func indexNamesAnAbsentShard() throws {
    #expect(
      fault(try folder(index: #"{"weight_map":{"a":"1.safetensors"}}"#))
        == .shardMissing(name: "1.safetensors"))
  }

  @Test func indexNamesAnAbsentTensor() throws {
    let folder = try folder(
      index: #"{"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}"#,
      ("1.safetensors", tensor("a")))
    #expect(fault(folder) == .tensorNotInShard(shard: "1.safetensors"))
  }

  @Test func tensorAbsentFromTheIndex() throws {
    let folder = try folder(
      index: #"{"weight_map":{"a":"1.safetensors"}}"#, ("1.safetensors", tensor("a", "b")))
    #expect(fault(folder) == .tensorNotInIndex(shard: "1.safetensors"))
  }

  @Test func tensorInTwoShards() throws {
    let folder = try folder(
      index: #"{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#,
      ("1.safetensors", tensor("a")), ("2.safetensors", tensor("a", "b")))
    #expect(
      fault(folder) == .tensorInTwoShards(first: "1.safetensors", second: "2.safetensors"))
  }

  @Test(arguments: ["{}", "[]", #"{"weight_map":[]}"#, #"{"weight_map":{"a":1}}"#])
  func malformedIndex(index: String) throws {
    guard case .malformedIndex = fault(try folder(index: index)) else {
      Issue.record("no error of the index")
      return
    }
  }

  @Test func tensorTwiceInTheIndex() throws {
    let folder = try folder(index: #"{"weight_map":{"a":"1","a":"2"}}"#)
    guard
      case .duplicateKey? = checkpointError({ _ = try Checkpoint.open(folder.path) })?.fault
        as? JSONFault
    else {
      Issue.record("no error of the index")
      return
    }
  }

  @Test func configurationNotAnObject() throws {
    let folder = try ScratchFolder()
    try folder.add("config.json", "[]")
    #expect(fault(folder) == .configurationNotObject)
  }

  /// A JSON object, in which a dictionary of Swift strings would take two keys for one: that is said.
  @Test func configurationWithEquivalentKeys() throws {
    let folder = try ScratchFolder()
    let (composed, combined) = ("\u{E9}", "e\u{301}")
    try folder.add(
      "config.json", #"{"model_type":"llama","\#(composed)":1,"b":2,"\#(combined)":3}"#)
    let fault = fault(folder)
    #expect(fault == .equivalentKeys(key: combined))
    #expect(fault?.summary.contains("not a JSON object") == false)
  }

  /// A file beside the weights is held in memory many times over: how large it may be stands before that.
  @Test(arguments: [
    ("config.json", 4 << 20), ("model.safetensors.index.json", 64 << 20),
    ("tokenizer.json", 128 << 20),
  ])
  func filesOfUnusualSize(name: String, limit: Int) throws {
    let folder = try ScratchFolder()
    try folder.add("config.json", "{}")
    try folder.add("model.safetensors", tensor("a"))
    let path = try folder.add(name, "{}")
    #expect(truncate(path, off_t(limit + 1)) == 0)
    let files = FileSet(folder: folder.path)
    #expect(
      checkpointError { _ = try files.open(name) }
        == .input(.tooLargeForMemory(bytes: limit + 1, limit: limit), file: path))
    #expect(truncate(path, off_t(limit)) == 0)
    #expect(try files.open(name).size == limit)
  }

  /// What is copied into an output lies in the folder, or among the blobs of a hub client's cache.
  @Test func linksOutOfTheFolder() throws {
    let cache = try ScratchFolder()
    let files = FileManager.default
    let folder = cache.path + "/snapshots/1"
    for made in [folder + "/inner", cache.path + "/blobs", cache.path + "/blobs2"] {
      try files.createDirectory(atPath: made, withIntermediateDirectories: true)
    }
    for target in ["snapshots/1/inner/a", "blobs/a", "blobs2/a", "snapshots/1/own"] {
      try cache.add(target, "x")
    }
    let set = FileSet(folder: folder)
    func fault(_ name: String, to target: String) throws -> FileError? {
      let path = "\(folder)/\(name)"
      try? files.removeItem(atPath: path)
      try files.createSymbolicLink(atPath: path, withDestinationPath: target)
      return errorIfAny { try set.checkLinks(of: ["tokenizer.json", "own", "absent"]) }
    }
    for target in ["../../blobs/a", cache.path + "/blobs/a", "inner/a", "own"] {
      #expect(try fault("tokenizer.json", to: target) == nil, "\(target)")
    }
    for target in ["../../blobs2/a", "/etc/passwd", "../../blobs/../blobs2/a"] {
      let error = try fault("tokenizer.json", to: target)
      guard case .linkLeadsOut? = error?.fault as? FolderFault else {
        Issue.record("\(target) is followed")
        continue
      }
      #expect(error?.file == "\(folder)/tokenizer.json" && error?.exitStatus == .malformedData)
    }
    // A link by way of a link.
    try files.createSymbolicLink(
      atPath: cache.path + "/blobs/way", withDestinationPath: "../blobs2/a")
    #expect(try fault("tokenizer.json", to: "../../blobs/way") != nil)
    // The folder may be a link itself.
    try files.removeItem(atPath: "\(folder)/tokenizer.json")
    try files.createSymbolicLink(atPath: cache.path + "/model", withDestinationPath: folder)
    try FileSet(folder: cache.path + "/model/").checkLinks(of: ["own"])
  }

  @Test func noWeights() throws {
    let folder = try ScratchFolder()
    try folder.add("config.json", "{}")
    #expect(fault(folder) == .noWeights)
  }

  @Test func folderOfGGUF() throws {
    let folder = try ScratchFolder()
    #expect(fault(folder) == .noModel(ggufModels: 0))
    try folder.add("a.gguf", GGUFBytes.valid().bytes)
    #expect(try Checkpoint.open(folder.path).container == .gguf(version: 3))
    try folder.add("b.gguf", GGUFBytes.valid().bytes)
    #expect(fault(folder) == .noModel(ggufModels: 2))
  }

  @Test func missingFile() throws {
    let folder = try ScratchFolder()
    let error = checkpointError { _ = try Checkpoint.open(folder.path + "/absent.gguf") }
    #expect(error == .input(.notFound, file: folder.path + "/absent.gguf"))
    #expect(error?.exitStatus.rawValue == 66)
  }

  @Test func deviceInPlaceOfAFile() {
    #expect(
      checkpointError { _ = try Checkpoint.open("/dev/null") }
        == .input(.notRegularFile, file: "/dev/null"))
  }

  @Test func unknownFormat() throws {
    guard
      case .unknownFormat? = try CheckpointsTests.fault(opening: [1, 2, 3, 4], as: "m")?.fault
        as? InputFault
    else {
      Issue.record("no error")
      return
    }
    #expect(try CheckpointsTests.fault(opening: GGUFBytes.valid().bytes, as: "m") == nil)
  }
}
