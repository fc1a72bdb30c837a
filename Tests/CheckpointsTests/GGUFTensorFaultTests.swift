import Base
import Checkpoints
import Testing

/// One crafted file per fault of a GGUF tensor directory.
@Suite struct GGUFTensorFaultTests {
  private func file(_ tensors: GGUFBytes.Tensor..., data: Int = 4096) -> GGUFBytes {
    var file = GGUFBytes()
    file.tensors = tensors
    file.data = [UInt8](repeating: 0, count: data)
    return file
  }

  /// Where the first tensor's record starts.
  private let first = 24 + 8 + 20 + 4 + 8 + 5

  @Test(arguments: [5, 1_000_000] as [UInt32])
  func tooManyDimensions(rank: UInt32) throws {
    var tensor = GGUFBytes.Tensor("t", [1, 1, 1, 1, 1])
    tensor.rank = rank
    try expect(
      .tooManyDimensions(found: rank, limit: 4), at: .tensor("t", byte: first),
      opening: file(tensor))
  }

  @Test func dimensionOfTwoToThe63() throws {
    try expect(.dimensionTooLarge(found: 1 << 63), opening: file(.init("t", [1 << 63])))
  }

  @Test func elementProductWraps() throws {
    try expect(
      .elementCountOverflow(dimensions: [211_106_198_978_564, 4_194_305, 4_194_305]),
      opening: file(.init("t", [4_194_305, 4_194_305, 211_106_198_978_564])))
  }

  /// No byte of the file bounds the other dimensions of an empty tensor.
  @Test func dimensionsBesideAZero() throws {
    try expect(
      .elementCountOverflow(dimensions: [0, 1 << 60, 16]),
      opening: file(.init("t", [16, 1 << 60, 0])))
    try expect(
      .elementCountOverflow(dimensions: [1 << 62, 0]), opening: file(.init("t", [0, 1 << 62])))
  }

  @Test func byteSizeOverflows() throws {
    try expect(.byteSizeOverflow(elements: 1 << 61), opening: file(.init("t", [1 << 61])))
  }

  @Test func paddingWraps() throws {
    try expect(
      .paddingOverflow(bytes: Int.max - 3, alignment: 32),
      opening: file(.init("t", [(1 << 61) - 1])))
  }

  @Test func summedSizesOverflow() throws {
    try expect(
      .totalSizeOverflow, at: .tensor("b", byte: first + 33),
      opening: file(.init("a", [1 << 62], type: 24), .init("b", [1 << 62], type: 24)))
  }

  @Test(arguments: [UInt32.max, 43, 1000])
  func unknownType(type: UInt32) throws {
    try expect(.unknownTensorType(found: type), opening: file(.init("t", type: type)))
  }

  @Test(arguments: [4, 5, 31, 32, 33, 36, 37, 38] as [UInt32])
  func removedType(type: UInt32) throws {
    let names: [UInt32: String] = [
      4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4",
      37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
    ]
    try expect(
      .removedTensorType(name: try #require(names[type])), opening: file(.init("t", type: type)))
  }

  @Test(
    arguments: [(9, "Q8_1"), (40, "NVFP4"), (41, "Q1_0"), (42, "Q2_0")] as [(UInt32, String)])
  func unsupportedType(type: UInt32, name: String) throws {
    try expect(.unsupportedTensorType(name: name), opening: file(.init("t", type: type)))
  }

  @Test func rowNotAMultipleOfTheBlock() throws {
    // Four rows of 24 are three blocks of 32, but no row is a block.
    try expect(
      .rowNotWholeBlocks(row: 24, block: 32), opening: file(.init("t", [24, 4], type: 2)))
    try expect(.rowNotWholeBlocks(row: 1, block: 256), opening: file(.init("t", [], type: 12)))
  }

  @Test func tensorNameOf64Bytes() throws {
    let name = String(repeating: "n", count: 64)
    try expect(
      .tensorNameTooLong(found: 64, limit: 63), at: .byte(first), opening: file(.init(name)))
    #expect(try fault(opening: file(.init(String(name.dropLast()))).bytes, as: "m.gguf") == nil)
  }

  @Test func emptyTensorName() throws {
    try expect(.emptyTensorName, opening: file(.init("")))
  }

  @Test func tensorNameNotText() throws {
    var tensor = GGUFBytes.Tensor()
    tensor.name = [0xFF]
    try expect(.tensorNameNotText, opening: file(tensor))
    try expect(.tensorNameNotText, opening: file(.init("a\u{0}")))
  }

  @Test func duplicateTensorName() throws {
    try expect(
      .duplicateTensor, at: .tensor("t", byte: first + 33),
      opening: file(.init("t"), .init("t", offset: 32)))
  }

  @Test func misalignedOffset() throws {
    try expect(
      .misalignedOffset(found: 16, alignment: 32), opening: file(.init("t", offset: 16)))
  }

  @Test func tensorsOverlap() throws {
    try expect(
      .overlap(other: "a"), at: .tensor("b", byte: first + 33),
      opening: file(.init("a", [16]), .init("b", [8], offset: 32)))
    try expect(.overlap(other: "a"), opening: file(.init("a"), .init("b")))
  }

  @Test(arguments: [4096, (1 << 63) - 32, UInt64.max - 31] as [UInt64])
  func tensorPastTheEnd(offset: UInt64) throws {
    try expect(
      .tensorPastEnd(offset: offset, bytes: 32, available: 4096),
      opening: file(.init("t", offset: offset)))
  }

  @Test func lastTensorOneByteShort() throws {
    try expect(
      .tensorPastEnd(offset: 0, bytes: 32, available: 31), opening: file(.init("t"), data: 31))
  }

  // MARK: - Shards

  private func shard(_ number: UInt16, of count: UInt16, tensors: Int32? = nil) -> GGUFBytes {
    var file = GGUFBytes.valid()
    if number > 0 { file.keys = [] }
    file.keys.append(GGUFBytes.key("split.no", 2, little(number)))
    file.keys.append(GGUFBytes.key("split.count", 2, little(count)))
    if let tensors { file.keys.append(GGUFBytes.key("split.tensors.count", 5, little(tensors))) }
    file.tensors = [.init("t\(number)")]
    return file
  }

  private func open(_ files: [(String, GGUFBytes)]) throws -> Result<Checkpoint, FileError> {
    let folder = try ScratchFolder()
    for (name, file) in files { try folder.add(name, file.bytes) }
    do {
      return .success(try Checkpoint.open(folder.path + "/" + files[0].0))
    } catch {
      return .failure(error)
    }
  }

  private func shardFault(_ files: [(String, GGUFBytes)]) throws -> GGUFFault? {
    guard case .failure(let error) = try open(files) else { return nil }
    return error.fault as? GGUFFault
  }

  @Test func shardsOpenTogether() throws {
    let checkpoint = try open([
      ("m-00001-of-00002.gguf", shard(0, of: 2, tensors: 2)),
      ("m-00002-of-00002.gguf", shard(1, of: 2, tensors: 2)),
    ]).get()
    #expect(checkpoint.tensors.keys == ["t0", "t1"])
    #expect(checkpoint.files.count == 2)
    #expect(checkpoint.metadata["split.count"]?.int == 2)
  }

  @Test func shardNumberNotBelowCount() throws {
    #expect(
      try shardFault([("m-00001-of-00002.gguf", shard(2, of: 2))])
        == .shardNumber(found: 2, count: 2))
  }

  @Test func shardMissing() throws {
    #expect(
      try shardFault([("m-00001-of-00002.gguf", shard(0, of: 2, tensors: 2))])
        == .shardMissing(number: 1, count: 2))
  }

  @Test func shardTensorCountWrong() throws {
    #expect(
      try shardFault([
        ("m-00001-of-00002.gguf", shard(0, of: 2, tensors: 3)),
        ("m-00002-of-00002.gguf", shard(1, of: 2)),
      ]) == .shardTensorCount(expected: 3, found: 2))
  }

  @Test func laterShardGiven() throws {
    #expect(
      try shardFault([("m-00002-of-00002.gguf", shard(1, of: 2))])
        == .notFirstShard(number: 1, count: 2)
    )
  }

  @Test func shardOfAnotherName() throws {
    #expect(try shardFault([("m.gguf", shard(0, of: 2))]) == .shardName(count: 2))
  }

  @Test func shardOfAnotherSet() throws {
    #expect(
      try shardFault([
        ("m-00001-of-00002.gguf", shard(0, of: 2)), ("m-00002-of-00002.gguf", shard(1, of: 3)),
      ]) == .shardMismatch(expected: 2, found: 3, key: "split.count"))
  }

  @Test func tensorInTwoShards() throws {
    var second = shard(1, of: 2)
    second.tensors = [.init("t0")]
    #expect(
      try shardFault([
        ("m-00001-of-00002.gguf", shard(0, of: 2)), ("m-00002-of-00002.gguf", second),
      ])
        == .duplicateTensor)
  }
}
