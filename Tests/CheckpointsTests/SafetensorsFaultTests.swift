import Base
import Checkpoints
import Testing

/// One crafted file per fault of a safetensors file.
@Suite struct SafetensorsFaultTests {
  private func entry(
    _ name: String = "t", dtype: String = "\"F32\"", shape: String = "[2]",
    offsets: String = "[0,8]"
  ) -> String {
    "\"\(name)\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  private func file(_ entries: String..., data: Int = 8) -> [UInt8] {
    safetensors(
      "{\(entries.joined(separator: ","))}", data: [UInt8](repeating: 0, count: data))
  }

  private func jsonFault(_ bytes: [UInt8]) throws -> JSONFault? {
    try fault(opening: bytes, as: "model.safetensors")?.fault as? JSONFault
  }

  @Test func fewerThanEightBytes() throws {
    try expect(.tooShort(found: 7), opening: [UInt8](repeating: 0, count: 7))
  }

  @Test func headerLongerThanTheFile() throws {
    try expect(
      .headerPastEnd(length: 100, remaining: 2), opening: safetensors("{}", length: 100))
  }

  @Test(arguments: [100_000_001, UInt64.max])
  func headerTooLong(length: UInt64) throws {
    try expect(
      .headerTooLong(found: length, limit: 100_000_000), opening: safetensors("{}", length: length))
  }

  @Test func headerNotUTF8() throws {
    try expect(
      .headerNotUTF8, opening: little(UInt64(6)) + Array("{\"".utf8) + [0xFF] + Array("\":1".utf8))
  }

  @Test(arguments: ["[]", "null", "1", "\"x\""])
  func headerNotAnObject(header: String) throws {
    try expect(.headerNotObject, opening: safetensors(header))
  }

  @Test func bytesAfterTheHeader() throws {
    #expect(try jsonFault(safetensors("{} x")) == .trailingBytes(count: 1))
  }

  @Test func headerNestedDeep() throws {
    let depth = 100_000
    let header =
      "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
    #expect(try jsonFault(safetensors(header)) == .nestedTooDeep(limit: 512))
  }

  @Test func duplicateTensorName() throws {
    try expect(.duplicateTensor, opening: file(entry(), entry(offsets: "[8,16]"), data: 16))
    // The same name, written with an escape.
    try expect(
      .duplicateTensor, opening: file(entry(), entry("\\u0074", offsets: "[8,16]"), data: 16))
  }

  /// Memory for what a header says is bounded before it is taken.
  @Test func metadataAndEntriesOfUnusualLength() throws {
    let long = String(repeating: "x", count: 4 << 20)
    try expect(
      .metadataTooLong(found: (4 << 20) + 8, limit: 4 << 20),
      opening: file("\"__metadata__\":{\"a\":\"\(long)\"}", entry()))
    let shape = "[" + Array(repeating: "1", count: 40_000).joined(separator: ",") + "]"
    let text = entry(shape: shape)
    try expect(
      .entryTooLong(found: text.utf8.count - 4, limit: 1 << 16), opening: file(text))
  }

  /// More keys than are compared one by one, among them one twice: as it is, and with an escape.
  @Test func duplicateAmongManyTensors() throws {
    func header(_ last: String) -> [UInt8] {
      let names = (0..<5000).map { "t\($0)" } + [last]
      let entries = names.enumerated().map {
        entry($1, offsets: "[\(8 * $0),\(8 * $0 + 8)]")
      }
      return safetensors(
        "{\(entries.joined(separator: ","))}", data: [UInt8](repeating: 0, count: 8 * names.count))
    }
    #expect(try fault(opening: header("u"), as: "model.safetensors") == nil)
    for name in ["t0", "t15", "t16", "t17", "t4999", "\\u00744999"] {
      try expect(.duplicateTensor, opening: header(name))
    }
  }

  @Test func emptyTensorName() throws {
    try expect(.emptyTensorName, opening: file(entry("")))
  }

  @Test(arguments: ["F31", ""])
  func unknownType(name: String) throws {
    try expect(.unknownType(found: name), opening: file(entry(dtype: "\"\(name)\"")))
  }

  @Test func unsupportedType() throws {
    try expect(.unsupportedType(found: "F4"), opening: file(entry(dtype: "\"F4\"")))
  }

  @Test(arguments: ["-2", "2.0", "9223372036854775808", "\"2\"", "null"])
  func shapeNegativeOrFractional(dimension: String) throws {
    try expect(
      .invalidDimension(found: dimension == "2.0" ? "2.0" : dimension),
      opening: file(entry(shape: "[\(dimension)]")))
  }

  @Test func dimensionBeyond64Bits() throws {
    #expect(
      try jsonFault(file(entry(shape: "[18446744073709551616]")))
        == .integerTooLarge(digits: "18446744073709551616"))
  }

  @Test func shapeOverflows() throws {
    try expect(
      .shapeOverflow(shape: [4_294_967_296, 4_294_967_296]),
      opening: file(entry(shape: "[4294967296,4294967296]")))
    try expect(
      .shapeOverflow(shape: [4_611_686_018_427_387_904]),
      opening: file(entry(shape: "[4611686018427387904]")))
  }

  /// No byte of the file bounds the other dimensions of an empty tensor.
  @Test func dimensionsBesideAZero() throws {
    func empty(_ shape: [Int]) -> [UInt8] {
      file(entry(dtype: "\"U8\"", shape: "\(shape)", offsets: "[0,0]"), data: 0)
    }
    for shape in [
      [0, 1 << 60, 16], [0, Int.max], [1 << 41, 0], [0, 1 << 21, 1 << 21], [1 << 62, 2, 0],
    ] {
      try expect(.shapeOverflow(shape: shape), opening: empty(shape))
    }
    for shape in [[0], [0, 1 << 40], [1 << 20, 0, 1 << 20]] {
      #expect(try fault(opening: empty(shape), as: "model.safetensors") == nil)
    }
  }

  /// As elements or scales of a weight in fewer bits, whose sizes are made of those dimensions.
  @Test(
    arguments: [
      (
        "mxfp4", ("x_blocks", "U8", [0, 1 << 60, 16]), ("x_scales", "U8", [0, 1 << 60])
      ),
      (
        "fp8", ("y.weight", "F8_E4M3", [0, Int.max]), ("y.weight_scale_inv", "F32", [0, 1 << 56])
      ),
      ("fp8", ("y.weight", "I8", [0, 16]), ("y.weight_scale_inv", "U8", [0, 1 << 62])),
    ] as [(String, (String, String, [Int]), (String, String, [Int]))])
  func emptyPartsOfAWeight(
    method: String, elements: (String, String, [Int]), scales: (String, String, [Int])
  ) throws {
    let folder = try ScratchFolder()
    try folder.add(
      "config.json", "{\"quantization_config\":{\"quant_method\":\"\(method)\"}}")
    let entries = [elements, scales].map { name, type, shape in
      entry(name, dtype: "\"\(type)\"", shape: "\(shape)", offsets: "[0,0]")
    }
    try folder.add(
      "model.safetensors", safetensors("{\(entries.joined(separator: ","))}", data: []))
    let error = try #require(throws: FileError.self) { try Checkpoint.open(folder.path) }
    guard case .shapeOverflow? = error.fault as? SafetensorsFault else {
      Issue.record("\(error)")
      return
    }
  }

  @Test(arguments: ["[-1,8]", "[8,0]", "[0]", "[0,4,8]", "[0,8.0]", "[0,\"8\"]", "{}", "8"])
  func invalidOffsets(offsets: String) throws {
    try expect(.invalidOffsets(found: offsets), opening: file(entry(offsets: offsets)))
  }

  @Test func sizeIsNotShapeTimesType() throws {
    try expect(.sizeMismatch(expected: 8, found: 4), opening: file(entry(offsets: "[0,4]")))
  }

  @Test func hole() throws {
    try expect(
      .hole(from: 8, to: 12), opening: file(entry(), entry("u", offsets: "[12,20]"), data: 20))
    try expect(.hole(from: 0, to: 4), opening: file(entry(offsets: "[4,12]"), data: 12))
  }

  @Test func tenTensorsOnOneRange() throws {
    let entries = (0..<10).map { entry("t\($0)") }.joined(separator: ",")
    try expect(
      .overlap(other: "t0"),
      opening: safetensors("{\(entries)}", data: [UInt8](repeating: 0, count: 8)))
  }

  @Test func trailingBytes() throws {
    try expect(.trailingBytes(count: 3), opening: file(entry(), data: 11))
  }

  @Test func twoBytesMissing() throws {
    try expect(.missingBytes(count: 2), opening: file(entry(), data: 6))
  }

  @Test func offsetsNearTheLargestInteger() throws {
    let error = try fault(
      opening: file(
        entry(
          dtype: "\"U8\"", shape: "[9223372036854775807]", offsets: "[0,9223372036854775807]")),
      as: "model.safetensors")
    guard case .missingBytes? = error?.fault as? SafetensorsFault else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["{\"a\":1}", "[]", "\"pt\""])
  func metadataNotStrings(metadata: String) throws {
    try expect(
      .metadataNotStrings, opening: file("\"__metadata__\":\(metadata)", entry()))
  }

  @Test(arguments: [
    "\"t\":1", "\"t\":{}", "\"t\":{\"dtype\":1}", "\"t\":{\"dtype\":\"F32\"}",
    "\"t\":{\"dtype\":\"F32\",\"shape\":[2]}", "\"t\":{\"dtype\":\"F32\",\"other\":1}",
  ])
  func malformedEntry(entry: String) throws {
    let error = try fault(opening: file(entry), as: "model.safetensors")
    guard case .malformedEntry? = error?.fault as? SafetensorsFault,
      case .tensor("t", _)? = error?.part
    else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func everyTruncationFails() throws {
    let bytes = file(entry())
    for length in 0..<bytes.count {
      #expect(
        try fault(opening: Array(bytes.prefix(length)), as: "model.safetensors") != nil)
    }
  }

  // MARK: - Accepted

  @Test(arguments: ["{}", "{}      ", "{\"__metadata__\":{}}"])
  func emptyTensorList(header: String) throws {
    #expect(try fault(opening: safetensors(header), as: "model.safetensors") == nil)
  }

  @Test func scalarsAndZeroDimensions() throws {
    let bytes = file(
      entry("scalar", shape: "[]", offsets: "[0,4]"),
      entry("empty", shape: "[0,3]", offsets: "[4,4]"),
      entry("other", shape: "[1]", offsets: "[4,8]"))
    let folder = try ScratchFolder()
    let checkpoint = try Checkpoint.open(try folder.add("m.safetensors", bytes))
    #expect(checkpoint.tensors["scalar"]?.elementCount == 1)
    #expect(checkpoint.tensors["empty"]?.elementCount == 0)
    #expect(try checkpoint.tensors["empty"]?.decoded() == [])
    #expect(checkpoint.configuration == nil)
  }
}
