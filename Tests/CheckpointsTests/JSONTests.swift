import Base
import Checkpoints
import Testing

/// The check in front of the JSON library, and what it lets through.
@Suite struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONValue.parse(Array(text.utf8), file: "t.json")
  }

  private func expect(
    _ expected: JSONFault, at offset: Int? = nil, _ text: [UInt8],
    wideIntegers: JSONValue.WideIntegers = .refused,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = checkpointError(sourceLocation: sourceLocation) {
      _ = try JSONValue.parse(text, file: "t.json", wideIntegers: wideIntegers)
    }
    guard let error, let fault = error.fault as? JSONFault, error.path == "t.json" else {
      Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
      return
    }
    #expect(fault == expected, sourceLocation: sourceLocation)
    if let offset { #expect(error.part == .byte(offset), sourceLocation: sourceLocation) }
  }

  private func expect(
    _ expected: JSONFault, at offset: Int? = nil, _ text: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expect(expected, at: offset, Array(text.utf8), sourceLocation: sourceLocation)
  }

  @Test func values() throws {
    let value = try parse(
      #" {"a": [1, -2, 3.5, 1e2, true, false, null], "b": {"c": "x\n\u00e9\ud83d\ude00"}, "d": []} "#
    )
    #expect(value["a"] == [1, -2, 3.5, 100.0, true, false, .null])
    #expect(value["b"]?["c"]?.string == "x\né😀")
    #expect(value.object?.keys == ["a", "b", "d"])
    #expect(value["a"]?.array?[0].double == 1)
    #expect(value["a"]?.array?[2].int == nil)
  }

  @Test(arguments: ["1", "-0.5", "\"x\"", "null", "true", " [] ", "{}"])
  func scalarsAlone(text: String) throws {
    _ = try parse(text)
  }

  @Test func integersAtTheEnds() throws {
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("-9223372036854775808") == .integer(.min))
    #expect(try parse("9223372036854775808") == .unsigned(1 << 63))
    #expect(try parse("18446744073709551615") == .unsigned(.max))
    #expect(try parse("[18446744073709551615]") == [.unsigned(.max)])
  }

  @Test(arguments: ["18446744073709551616", "-9223372036854775809"])
  func integersBeyond64Bits(text: String) throws {
    expect(.integerTooLarge(digits: text), at: 1, "[\(text)]")
    // Configurations may hold them; no reader of integers takes them.
    let value = try parse("{\"a\":[\(text),7],\"b\":\(text)}")
    #expect(value["a"]?.array?[0].int == nil)
    #expect(value["a"]?.array?[0].double == Double(text))
    #expect(value["a"]?.array?[1].int == 7)
    #expect(value["b"]?.double == Double(text))
  }

  @Test func modelMaxLengthOfTransformers() throws {
    let value = try parse(#"{"model_max_length": 1000000000000000019884624838656}"#)
    #expect(value["model_max_length"]?.double == 1e30)
  }

  @Test func numberTooLarge() {
    expect(.numberTooLarge(digits: "1e999"), "1e999")
  }

  @Test func duplicateKeys() {
    for text in [
      #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"[{"b":{},"a":1,"c":{"a":1},"a":1}]"#,
    ] {
      let error = checkpointError { _ = try parse(text) }
      guard case .duplicateKey? = error?.fault as? JSONFault, case .key("a", _)? = error?.part
      else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test func equalKeysOfDifferentObjects() throws {
    #expect(try parse(#"[{"a":1},{"a":2}]"#) == [["a": 1], ["a": 2]])
  }

  /// The letter å and the unit ångström are one string for Swift, and two tokens of a vocabulary.
  @Test func keysThatDifferInNormalization() throws {
    let value = try parse(#"{"\u00c5": 1, "\u212b": 2, "a": 3}"#)
    #expect(value.object == nil)
    #expect(value.members?.map(\.value) == [1, 2, 3])
    #expect(value["\u{212B}"]?.int == 2)
    #expect(value["\u{C5}"]?.int == 1)
    #expect(value.serialized(pretty: false) == "{\"\u{C5}\":1,\"\u{212B}\":2,\"a\":3}")
  }

  @Test func nesting() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try parse(nested(512))
    expect(.nestedTooDeep(limit: 512), at: 512, nested(513))
    expect(.nestedTooDeep(limit: 512), String(repeating: "{\"a\":", count: 100_000))
  }

  @Test(arguments: [
    ("", 0), (" ", 1), ("[", 1), ("[1", 2), ("[1,", 3), ("{", 1), ("{\"a", 3), ("{\"a\"", 4),
    ("{\"a\":", 5), ("\"x", 2), ("tru", 3), ("\"\\", 1), ("\"\\u12", 1),
  ])
  func unexpectedEnd(text: String, offset: Int) {
    if text == "\"\\u12" {
      expect(.malformedEscape, text)
    } else {
      expect(.unexpectedEnd, at: offset, text)
    }
  }

  @Test(arguments: [
    "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "[1 2]", "{\"a\" 1}", "NaN", "Infinity",
    "nul", "/*c*/1", "\u{FEFF}1", "]", "[}", "{\"a\":1]", "+1", ".5", "True",
  ])
  func unexpectedCharacter(text: String) {
    let error = checkpointError { _ = try parse(text) }
    switch error?.fault as? JSONFault {
    case .unexpectedCharacter?, .unexpectedEnd?: break
    default: Issue.record("\(text): \(String(describing: error))")
    }
  }

  @Test(arguments: ["01", "-", "1.", "1.e1", "1e", "1e+", "-x", "00"])
  func malformedNumber(text: String) {
    expect(.malformedNumber, at: 1, "[\(text)]")
  }

  @Test func trailingBytes() {
    expect(.trailingBytes(count: 1), at: 3, "{} x")
    expect(.trailingBytes(count: 1), at: 2, "1 2")
    expect(.trailingBytes(count: 1), at: 2, "[]\u{0}")
  }

  @Test func controlCharacter() {
    expect(.controlCharacter(found: 10), at: 2, "\"a\n\"")
    expect(.controlCharacter(found: 0), at: 1, "\"\u{0}\"")
  }

  @Test(arguments: [#""\x""#, #""\u00g0""#, #""\'""#])
  func malformedEscape(text: String) { expect(.malformedEscape, at: 1, text) }

  @Test(arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800x""#])
  func loneSurrogate(text: String) { expect(.loneSurrogate, at: 1, text) }

  @Test(
    arguments: [
      [0xFF], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF5, 0x80, 0x80, 0x80],
      [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
    ] as [[UInt8]])
  func invalidUTF8(sequence: [UInt8]) {
    expect(.invalidUTF8, at: 1, [0x22] + sequence + [0x22])
  }

  @Test func everyScalarPassesThrough() throws {
    for scalars in [
      0x20...0x7F, 0x80...0x7FF, 0xFF00...0xFFFF, 0x1F600...0x1F64F, 0x10FFF0...0x10FFFF,
    ] {
      let text = String(String.UnicodeScalarView(scalars.compactMap { Unicode.Scalar(UInt32($0)) }))
      let value = JSONValue.string(text)
      #expect(try parse(value.serialized(pretty: false)) == value)
    }
  }

  @Test func keyWithNUL() { expect(.keyWithNUL, #"{"a\u0000b":1}"#) }

  @Test func stringWithNUL() throws {
    #expect(try parse(#""a\u0000b""#) == .string("a\u{0}b"))
  }

  @Test func serialization() throws {
    let value: JSONValue = [
      "z": 1, "a": [0.1, 1e-05, 10000.0, 1e22, "é\"\\\n\u{1}"], "empty": [:], "none": [],
      "n": .null, "t": true, "inf": .number(.infinity),
    ]
    #expect(
      value.serialized(pretty: false)
        == #"{"z":1,"a":[0.1,1e-05,10000.0,1e+22,"é\"\\\n\u0001"],"empty":{},"none":[],"n":null,"t":true,"inf":null}"#
    )
    let small: JSONValue = ["a": [1, ["b": 2]], "c": [:]]
    #expect(
      small.serialized(pretty: true) == """
        {
          "a": [
            1,
            {
              "b": 2
            }
          ],
          "c": {}
        }
        """)
    #expect(try parse(small.serialized(pretty: true)) == small)
  }

  @Test func aLargeVocabularyIsReadQuickly() throws {
    var text = "{\"vocab\":{"
    for index in 0..<200_000 { text += "\"Ġtoken\(index)\":\(index)," }
    text += "\"last\":0},\"merges\":["
    for index in 0..<200_000 { text += "[\"Ġto\",\"ken\(index)\"]," }
    text += "null]}"
    let bytes = Array(text.utf8)
    let clock = ContinuousClock()
    let start = clock.now
    let value = try JSONValue.parse(bytes, file: "t")
    let duration = clock.now - start
    #expect(value["vocab"]?.object?.count == 200_001)
    print("parsed \(bytes.count) bytes of JSON in \(duration)")
    #expect(duration < .seconds(10))
  }
}
