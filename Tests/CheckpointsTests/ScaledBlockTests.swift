import Base
import Checkpoints
import Tensors
import Testing

/// FP8 weights whose scales are a tensor of their own.
@Suite struct ScaledBlockTests {
  /// Numbers of 3 rows and 5 columns, of which byte 0x38 + n is 1 + n / 8.
  private static let bytes = (0..<15).map { UInt8(0x38 + $0 % 8) }
  private static let numbers = (0..<15).map { 1 + Float($0 % 8) / 8 }

  /// A weight in blocks of 2 x 3, of which there are two in each direction; the last are cut.
  private func folder(
    block: String = "[2, 3]", scales: (name: String, type: String, shape: [Int], bytes: [UInt8]),
    method: String = "\"fp8\""
  ) throws -> ScratchFolder {
    let end = 15 + scales.bytes.count
    func entry(_ name: String, _ type: String, _ shape: [Int], _ range: Range<Int>) -> String {
      "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":"
        + "[\(range.lowerBound),\(range.upperBound)]}"
    }
    let header =
      "{\(entry("a.weight", "F8_E4M3", [3, 5], 0..<15)),"
      + "\(entry(scales.name, scales.type, scales.shape, 15..<end))}"
    let folder = try ScratchFolder()
    try folder.add(
      "config.json",
      "{\"quantization_config\":{\"quant_method\":\(method),\"weight_block_size\":\(block)}}")
    try folder.add(
      "model.safetensors", safetensors(header, data: Self.bytes + scales.bytes))
    return folder
  }

  private static func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
  }

  private static func expected(_ scales: [[Float]]) -> [Float] {
    numbers.enumerated().map { place, number in number * scales[place / 5 / 2][place % 5 / 3] }
  }

  @Test(
    arguments: [
      ("a.weight_scale_inv", "F32", floats([0.5, 3, -7, 0.1]), [[0.5, 3], [-7, 0.1]]),
      ("a.scale", "F8_E8M0", [126, 127, 130, 0], [[0.5, 1], [8, 0x1p-127]]),
      ("a.scale", "BF16", [0, 0x3F, 0x80, 0x3F, 0, 0x40, 0x40, 0x40], [[0.5, 1], [2, 3]]),
    ] as [(String, String, [UInt8], [[Float]])])
  func everyBlockHasItsScale(
    name: String, type: String, bytes: [UInt8], scales: [[Float]]
  ) throws {
    let folder = try folder(scales: (name, type, [2, 2], bytes))
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(Array(checkpoint.tensors.keys) == ["a.weight"])
    let tensor = try #require(checkpoint.tensors["a.weight"])
    #expect(tensor.type == .f32)
    #expect(tensor.shape == [3, 5])
    let expected = Self.expected(scales)
    #expect(try tensor.decoded() == expected)
    for rows in [0..<1, 1..<3, 2..<3] {
      var part = [Float](repeating: .nan, count: 5 * rows.count)
      try tensor.decode(rows: rows, to: &part)
      #expect(part == Array(expected[(5 * rows.lowerBound)..<(5 * rows.upperBound)]))
    }
    // Written elsewhere, it is the product.
    let path = folder.path + "/copy.gguf"
    try GGUFWriter.write(
      to: path, metadata: ["general.architecture": .string("none")],
      tensors: [OutputTensor(name: "w", type: .f32, shape: [3, 5], contents: .copy(tensor))],
      force: true, inputs: [])
    #expect(try Checkpoint.open(path).tensors["w"]?.decoded() == expected)
  }

  @Test func oneScaleIsThatOfAWholeWeight() throws {
    let folder = try folder(
      block: "null", scales: ("a.weight_scale_inv", "F32", [], Self.floats([0.25])))
    let tensor = try #require(try Checkpoint.open(folder.path).tensors["a.weight"])
    #expect(try tensor.decoded() == Self.numbers.map { $0 / 4 })
  }

  private func refusal(_ folder: ScratchFolder) throws -> String {
    let error = try #require(throws: FileError.self) { try Checkpoint.open(folder.path) }
    return "\(error.path), \(error.place ?? ""): \(error.summary)"
  }

  /// Numbers without their scales would be taken for the weight.
  @Test func scalesThatAreMissingOrDoNotFitAreRefused() throws {
    let four = Self.floats([1, 1, 1, 1])
    for (scales, words) in [
      (("b.weight_scale_inv", "F32", [2, 2], four), "shape [2, 2]"),
      (("a.weight_scale_inv", "F32", [1, 4], four), "a.weight_scale_inv or a.scale"),
      (("a.weight_scale_inv", "F32", [4], four), "a.weight"),
      (("a.weight_scale_inv", "I32", [2, 2], four), "FP8"),
    ] {
      let folder = try folder(scales: scales)
      #expect(try refusal(folder).contains(words))
    }
    for block in ["[2]", "[0, 3]", "[2, 3, 4]", "\"2\"", "[2, 1e30]"] {
      let folder = try folder(block: block, scales: ("a.scale", "F32", [2, 2], four))
      #expect(throws: FileError.self) { try Checkpoint.open(folder.path) }
    }
  }

  @Test(arguments: [
    "\"gptq\"", "\"awq\"", "\"bitsandbytes\"", "\"compressed-tensors\"", "7", "null",
  ])
  func otherMethodsAreNamed(method: String) throws {
    let folder = try folder(
      scales: ("a.scale", "F32", [2, 2], Self.floats([1, 1, 1, 1])), method: method)
    let text = try refusal(folder)
    #expect(text.contains("config.json") && text.contains("mxfp4 or fp8"))
    #expect(!method.hasPrefix("\"") || text.contains(method.dropFirst().dropLast()))
  }
}
