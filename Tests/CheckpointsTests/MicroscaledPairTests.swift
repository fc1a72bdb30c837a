import Base
import Checkpoints
import Tensors
import Testing

/// MXFP4 weights whose elements and scales are tensors of their own.
@Suite struct MicroscaledPairTests {
  private static let method = "{\"quantization_config\":{\"quant_method\":\"mxfp4\"}}"

  /// What an element of 4 bits stands for, from the format's definition.
  private static let levels: [Float] = [
    0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6,
  ]

  /// Two elements.
  private static func byte(_ index: Int) -> Int { (index * 37 + 11) % 256 }

  /// Two matrices of 3 rows and 64 columns.
  private func folder(
    configuration: String = method, scales: [Int] = [2, 3, 2]
  ) throws -> ScratchFolder {
    let bytes = (0..<(12 * 16)).map { UInt8(Self.byte($0)) }
    let exponents = (0..<scales.reduce(1, *)).map { UInt8(120 + $0 % 14) }
    let start = bytes.count
    let end = start + exponents.count
    func entry(_ name: String, _ shape: [Int], _ range: Range<Int>) -> String {
      let offsets = [range.lowerBound, range.upperBound]
      return "\"\(name)\":{\"dtype\":\"U8\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }
    let entries = [
      entry("w_blocks", [2, 3, 2, 16], 0..<start), entry("w_scales", scales, start..<end),
      entry("x", [1], end..<(end + 1)),
    ]
    let header = "{\(entries.joined(separator: ","))}"
    let folder = try ScratchFolder()
    try folder.add("config.json", configuration)
    try folder.add("model.safetensors", safetensors(header, data: bytes + exponents + [7]))
    return folder
  }

  @Test func elementsAndScalesAreOneTensor() throws {
    let folder = try folder()
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(Array(checkpoint.tensors.keys) == ["w", "x"])
    let tensor = try #require(checkpoint.tensors["w"])
    #expect(tensor.type == .mxfp4)
    #expect(tensor.shape == [2, 3, 64])
    #expect(tensor.byteCount == 12 * 17)
    var expected: [Float] = []
    for block in 0..<12 {
      let scale = Float(sign: .plus, exponent: block % 14 - 7, significand: 1)
      for element in 0..<32 {
        let byte = Self.byte(block * 16 + element / 2)
        let nibble = element % 2 == 0 ? byte % 16 : byte / 16
        expected.append(Self.levels[nibble] * scale)
      }
    }
    #expect(try tensor.decoded() == expected)
    var part = [Float](repeating: .nan, count: 192)
    try tensor.decode(rows: 1..<2, to: &part)
    #expect(part == Array(expected[192...]))
  }

  /// As one tensor of a GGUF file the blocks are ggml's, and decode to the same numbers.
  @Test func bytesAreGgmlsBlocks() throws {
    let folder = try folder()
    let tensor = try #require(try Checkpoint.open(folder.path).tensors["w"])
    let path = folder.path + "/copy.gguf"
    let half = (source: tensor, bytes: 0..<(5 * 17))
    let rest = (source: tensor, bytes: (5 * 17)..<(12 * 17))
    let ways: [OutputTensor.Contents] = [.copy(tensor), .pieces([half, rest])]
    for contents in ways {
      try GGUFWriter.write(
        to: path, metadata: ["general.architecture": .string("none")],
        tensors: [OutputTensor(name: "w", type: .mxfp4, shape: [6, 64], contents: contents)],
        force: true, inputs: [])
      let copy = try #require(try Checkpoint.open(path).tensors["w"])
      #expect(copy.type == .mxfp4)
      #expect(try copy.decoded() == tensor.decoded())
      // The scale, then elements 0 and 16, which are the low halves of bytes 0 and 8.
      let start: [UInt8] = copy.withBytes { Array($0.prefix(2)) }
      let pair = Self.byte(0) % 16 + Self.byte(8) % 16 * 16
      #expect(start == [120, UInt8(pair)])
    }
  }

  @Test func whatDoesNotFitStaysTwoTensors() throws {
    let names = ["w_blocks", "w_scales", "x"]
    for folder in [
      try folder(configuration: "{}"),
      try folder(configuration: "{\"quantization_config\":{\"quant_method\":\"fp8\"}}"),
      try folder(scales: [2, 2, 3]), try folder(scales: [12]),
    ] {
      #expect(Array(try Checkpoint.open(folder.path).tensors.keys) == names)
    }
  }
}
