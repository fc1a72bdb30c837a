import Base
import Checkpoints
import Testing

/// One crafted file per fault of a GGUF header's fixed part and metadata, in the order of the list
/// of inputs a reader must refuse.
@Suite struct GGUFHeaderFaultTests {
  @Test func zeroByteFile() throws {
    let error = try fault(opening: [], as: "model.gguf")
    guard case .empty? = error?.fault as? InputFault else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func magicCutAtThreeBytes() throws {
    try expect(.magicCutShort(found: 3), at: .byte(0), opening: Array("GGU".utf8))
  }

  @Test func wrongMagic() throws {
    var file = GGUFBytes.valid()
    file.magic = Array("PK\u{3}\u{4}".utf8)
    try expect(.wrongMagic(found: "bytes 50 4b 03 04"), opening: file)
    try expect(.wrongMagic(found: "'Hi'"), opening: Array("Hi".utf8))
  }

  @Test(arguments: [("lmgg", "GGML"), ("fmgg", "GGMF"), ("tjgg", "GGJT")])
  func olderFormat(magic: String, name: String) throws {
    var file = GGUFBytes.valid()
    file.magic = Array(magic.utf8)
    try expect(.olderFormat(name: name), opening: file)
  }

  @Test(arguments: ["model.gguf", "model.safetensors", "model"])
  func gitLFSPointer(name: String) throws {
    let text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    let error = try #require(try fault(opening: Array(text.utf8), as: name))
    guard case .gitLFSPointer? = error.fault as? InputFault else {
      Issue.record("\(error)")
      return
    }
    #expect(error.exitStatus == .malformedData)
    #expect(error.hint != nil)
  }

  @Test(arguments: [0, 1, 4] as [UInt32])
  func unsupportedVersion(version: UInt32) throws {
    var file = GGUFBytes.valid()
    file.version = version
    try expect(.unsupportedVersion(found: version), at: .byte(4), opening: file)
  }

  @Test func byteSwappedVersion() throws {
    var file = GGUFBytes.valid()
    file.version = UInt32(3).byteSwapped
    try expect(.bigEndian, at: .byte(4), opening: file)
  }

  @Test(arguments: [UInt64.max, 5])
  func tensorCountTooLarge(count: UInt64) throws {
    var file = GGUFBytes()
    file.tensorCount = count
    let most = (file.bytes.count - 24) / 25
    try expect(.tensorCountTooLarge(found: count, most: most), at: .byte(8), opening: file)
  }

  @Test(arguments: [UInt64.max, 5])
  func keyCountTooLarge(count: UInt64) throws {
    var file = GGUFBytes()
    file.keyCount = count
    let most = (file.bytes.count - 24) / 14
    try expect(.keyCountTooLarge(found: count, most: most), at: .byte(16), opening: file)
  }

  @Test(arguments: [5, 15, 23])
  func endOfFileInsideTheHeader(length: Int) throws {
    let bytes = Array(GGUFBytes.valid().bytes.prefix(length))
    let start = length == 5 ? 4 : length / 8 * 8
    try expect(
      .endOfFile(needed: start == 4 ? 4 : 8, remaining: length - start), at: .byte(start),
      opening: bytes)
  }

  @Test func everyTruncationFails() throws {
    let bytes = GGUFBytes.valid().bytes
    for length in 0..<bytes.count {
      #expect(try fault(opening: Array(bytes.prefix(length)), as: "model.gguf") != nil)
    }
    #expect(try fault(opening: bytes, as: "model.gguf") == nil)
  }

  // MARK: - Keys

  private func file(keys: [UInt8]...) -> GGUFBytes {
    var file = GGUFBytes()
    file.keys += keys
    return file
  }

  /// Where a record after the architecture starts.
  private let second = 24 + 8 + 20 + 4 + 8 + 5

  @Test(arguments: [UInt64.max, 65_536])
  func keyTooLong(length: UInt64) throws {
    let file = file(keys: little(length) + [UInt8](repeating: 97, count: 70_000))
    try expect(.keyTooLong(found: length, limit: 65_535), at: .byte(second), opening: file)
  }

  @Test func longestKeyIsRead() throws {
    let key = String(repeating: "k", count: 65_535)
    #expect(
      try fault(opening: file(keys: GGUFBytes.key(key, 7, [1])).bytes, as: "model.gguf") == nil)
  }

  @Test func keyPastTheEnd() throws {
    try expect(
      .keyPastEnd(length: 20, remaining: 10),
      opening: file(keys: little(UInt64(20)) + [UInt8](repeating: 97, count: 10)))
  }

  @Test func emptyKey() throws {
    try expect(.emptyKey, at: .byte(second), opening: file(keys: GGUFBytes.key("", 7, [1])))
  }

  @Test(arguments: ["né", "a\u{0}b"])
  func keyNotASCII(key: String) throws {
    let byte: UInt8 = key.utf8.contains(0) ? 0 : 0xC3
    try expect(
      .keyNotASCII(byte: byte), at: .byte(second + 9),
      opening: file(keys: GGUFBytes.key(key, 7, [1])))
  }

  @Test func duplicateKey() throws {
    try expect(
      .duplicateKey, at: .key("general.architecture", byte: second),
      opening: file(keys: GGUFBytes.key("general.architecture", 8, GGUFBytes.string("x"))))
  }

  // MARK: - Values

  @Test func unknownValueType() throws {
    try expect(
      .unknownValueType(found: 13), at: .key("k", byte: second + 9),
      opening: file(keys: GGUFBytes.key("k", 13, [0])))
  }

  @Test func unknownElementType() throws {
    try expect(
      .unknownElementType(found: 13), at: .key("k", byte: second + 13),
      opening: file(keys: GGUFBytes.key("k", 9, GGUFBytes.array(13, 1, [0]))))
  }

  @Test func arraysNestedTenThousandDeep() throws {
    var value = GGUFBytes.array(0, 1, [7])
    for _ in 0..<10_000 { value = GGUFBytes.array(9, 1, []) + value }
    try expect(.arraysTooDeep(limit: 8), opening: file(keys: GGUFBytes.key("k", 9, value)))
  }

  @Test func arrayOfTwoToThe63() throws {
    try expect(
      .arrayTooLong(found: 1 << 63),
      opening: file(keys: GGUFBytes.key("k", 9, GGUFBytes.array(0, 1 << 63, [0]))))
  }

  @Test func arraySizeOverflows() throws {
    try expect(
      .arraySizeOverflow(count: 1 << 61, width: 8),
      opening: file(keys: GGUFBytes.key("k", 9, GGUFBytes.array(10, 1 << 61, [0]))))
  }

  @Test func arrayPastTheEnd() throws {
    try expect(
      .arrayPastEnd(count: 3, smallest: 4, remaining: 8),
      opening: file(
        keys: GGUFBytes.key("k", 9, GGUFBytes.array(4, 3, [UInt8](repeating: 0, count: 8)))))
  }

  @Test func stringArrayLargerThanTheFile() throws {
    try expect(
      .arrayPastEnd(count: 3, smallest: 8, remaining: 16),
      opening: file(
        keys: GGUFBytes.key("k", 9, GGUFBytes.array(8, 3, [UInt8](repeating: 0, count: 16)))))
  }

  @Test(arguments: [4, UInt64.max])
  func stringPastTheEnd(length: UInt64) throws {
    let value = little(length) + Array("abc".utf8)
    try expect(
      .stringPastEnd(length: length, remaining: 3), at: .key("k", byte: second + 13),
      opening: file(keys: GGUFBytes.key("k", 8, value)))
    try expect(
      .stringPastEnd(length: length, remaining: 3),
      opening: file(keys: GGUFBytes.key("k", 9, GGUFBytes.array(8, 1, value))))
  }

  @Test func invalidUTF8() throws {
    try expect(
      .invalidUTF8, opening: file(keys: GGUFBytes.key("k", 8, little(UInt64(2)) + [0xC3, 0x28])))
  }

  @Test func boolOfTwo() throws {
    try expect(.invalidBool(found: 2), opening: file(keys: GGUFBytes.key("k", 7, [2])))
    try expect(
      .invalidBool(found: 2), at: .key("k", byte: second + 13 + 12 + 1),
      opening: file(keys: GGUFBytes.key("k", 9, GGUFBytes.array(7, 2, [1, 2]))))
  }

  @Test(arguments: [0, 13, 1 << 30, 4] as [UInt32])
  func alignmentValue(alignment: UInt32) throws {
    try expect(
      .alignmentValue(found: alignment, limit: 1 << 20),
      opening: file(keys: GGUFBytes.key("general.alignment", 4, little(alignment))))
  }

  @Test func alignmentOfAnotherType() throws {
    try expect(
      .alignmentType(found: .uint64),
      opening: file(keys: GGUFBytes.key("general.alignment", 10, little(UInt64(32)))))
  }

  @Test func architectureMissing() throws {
    var file = GGUFBytes()
    file.keys = []
    try expect(.architectureMissing, opening: file)
  }

  @Test func architectureNotAString() throws {
    var file = GGUFBytes()
    file.keys = [GGUFBytes.key("general.architecture", 4, little(UInt32(1)))]
    try expect(.architectureType(found: .uint32), opening: file)
  }
}
