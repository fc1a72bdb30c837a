import Base
import Foundation
import TestSupport
import Testing

/// Short forms of options, and models by `-m`: each gives what its long form gives.
@Suite struct ShortOptionTests: CommandSuite {
  private static let chunks = ["--chunks", "2", "--json", "--quiet"]

  @Test(arguments: [
    (
      ["eval", "perplexity", "-m", model, "-f", text, "-c", "64", "-t", "1"],
      ["eval", "perplexity", model, "--text", text, "--ctx", "64", "--threads", "1"]
    ),
    (
      ["eval", "compare", "-m", model, model, "-f", text, "-c", "64", "--sites", "vo"],
      ["eval", "compare", model, "--model", model, "--text", text, "--ctx", "64", "--sites", "vo"]
    ),
    (
      ["eval", "perplexity", "-m", model, "-m", model, "-f", text, "-c", "64"],
      ["eval", "perplexity", model, model, "--text", text, "--ctx", "64"]
    ),
  ])
  func shortFormsSayTheSame(_ short: [String], _ long: [String]) throws {
    let (one, other) = (
      try json(runProgram(Self.program, short + Self.chunks)),
      try json(runProgram(Self.program, long + Self.chunks))
    )
    for field in ["key", "per_chunk", "kl", "sweeps", "model"] {
      #expect(Self.digits(one[field]) == Self.digits(other[field]), "\(field)")
    }
    #expect(one["key"] != nil || one["sweeps"] != nil)
  }

  /// A curve's points say when they were computed.
  private static func digits(_ value: JSONValue?) -> [String?] {
    guard let curves = value?.array, curves.first?["points"] != nil else {
      return [value?.serialized(pretty: false)]
    }
    return curves.flatMap { curve in
      (curve["points"]?.array ?? []).map { $0["per_chunk"]?.serialized(pretty: false) }
    }
  }

  @Test func outputsAndModelsOfOtherCommands() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let output = "\(work)/vo.gguf"
    #expect(try run("convert", "-m", Self.model, "--to", "vo", "-o", output).status == 0)
    #expect(try run("diff", "-m", output, "-m", output, "-t", "1").status == 0)
    let ids = try run("tokenize", "-m", output, "-f", Self.text)
    #expect(ids.status == 0 && !ids.output.isEmpty)
    // A short option without effect is refused as the long one.
    expectFailure(
      try run("eval", "perplexity", output, "-f", Self.text, "-c", "64", "--lengths", "32,64"), 64,
      containing: "--ctx has no effect")
    #expect(
      try run("convert", "-m", output, "--to", "qk", "-o", output, "--force").status == 73)
  }
}

/// Help fits a terminal of 80 columns and says how calls end and what they read of the environment.
@Suite struct HelpTests: CommandSuite {
  private func commands() throws -> [[String]] {
    func words(_ command: JSONValue, _ path: [String]) -> [[String]] {
      [path]
        + (command["subcommands"]?.array ?? []).flatMap { child in
          words(child, path + [child["commandName"]?.string ?? ""])
        }
    }
    return words(try #require(json(run("--experimental-dump-help"))["command"]), [])
      .filter { $0 != ["help"] }
  }

  @Test func linesAreNoWiderThanATerminal() throws {
    let commands = try commands()
    try #require(commands.count > 20)
    for command in commands {
      let help = try runProgram(Self.program, command + ["--help"])
      let wide = help.output.split(separator: "\n").filter { $0.count > 80 }
      #expect(wide.isEmpty, "\(command): \(wide)")
      // An example that the parser breaks has lost its shape.
      let text = help.output.split(separator: "\n", omittingEmptySubsequences: false)
      let first = try #require(text.firstIndex(of: "Example:"), "\(command)")
      for line in text[(first + 1)...].prefix(while: { !$0.isEmpty }) {
        #expect(line.hasPrefix("  "), "\(command): \(line)")
      }
    }
  }

  @Test func everyVariableOfTheProgramIsNamed() throws {
    let help = try run("--help").output
    let page = try String(contentsOfFile: References.file("docs/cli.md"), encoding: .utf8)
    let root = References.file("Sources")
    let all = try #require(FileManager.default.enumerator(atPath: root))
    var found: Set<String> = []
    for name in all.compactMap({ $0 as? String })
    where name.hasSuffix(".swift") || name.hasSuffix(".c") {
      let text = try String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
      // A variable's name stands in quotes; conditions of the build do not.
      found.formUnion(text.matches(of: /"(ROPECONV_[A-Z_]+)"/).map { String($0.1) })
    }
    #expect(found.isSuperset(of: ["ROPECONV_ISA", "ROPECONV_FORMATS", "ROPECONV_ARCHITECTURES"]))
    for variable in found {
      #expect(help.contains(variable) && page.contains("`\(variable)`"), "\(variable)")
    }
  }
}
