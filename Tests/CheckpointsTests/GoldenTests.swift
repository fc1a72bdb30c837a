import Base
import Checkpoints
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Files written by one program and read by another.
@Suite struct GoldenTests {
  private let golden = References.file("Tests/CheckpointsTests/Golden/golden.gguf")

  @Test func metadataOfEveryType() throws {
    let checkpoint = try Checkpoint.open(golden)
    let metadata = checkpoint.metadata
    #expect(checkpoint.container == .gguf(version: 3))
    #expect(metadata["general.architecture"] == .string("llama"))
    #expect(metadata["general.name"]?.string == "Golden é中😀")
    #expect(metadata["all.uint8"] == .uint8(255))
    #expect(metadata["all.int8"] == .int8(-128))
    #expect(metadata["all.uint16"] == .uint16(65535))
    #expect(metadata["all.int16"] == .int16(-32768))
    #expect(metadata["all.uint32"] == .uint32(.max))
    #expect(metadata["all.int32"] == .int32(.min))
    #expect(metadata["all.uint64"] == .uint64(.max))
    #expect(metadata["all.int64"] == .int64(.min))
    #expect(metadata["all.float32"] == .float32(0.1))
    #expect(metadata["all.float64"] == .float64(0.1))
    #expect(metadata["all.true"] == .bool(true))
    #expect(metadata["all.false"] == .bool(false))
    #expect(metadata["all.uint64"]?.int == nil)
    #expect(metadata["all.uint64"]?.double == 0x1p64)
  }

  @Test func arraysOfEveryType() throws {
    let metadata = try Checkpoint.open(golden).metadata
    #expect(metadata["array.uint8"]?.ints == [0, 255])
    #expect(metadata["array.int8"]?.ints == [-128, 127])
    #expect(metadata["array.uint16"]?.ints == [0, 65535])
    #expect(metadata["array.int16"]?.ints == [-32768, 32767])
    #expect(metadata["array.uint32"]?.ints == [0, 4_294_967_295])
    #expect(metadata["array.int32"]?.ints == [-2_147_483_648, 1])
    #expect(metadata["array.uint64"]?.ints == nil)
    #expect(metadata["array.int64"]?.ints == [-1, 1 << 62])
    #expect(metadata["array.float32"]?.array?.floats() == [0.5, -1.5])
    #expect(metadata["array.float64"]?.doubles == [0.1, 1e300])
    #expect(metadata["array.bool"]?.array?.bools() == [true, false])
    #expect(metadata["array.string"]?.strings == ["", "a", "\u{2581}b", "😀"])
    let nested = try #require(metadata["array.nested"]?.array?.arrays())
    #expect(nested.map { $0.ints() } == [[1, 2, 3], [4]])
    let texts = try #require(metadata["array.nested.string"]?.array?.arrays())
    #expect(texts.map { $0.strings() } == [["x", "yz"], [""]])
    #expect(metadata["array.uint8"] == .array(.uint8([0, 255])))
    #expect(metadata["array.string"] == .array(.strings(["", "a", "\u{2581}b", "😀"])))
    #expect(
      metadata["array.nested"] == .array(.arrays([.int32([1, 2, 3]), .int32([4])])))
  }

  @Test func tensorDirectory() throws {
    let tensors = try Checkpoint.open(golden).tensors
    #expect(
      tensors.keys == [
        "matrix.f32", "vector.f16", "scalar.f32", "matrix.q4_0", "matrix.q8_0", "matrix.bf16",
        "cube.i32", "small.i8",
      ])
    let matrix = try #require(tensors["matrix.f32"])
    #expect(matrix.shape == [3, 32])
    #expect(try matrix.decoded() == (0..<96).map { Float($0) / 8 - 4 })
    var row = [Float](repeating: 0, count: 64)
    try matrix.decode(rows: 1..<3, to: &row)
    #expect(row == (32..<96).map { Float($0) / 8 - 4 })
    #expect(tensors["scalar.f32"]?.elementCount == 1)
    #expect(tensors["matrix.q4_0"]?.type == .q4_0)
    #expect(tensors["matrix.q4_0"]?.shape == [3, 32])
    #expect(tensors["matrix.q4_0"]?.byteCount == 54)
    #expect(tensors["cube.i32"]?.shape == [2, 3, 4])
    #expect(tensors["small.i8"]?.withBytes { Array($0) } == [255, 0, 1])
  }

  @Test func rowsOutOfRange() throws {
    let tensors = try Checkpoint.open(golden).tensors
    var row = [Float](repeating: 0, count: 96)
    let error = checkpointError {
      try tensors["matrix.f32"]?.decode(rows: 2..<4, to: &row)
    }
    #expect(error?.exitStatus == .internalError)
    #expect(checkpointError { try tensors["scalar.f32"]?.decode(rows: 0..<1, to: &row) } != nil)
  }

  /// The package's file, read and written again, has the package's bytes.
  @Test func rewrittenFileIsIdentical() throws {
    let folder = try ScratchFolder()
    let checkpoint = try Checkpoint.open(golden)
    let written = try GGUFWriter.write(
      to: folder.path + "/again.gguf", metadata: checkpoint.metadata,
      tensors: checkpoint.tensors.values.map {
        OutputTensor(name: $0.name, type: $0.type, shape: $0.shape, contents: .copy($0))
      }, force: false, inputs: [golden])
    let bytes = try folder.bytes("again.gguf")
    #expect(bytes.count == written)
    #expect(bytes == checkpoint.files[0].withBytes(0..<checkpoint.files[0].size) { Array($0) })
  }

  @Test func pythonReadsOurGGUF() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/ours.gguf"
    let checkpoint = try Checkpoint.open(golden)
    var metadata: OrderedDictionary<String, MetadataValue> = [
      "general.architecture": .string("llama"), "general.alignment": .uint32(64),
    ]
    for (key, value) in checkpoint.metadata where key.hasPrefix("all.") { metadata[key] = value }
    metadata["our.tokens"] = .array(.strings(["<s>", "é", "\u{2581}the"]))
    metadata["our.scores"] = .array(.floats([0, -1, -2.5]))
    let floats = (0..<12).flatMap { little(Float($0).bitPattern) }
    let q4 = try #require(checkpoint.tensors["matrix.q4_0"])
    let tensors = [
      OutputTensor(name: "computed", type: .f32, shape: [3, 4], contents: .computed { floats }),
      // The three rows of 18 bytes in another order.
      OutputTensor(
        name: "pieces", type: .q4_0, shape: [3, 32],
        contents: .pieces([(q4, 36..<54), (q4, 0..<36)])),
      OutputTensor(name: "empty", type: .f16, shape: [0], contents: .computed { [] }),
    ]
    try GGUFWriter.write(
      to: path, metadata: metadata, tensors: tensors, force: false, inputs: [])
    let ours = try Checkpoint.open(path)
    #expect(ours.metadata == metadata)
    guard let read = try Python.read("read_gguf.py", path) else { return }
    #expect(read["alignment"]?.int == 64)
    let fields = try #require(read["fields"]?.object)
    #expect(Array(fields.keys) == Array(metadata.keys))
    for (key, value) in metadata {
      #expect(fields[key]?["types"]?.array?.first?.int == Int(value.type.rawValue))
      if let text = value.string { #expect(fields[key]?["value"]?.string == text) }
      if let number = value.double { #expect(fields[key]?["value"]?.double == number) }
      if let flag = value.bool { #expect(fields[key]?["value"]?.bool == flag) }
    }
    #expect(fields["our.tokens"]?["value"] == ["<s>", "é", "\u{2581}the"])
    let described = try #require(read["tensors"]?.array)
    #expect(described.count == ours.tensors.count)
    for (entry, tensor) in zip(described, ours.tensors.values) {
      #expect(entry["name"]?.string == tensor.name)
      #expect(entry["type"]?.string?.lowercased() == tensor.type.rawValue)
      #expect(entry["shape"] == .array(tensor.shape.map(JSONValue.init)))
      #expect(entry["offset"]?.int == tensor.offset)
      #expect(tensor.offset % 64 == 0)
      #expect(entry["bytes"]?.string == tensor.withBytes(hexadecimal))
    }
  }

  @Test func pythonReadsOurSafetensors() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/ours.safetensors"
    let types = ElementType.allCases.filter { $0.facts.safetensors != nil }
    #expect(types.count == 16)
    let tensors = types.enumerated().map { index, type in
      OutputTensor(
        name: "é\"\(type.rawValue)", type: type, shape: [3, index],
        contents: .computed {
          (0..<(3 * index * type.bytesPerBlock)).map { UInt8(truncatingIfNeeded: $0 * 7) }
        })
    }
    let written = try PairWriter.write(
      to: path, tensors: tensors, configuration: { "{}" }, force: false, inputs: [])
    #expect(try folder.bytes("ours.safetensors").count + 2 == written)
    let ours = try Checkpoint.open(path)
    #expect(ours.safetensorsMetadata == ["format": "pt"])
    #expect(ours.tensors.values.map(\.type) == types)
    guard let read = try Python.read("read_safetensors.py", path) else { return }
    #expect(read["metadata"] == ["format": "pt"])
    #expect(read["aligned"]?.bool == true)
    #expect(read["opens_with_brace"]?.bool == true)
    for (entry, tensor) in zip(try #require(read["tensors"]?.array), ours.tensors.values) {
      #expect(entry["name"]?.string == tensor.name)
      #expect(entry["type"]?.string == tensor.type.facts.safetensors)
      #expect(entry["shape"] == .array(tensor.shape.map(JSONValue.init)))
      #expect(entry["bytes"]?.string == tensor.withBytes(hexadecimal))
    }
  }
}
