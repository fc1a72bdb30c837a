import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing

/// `diff`, and what `convert` carries along.
@Suite struct ContainerCommandTests: CommandSuite {
  /// Writes the fixture again with further tensors and keys.
  private func enriched(_ path: String) throws {
    let source = try Checkpoint.open(Self.model)
    var metadata = source.metadata
    metadata["general.license"] = .string("mit")
    metadata["lantern.note"] = .array(.int32([1, 2, 3]))
    var tensors = source.tensors.values.map {
      OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
    }
    tensors.append(
      OutputTensor(
        name: "probe.weight", type: .f32, shape: [2], contents: .computed { [UInt8](0..<8) }))
    try GGUFWriter.write(
      to: path, metadata: metadata, tensors: tensors, force: false, inputs: [])
  }

  /// What went along is named in the output, which opens as it is; another tensor is still refused.
  @Test(arguments: ["output.gguf", "output/", "output.safetensors"])
  func whatWentAlongOpens(name: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (source, output) = ("\(work)/source.gguf", "\(work)/\(name)")
    try enriched(source)
    // Token ids: a .safetensors file has no tokenizer.
    let ids = References.file("fixtures/lantern.ids.json")
    let chunks = ["--tokens", ids, "--ctx", "64", "--chunks", "1"]
    func call(_ arguments: [String]) throws -> Finished {
      try runProgram(Self.program, arguments + ["--json", "--quiet"])
    }
    let finished = try call(["convert", source, "-o", output, "--keep-extra"])
    #expect(finished.status == 0, "\(finished.errors)")
    #expect(try Checkpoint.open(output).tensors["probe.weight"] != nil)
    for arguments in [["inspect", output], ["eval", "perplexity", output] + chunks] {
      let finished = try call(arguments)
      #expect(finished.status == 0, "\(finished.errors)")
    }
    let score = try json(call(["eval", "perplexity", Self.model] + chunks))["nll"]
    #expect(score?.double != nil)
    let written = try json(call(["eval", "perplexity", output] + chunks))["nll"]?.double
    // The rows of queries and keys stand in another order in a folder: sums differ in a last digit.
    #expect(abs((written ?? 0) - (score?.double ?? 1)) < 1e-5)

    // Left behind, with the mark, where nothing asks for them.
    for plain in ["\(work)/plain.gguf", "\(work)/plain/"] {
      #expect(try call(["convert", output, "-o", plain]).status == 0)
      let written = try Checkpoint.open(plain)
      #expect(written.tensors["probe.weight"] == nil)
      #expect(written.metadata["ropeconv.extra_tensors"] == nil)
      #expect(written.configuration?["ropeconv"]?["extra_tensors"] == nil)
    }
    // Those that a model ignores for a reason of its own, and others, are none of these.
    let checkpoint = try Checkpoint.open(output)
    guard name == "output.gguf" else { return }
    var tensors = checkpoint.tensors.values.map {
      OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
    }
    tensors.append(
      OutputTensor(
        name: "other.weight", type: .f32, shape: [1], contents: .computed { [0, 0, 0, 0] }))
    try GGUFWriter.write(
      to: "\(work)/other.gguf", metadata: checkpoint.metadata, tensors: tensors, force: false,
      inputs: [])
    let refused = try runProgram(Self.program, ["inspect", "\(work)/other.gguf"])
    #expect(refused.status == 65 && refused.errors.contains("unexpected tensors: other.weight"))
  }

  @Test func whatIsNotUnderstoodGoesAlong() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (source, output) = ("\(work)/source.gguf", "\(work)/output.gguf")
    try enriched(source)
    expectFailure(
      try run("convert", source, "--to", "qkvo", "-o", output), 65, containing: "probe.weight")
    let finished = try run(
      "convert", source, "--to", "qkvo", "-o", output, "--keep-extra", "--set",
      "general.name=Lamp", "--set", "lantern.size=7", "--remove", "general.license", "--quiet")
    #expect(finished.status == 0, "\(finished.errors)")
    let written = try Checkpoint.open(output)
    #expect(written.metadata["general.name"] == .string("Lamp"))
    #expect(written.metadata["lantern.size"] == .uint32(7))
    #expect(written.metadata["lantern.note"] == .array(.int32([1, 2, 3])))
    #expect(written.metadata["general.license"] == nil)
    #expect(written.tensors["probe.weight"]?.withBytes { Array($0) } == [UInt8](0..<8))
    let original = try Checkpoint.open(source).metadata["general.name"]
    #expect(written.metadata["general.base_model.0.name"] == original)
    for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"] {
      #expect(written.metadata[key] == (try Checkpoint.open(source)).metadata[key])
    }
    for (option, value, word) in [
      ("--set", "rotary.sites=q", "conversion alone"), ("--set", "general.name", "key=value"),
      ("--remove", "no.such", "no key 'no.such'"), ("--set", "llama.block_count=many", "uint32"),
    ] {
      expectFailure(
        try run(
          "convert", Self.model, "--to", "vo", "-o", "\(work)/no.gguf", option, value, "--quiet"),
        64, containing: word)
    }
    #expect(!FileManager.default.fileExists(atPath: "\(work)/no.gguf"))
  }

  @Test func configurationsAreEdited() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let finished = try run(
      "convert", Self.model, "--to", "qk", "-o", "\(work)/folder/", "--set", "rope_parameters.x=2",
      "--set", "note=a text", "--remove", "bos_token_id", "--quiet")
    #expect(finished.status == 0, "\(finished.errors)")
    let configuration = try JSONValue.read(contentsOf: "\(work)/folder/config.json")
    #expect(configuration["rope_parameters"]?["x"]?.int == 2)
    #expect(configuration["rope_parameters"]?["rope_theta"] != nil)
    #expect(configuration["note"]?.string == "a text")
    #expect(configuration["bos_token_id"] == nil)
  }

  @Test func differencesAreListed() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let same = try run("diff", Self.model, Self.model, "--json")
    #expect(same.status == 0)
    #expect(try json(same)["same"]?.bool == true)

    let other = "\(work)/other.gguf"
    #expect(
      try run(
        "convert", Self.model, "--to", "qkvo", "--absorb", "A2", "--type", "f32", "-o", other,
        "--quiet"
      ).status == 0)
    let different = try run("diff", Self.model, other, "--json", "--quiet")
    #expect(different.status == 1)
    let fields = try json(different)
    let keys = fields["metadata"]?.array?.compactMap { $0["key"]?.string } ?? []
    #expect(keys.contains("general.architecture") && keys.contains("rotary.sites"))
    // Every matrix has another type; those whose numbers are others say by how much.
    let tensors = fields["tensors"]?.array ?? []
    let value = try #require(
      tensors.first { $0["name"]?.string == "blk.0.attn_v.weight" })
    let query = try #require(
      tensors.first { $0["name"]?.string == "blk.0.attn_q.weight" })
    #expect(query["max"]?.double == 0)
    let (one, two) = try (
      Checkpoint.open(Self.model).tensors["blk.0.attn_v.weight"],
      Checkpoint.open(other).tensors["blk.0.attn_v.weight"]
    )
    let pairs = try zip(#require(one).decoded(), #require(two).decoded()).map {
      Double($0) - Double($1)
    }
    #expect(value["max"]?.double == pairs.map { abs($0) }.max())
    let mean = pairs.reduce(0) { $0 + $1 * $1 } / Double(pairs.count)
    #expect(abs((value["rms"]?.double ?? 0) - mean.squareRoot()) < 1e-12)
    expectFailure(try run("diff", Self.model, "/nonexistent.gguf"), 66, containing: "nonexistent")
  }

  /// Files that decide what a folder's model is are compared by what they say, not how it is written.
  @Test func filesBesideTheWeightsAreCompared() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (one, other) = ("\(work)/one", "\(work)/other")
    for path in [one, other] {
      #expect(try run("convert", Self.model, "-o", "\(path)/", "--quiet").status == 0)
    }
    func edit(_ name: String, _ change: (inout [String: Any]) -> Void) throws {
      let url = URL(fileURLWithPath: "\(other)/\(name)")
      var object = try #require(
        try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
      change(&object)
      try JSONSerialization.data(withJSONObject: object, options: .sortedKeys).write(to: url)
    }
    // In another order and without spaces.
    try edit("tokenizer.json") { _ in }
    // The same numbers, written otherwise; Foundation would write them as they are.
    for (path, numbers) in [(one, "[1, 2.50, 1e2, 7]"), (other, "[1.0, 2.5, 100, 7]")] {
      try #"{"numbers": \#(numbers)}"#
        .write(toFile: "\(path)/generation_config.json", atomically: true, encoding: .utf8)
    }
    let same = try run("diff", one, other, "--json", "--quiet")
    #expect(same.status == 0, "\(same.output)")
    let equal = try json(same)["files_equal"]?.array?.compactMap(\.string)
    #expect(equal == ["generation_config.json", "tokenizer.json", "tokenizer_config.json"])
    let text = try run("diff", one, other, "--quiet").output
    #expect(text.contains("tokenizer.json"), "\(text)")

    try edit("tokenizer_config.json") { $0["chat_template"] = "{{ messages }}" }
    try edit("tokenizer.json") { object in
      guard var model = object["model"] as? [String: Any], let merges = model["merges"] as? [Any]
      else { return }
      model["merges"] = Array(merges.dropLast())
      object["model"] = model
    }
    let different = try run("diff", one, other, "--json", "--quiet")
    #expect(different.status == 1)
    let files = try json(different)["files"]?.array ?? []
    #expect(files.compactMap { $0["name"]?.string } == ["tokenizer.json", "tokenizer_config.json"])
    let sum = try runProgram("/usr/bin/sha256sum", ["\(one)/tokenizer.json"]).output
    #expect(files.first?["a"]?.string == String(sum.prefix(64)))
    #expect(try json(different)["tensors"]?.array?.isEmpty == true)

    // Weights without any such file are not of another model for that, which is said.
    let bare = "\(work)/bare/model.safetensors"
    try FileManager.default.createDirectory(
      atPath: "\(work)/bare", withIntermediateDirectories: true)
    for name in ["model.safetensors", "config.json"] {
      try FileManager.default.copyItem(atPath: "\(one)/\(name)", toPath: "\(work)/bare/\(name)")
    }
    let partial = try run("diff", one, bare, "--json", "--quiet")
    #expect(partial.status == 0, "\(partial.output)")
    let left = try json(partial)["files_not_compared"]?.array?.compactMap(\.string)
    #expect(left == equal)
  }

  /// A vector of a quantized type has no rows of whole blocks: its numbers are compared all the same.
  @Test func vectorsOfBlocksAreCompared() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    // The type's number stands behind the name, the number of dims and the one dim.
    let name = "blk.1.attn_norm.weight"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: Self.model))
    let type = try #require(bytes.range(of: Data(name.utf8))).upperBound + 4 + 8
    #expect(bytes[type] == 0, "float32")
    bytes[type] = 3
    let entry = try #require(try Checkpoint.open(Self.model).tensors[name])
    let weights = try entry.decoded()
    // Four blocks of Q4_1, d = 1 and m = 0.5 as halves, every quantum 3: each number is 3.5.
    let block = [0x00, 0x3C, 0x00, 0x38] + Array(repeating: UInt8(0x33), count: 16)
    let stored = weights.withUnsafeBytes { Data($0) }
    let place = try #require(bytes.range(of: stored)).lowerBound
    for index in 0..<4 {
      bytes.replaceSubrange((place + 20 * index)..<(place + 20 * index + 20), with: block)
    }
    try bytes.write(to: URL(fileURLWithPath: "\(work)/q.gguf"))
    let finished = try run("diff", Self.model, "\(work)/q.gguf", "--json", "--quiet")
    #expect(finished.status == 1, "\(finished.errors)")
    let tensors = try json(finished)["tensors"]?.array ?? []
    #expect(tensors.map { $0["name"]?.string } == [name])
    #expect(tensors.first?["max"]?.double == weights.map { abs(Double($0) - 3.5) }.max())
  }

  @Test(arguments: ["model.gguf", "folder/"])
  func shardsHoldTheSameModel(name: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let whole = "\(work)/whole-\(name)"
    #expect(try run("convert", Self.model, "--to", "qkvo", "-o", whole, "--quiet").status == 0)
    let output = "\(work)/\(name)"
    let finished = try run(
      "convert", Self.model, "--to", "qkvo", "-o", output, "--shard-size", "400K", "--quiet",
      "--json")
    #expect(finished.status == 0, "\(finished.errors)")
    let path = try #require(try json(finished)["output"]?.string)
    let (one, other) = try (Checkpoint.open(whole), Checkpoint.open(path))
    #expect(other.files.count > 2)
    let difference = try CheckpointDifference(one, other, threads: 2)
    #expect(difference.tensors.isEmpty && difference.equalTensors == one.tensors.count)
    #expect(difference.metadata.allSatisfy { $0.key.hasPrefix("split.") })
    for file in other.files { #expect(file.size < 600_000) }
    // Nothing is replaced unasked, and asked for it gives the same bytes.
    let names = try FileManager.default.contentsOfDirectory(atPath: work).sorted()
    expectFailure(
      try run("convert", Self.model, "--to", "qkvo", "-o", output, "--shard-size", "400K"), 73,
      containing: "exists")
    #expect(
      try run(
        "convert", Self.model, "--to", "qkvo", "-o", output, "--shard-size", "400K", "--force",
        "--quiet"
      ).status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: work).sorted() == names)
    expectFailure(
      try run(
        "convert", Self.model, "--to", "qkvo", "-o", "\(work)/a.safetensors", "--shard-size", "400K"
      ),
      64, containing: "--shard-size")
  }

  /// The members of an archive are the files of the same conversion outside of one.
  @Test(arguments: ["x.gguf", "x/"])
  func shardsInArchives(name: String) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let files = FileManager.default
    var source = Self.model
    if name.hasSuffix("/") {
      source = "\(work)/source/"
      #expect(try run("convert", Self.model, "-o", source, "--quiet").status == 0)
    }
    func convert(_ output: String) throws {
      let finished = try run(
        "convert", source, "--to", "qkvo", "-o", output, "--shard-size", "400K", "--quiet")
      #expect(finished.status == 0, "\(finished.errors)")
    }
    try files.createDirectory(atPath: "\(work)/plain", withIntermediateDirectories: true)
    try convert("\(work)/plain/\(name)")
    try convert("\(work)/x.tar.gz")
    #expect(try runProgram("/bin/tar", ["-xzf", "\(work)/x.tar.gz", "-C", work]).status == 0)
    let plain = name.hasSuffix("/") ? "\(work)/plain/x" : "\(work)/plain"
    let packed = name.hasSuffix("/") ? "\(work)/x" : work
    let names = try files.contentsOfDirectory(atPath: plain).sorted()
    #expect(names.count(where: { $0.contains("-of-") }) > 2)
    for file in names {
      #expect(
        files.contentsEqual(atPath: "\(plain)/\(file)", andPath: "\(packed)/\(file)"), "\(file)")
    }
    for ending in [".tar", ".zip", ".tar.zst"] {
      try convert("\(work)/x\(ending)")
      #expect(try run("archive", "verify", "\(work)/x\(ending)").status == 0)
      let opened = try Checkpoint.open("\(work)/x\(ending)")
      let whole = try Checkpoint.open(name.hasSuffix("/") ? plain : "\(plain)/\(names[0])")
      #expect(opened.files.count > 2)
      #expect(try CheckpointDifference(whole, opened, threads: 2).isEmpty)
    }
  }

  /// A table of differences keeps to a terminal's width, whatever names and values are.
  @Test func differencesFitATerminal() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let value = String(repeating: "x", count: 99)
    let words = String(repeating: "word ", count: 19)
    for (name, edits) in [
      ("a", ["general.description=\(value)", "general.url=\(words)"]),
      ("b", ["general.description=\(words)", "general.url=\(value)", "a.\(value)=1"]),
    ] {
      let options = edits.flatMap { ["--set", $0] }
      for output in ["\(name).gguf", "\(name)/"] {
        let finished = try runProgram(
          Self.program,
          ["convert", Self.model, "--to", "vo", "-o", "\(work)/\(output)", "--quiet"] + options)
        #expect(finished.status == 0, "\(finished.errors)")
      }
    }
    for ending in [".gguf", "/"] {
      let text = try run("diff", "\(work)/a\(ending)", "\(work)/b\(ending)", "--quiet").output
      let lines = text.split(separator: "\n")
      #expect(lines.count > 6 && lines.allSatisfy { $0.count <= 80 }, "\(text)")
      #expect(text.contains("xxxxx") && text.contains("word word"))
    }
  }

  /// Shards do not take the input's name, but would stand in its place.
  @Test func anInputIsNeverRemovedForShards() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let folder = "\(work)/folder/"
    #expect(try run("convert", Self.model, "--to", "qk", "-o", folder, "--quiet").status == 0)
    let input = "\(folder)model.safetensors"
    expectFailure(
      try run(
        "convert", input, "--to", "qkvo", "-o", folder, "--shard-size", "400K", "--force",
        "--quiet"), 73, containing: "input")
    #expect(FileManager.default.fileExists(atPath: input))
    // What is not an input is replaced, and the old weights are not read any more.
    #expect(
      try run(
        "convert", Self.model, "--to", "qkvo", "-o", folder, "--shard-size", "400K", "--force",
        "--quiet"
      ).status == 0)
    #expect(try Checkpoint.open(folder).files.count > 2)
  }

  /// A model that is written again in fewer files leaves none of the older set; an input stays.
  @Test func olderShardsGo() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let output = "\(work)/x.gguf"
    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: work).sorted()
    }
    func convert(_ input: String, _ size: String) throws {
      let finished = try run(
        "convert", input, "--to", "qkvo", "-o", output, "--shard-size", size, "--force", "--quiet")
      #expect(finished.status == 0, "\(finished.errors)")
    }
    try convert(Self.model, "300K")
    let many = try names()
    #expect(many.count > 3)
    try convert(Self.model, "1M")
    let two = ["x-00001-of-00002.gguf", "x-00002-of-00002.gguf"]
    #expect(try names() == two)
    try convert("\(work)/\(two[0])", "300K")
    #expect(try names() == (many + two).sorted())
    try convert(Self.model, "1G")
    #expect(try names() == ["x.gguf"])
  }
}
