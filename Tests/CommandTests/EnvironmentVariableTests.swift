import Foundation
import TestSupport
import Testing

/// The program's own environment variables: a wrong value is refused in every call that does work.
@Suite struct EnvironmentVariableTests: CommandSuite {
  @Test(arguments: [
    ("ROPECONV_ISA", "sse", "portable, avx2, avx512, auto"),
    ("ROPECONV_ISA", "AVX2", "portable, avx2, avx512, auto"),
    ("ROPECONV_SHARED_PREFIXES", "false", "on, off"),
    ("ROPECONV_FORMATS", "/nonexistent", "architectures/"),
    ("ROPECONV_ARCHITECTURES", "/nonexistent", "a folder"),
    ("ROPECONV_ARCHITECTURES", "/dev/null", "a folder"),
    ("ROPECONV_PARENT", "none", "the number of a process"),
  ])
  func aWrongValueIsRefused(name: String, value: String, expected: String) throws {
    let finished = try runProgram(
      Self.program, ["inspect", Self.model], environment: [name: value])
    expectFailure(
      finished, 64, containing: "\(name) is '\(value)', expected ", expected,
      "hint: see 'ropeconv --help'")
    let object = try json(
      runProgram(Self.program, ["inspect", Self.model, "--json"], environment: [name: value]))
    #expect(object["kind"]?.string == "error" && object["exit_status"]?.int == 64)
  }

  /// The help says what the variable takes, and must be had with a wrong one.
  @Test(arguments: [
    ["--help"], ["help"], ["help", "eval"], ["eval"], ["inspect", "--help"], ["--version"],
    ["--generate-completion-script", "bash"],
  ])
  func helpIsHadWithAWrongValue(arguments: [String]) throws {
    for name in ["ROPECONV_ISA", "ROPECONV_SHARED_PREFIXES", "ROPECONV_FORMATS"] {
      let finished = try runProgram(
        Self.program, arguments, environment: [name: "/nonexistent"])
      #expect(finished.status == 0, "\(name): \(finished.errors)")
      #expect(!finished.output.isEmpty)
    }
  }

  /// What the page lists is taken, and an empty one is none.
  @Test(arguments: [
    ("ROPECONV_ISA", ["portable", "avx2", "avx512", "auto", ""]),
    ("ROPECONV_SHARED_PREFIXES", ["on", "off", ""]), ("ROPECONV_FORMATS", [""]),
    ("ROPECONV_ARCHITECTURES", [""]), ("ROPECONV_PARENT", [""]),
  ])
  func aListedValueIsTaken(name: String, values: [String]) throws {
    for value in values {
      let finished = try runProgram(
        Self.program, ["inspect", Self.model], environment: [name: value])
      #expect(finished.status == 0, "\(name)=\(value): \(finished.errors)")
    }
  }
}
