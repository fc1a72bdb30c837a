import Base
import Checkpoints
import TestSupport
import Testing

/// Tests of the built program.
protocol CommandSuite {}

extension CommandSuite {
  /// The program beside the tests, as `make test` names it.
  static var program: String {
    References.environment["ROPECONV_PROGRAM"] ?? References.file(".build/release/ropeconv")
  }

  static var model: String { References.file("fixtures/lantern.gguf") }
  static var text: String { References.file("fixtures/lantern.txt") }

  func run(_ arguments: String..., input: String = "") throws -> Finished {
    // Without bfloat16 instructions, if nothing else is asked for: `auto` gives float32 everywhere.
    let level = References.environment["ROPECONV_ISA"] ?? "avx512"
    return try runProgram(
      Self.program, arguments, input: input, environment: ["ROPECONV_ISA": level])
  }

  func json(_ finished: Finished) throws -> JSONValue {
    try Array(finished.output.utf8).withUnsafeBytes { try JSONValue.parse($0, file: "output") }
  }

  func expectFailure(
    _ finished: Finished, _ status: Int32, containing words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(finished.status == status, "\(finished.errors)", sourceLocation: sourceLocation)
    let lines = finished.errors.split(separator: "\n")
    #expect(
      lines.count == 1 || lines.count == 2, "\(finished.errors)", sourceLocation: sourceLocation)
    #expect(
      lines.first?.hasPrefix("ropeconv: error: ") == true, "\(finished.errors)",
      sourceLocation: sourceLocation)
    #expect(
      lines.count < 2 || lines[1].hasPrefix("hint: "), "\(finished.errors)",
      sourceLocation: sourceLocation)
    for word in words {
      #expect(
        finished.errors.contains(word), "\(finished.errors) lacks '\(word)'",
        sourceLocation: sourceLocation)
    }
    #expect(finished.output.isEmpty, sourceLocation: sourceLocation)
  }
}
