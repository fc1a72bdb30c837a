import Base
import Checkpoints
import Testing

/// What the values of a JSON text may take, which is known before any of them is made.
@Suite struct JSONMemoryTests {
  private func fault(_ text: String, memory: Int) -> FileError? {
    do {
      _ = try JSONValue.parse(Array(text.utf8), file: "t.json", memory: memory)
      return nil
    } catch { return error }
  }

  /// As many values as would fill the memory with what a process was measured to take for each.
  @Test(arguments: [
    ("{}", 820), ("[]", 180), ("1", 97), ("1.5", 131), ("1.2345678901234567e-100", 147),
    ("null", 36), ("true", 94), ("\"ab\"", 116), ("\"abcdefghijklmnopqrst\"", 214),
    ("{\"a\":1}", 1046), ("[\"a\",\"b\"]", 446),
  ])
  func everyKindOfValueCounts(element: String, measured: Int) throws {
    let memory = 1_000_000
    let most = memory / measured
    func list(_ count: Int) -> String {
      "[" + Array(repeating: element, count: count).joined(separator: ",") + "]"
    }
    let error = try #require(fault(list(most), memory: memory))
    #expect(error.fault as? JSONFault == .tooManyValues(memory: memory))
    guard case .byte(let byte) = error.part else {
      Issue.record("\(error.part)")
      return
    }
    #expect(byte > 0 && byte < list(most).utf8.count)
    #expect(error.exitStatus == .malformedData)
    // Half as many are read: what is reckoned is near what is taken.
    #expect(fault(list(most / 2), memory: memory) == nil)
  }

  @Test func theLastValueIsThePlace() {
    // An array, and objects of 850 bytes.
    #expect(fault("[{},{},{}]", memory: 190 + 3 * 850) == nil)
    #expect(
      fault("[{},{},{}]", memory: 190 + 3 * 850 - 1)
        == .json(
          .tooManyValues(memory: 190 + 3 * 850 - 1), file: "t.json", place: .byte(7)))
    #expect(fault("{\"key\": 1}", memory: 1000)?.part == .byte(1))
  }

  @Test func manyNamesAndMergesAreRead() throws {
    let vocabulary = (0..<500_000).map { "\"token\($0)\":\($0)" }.joined(separator: ",")
    let merges = (0..<500_000).map { "[\"to\",\"ken\($0)\"]" }.joined(separator: ",")
    let value = try JSONValue.parse(
      Array("{\"vocab\":{\(vocabulary)},\"merges\":[\(merges)]}".utf8), file: "tokenizer.json")
    #expect(value["merges"]?.array?.count == 500_000)
  }

  /// A small file has a small limit.
  @Test(arguments: [
    ("config.json", 80_000), ("generation_config.json", 80_000),
    ("tokenizer_config.json", 640_000),
  ])
  func filesHaveTheirOwnLimits(name: String, objects: Int) throws {
    let folder = try ScratchFolder()
    func list(_ count: Int) -> String {
      "{\"a\":[" + Array(repeating: "{}", count: count).joined(separator: ",") + "]}"
    }
    try folder.add(name, list(objects))
    let files = FileSet(folder: folder.path)
    let error = checkpointError { _ = try files.json(name) }
    #expect(error?.path == files.path(of: name))
    guard case .tooManyValues? = error?.fault as? JSONFault else {
      Issue.record("\(String(describing: error))")
      return
    }
    try folder.add(name, list(1000))
    #expect(try files.json(name)["a"]?.array?.count == 1000)
  }

  @Test func membersOfASafetensorsHeader() throws {
    let folder = try ScratchFolder()
    let metadata = Array(repeating: "{}", count: 400_000).joined(separator: ",")
    let header = Array("{\"__metadata__\":{\"a\":[\(metadata)]}}".utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try folder.add("config.json", "{}")
    try folder.add("model.safetensors", length + header)
    guard
      case .tooManyValues? = checkpointError({ _ = try Checkpoint.open(folder.path) })?.fault
        as? JSONFault
    else {
      Issue.record("no error of the header")
      return
    }
  }
}

/// Lists of numbers that are read without a value for each.
@Suite struct IntegerListTests {
  private func read(_ text: String) throws -> Result<[Int32], JSONValue.IntegerListFault> {
    try JSONValue.integers(Array(text.utf8), file: "t.json")
  }

  @Test(
    arguments: [
      ("[]", []), (" [ ] \n", []), ("[0]", [0]), ("[1,22, 333\n,\t4]", [1, 22, 333, 4]),
      ("[2147483647,-0]", [.max, 0]),
    ] as [(String, [Int32])])
  func lists(text: String, expected: [Int32]) throws {
    #expect(try read(text) == .success(expected))
    // As the whole tree has it.
    #expect(
      try JSONValue.parse(Array(text.utf8), file: "t.json").array?.map(\.int)
        == expected.map { Optional(Int($0)) })
  }

  @Test(
    arguments: [
      ("{}", .notAList), ("7", .notAList), ("null", .notAList), ("[-1]", .element(0)),
      ("[1,2147483648]", .element(1)), ("[1,2,3.0,4]", .element(2)), ("[1e3]", .element(0)),
      ("[1,\"2\"]", .element(1)), ("[[1]]", .element(0)), ("[1,2,null]", .element(2)),
      ("[99999999999999999999999]", .element(0)),
    ] as [(String, JSONValue.IntegerListFault)])
  func otherValues(text: String, fault: JSONValue.IntegerListFault) throws {
    #expect(try read(text) == .failure(fault))
  }

  @Test(arguments: ["", "[", "[1", "[1,", "[1,]", "[01]", "[1 2]", "[1] 2", "[-]", "[1.]", "[,1]"])
  func malformedText(text: String) {
    let own = checkpointError { _ = try read(text) }
    #expect(own != nil)
    let whole = checkpointError {
      _ = try JSONValue.parse(Array(text.utf8), file: "t.json")
    }
    #expect(own == whole)
  }

  /// Ten million ids; as values they would take more than a gigabyte.
  @Test func manyNumbers() throws {
    var text: [UInt8] = [UInt8(ascii: "[")]
    for _ in 0..<10_000_000 {
      text.append(UInt8(ascii: "7"))
      text.append(UInt8(ascii: ","))
    }
    text += [UInt8(ascii: "8"), UInt8(ascii: "]")]
    guard case .success(let numbers) = try JSONValue.integers(text, file: "t.json") else {
      Issue.record("not read")
      return
    }
    #expect(numbers.count == 10_000_001 && numbers.last == 8)
    text[1] = UInt8(ascii: "x")
    let error = checkpointError { _ = try JSONValue.integers(text, file: "t.json") }
    #expect(error?.part == .byte(1))
    // What is wrong is said, not that the text is long.
    text[1] = UInt8(ascii: "7")
    text[text.count - 2] = UInt8(ascii: "}")
    #expect(
      try JSONValue.integers(text, file: "t.json") == .failure(.element(10_000_000)))
  }
}
