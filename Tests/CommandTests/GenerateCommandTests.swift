import Base
import Foundation
import TestSupport
import Testing

@Suite struct GenerateCommandTests: CommandSuite {
  private static let prompt = "The code of the little lantern is"

  private func generate(_ more: String..., input: String = "") throws -> Finished {
    try runProgram(Self.program, ["generate", Self.model] + more, input: input)
  }

  private func texts(_ finished: Finished) throws -> [String] {
    #expect(finished.status == 0, "\(finished.errors)")
    return try #require(try json(finished)["texts"]?.array).map { $0["text"]?.string ?? "" }
  }

  @Test func oneTextIsPrintedAsItIsMade() throws {
    let plain = try generate("--prompt", Self.prompt, "--max-tokens", "20")
    #expect(plain.status == 0, "\(plain.errors)")
    #expect(plain.errors.contains("ropeconv: 20 tokens in "))
    let result = try generate("--prompt", Self.prompt, "--max-tokens", "20", "--json", "--quiet")
    #expect(try texts(result) == [String(plain.output.dropLast())])
    #expect(plain.output.last == "\n" && result.errors.isEmpty)
    let json = try json(result)
    let text = try #require(json["texts"]?.array?.first)
    #expect(text["tokens"]?.array?.count == 20)
    #expect(text["end"] == "max_tokens")
    #expect(json["identity"]?["settings"]?["max_tokens"] == 20)
    #expect(json["identity"]?["models"]?.array?.count == 1)
  }

  @Test func severalPromptsGetWhatEachGetsAlone() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "There is fog".write(toFile: "\(folder)/a", atomically: true, encoding: .utf8)
    let drawn = ["--temperature", "0.9", "--top-p", "0.9", "--seed", "5", "--max-tokens", "12"]
    func run(_ more: String...) throws -> [String] {
      try texts(
        runProgram(Self.program, ["generate", Self.model, "--json", "--quiet"] + more + drawn))
    }
    let together = try run(
      "--prompt", Self.prompt, "--prompt", "Ida", "--prompt-file", "\(folder)/a")
    #expect(
      try together == run("--prompt", Self.prompt) + run("--prompt", "Ida")
        + run("--prompt", "There is fog"))
    let shown = try generate("--prompt", Self.prompt, "--prompt", "Ida", "--max-tokens", "4")
    #expect(shown.output.contains("==> prompt 1: 4 tokens, "))
    #expect(shown.output.contains("==> prompt 2: "))
    let piped = try generate("--prompt-file", "-", "--json", "--max-tokens", "3", input: "There is")
    #expect(
      try texts(piped) == texts(generate("--prompt", "There is", "--json", "--max-tokens", "3")))
  }

  @Test func aVariantSaysSomethingElse() throws {
    let plain = try texts(generate("--prompt", Self.prompt, "--json"))
    #expect(try texts(generate("--prompt", Self.prompt, "--json", "--sites", "nope")) != plain)
  }

  @Test func whatSurprisesIsSaid() throws {
    let long = try generate("--prompt", "Ida", "--max-tokens", "600", "--until", ".")
    #expect(long.errors.contains("tokens exceed the"))
    let ended = try generate("--prompt", "There is fog over", "--until", ".")
    #expect(ended.errors.contains("stopped at a stop text"))
    #expect(!ended.output.contains("."))
  }

  @Test(arguments: [
    ([], 64, "a prompt is needed"),
    (["--prompt", ""], 64, "no tokens"),
    (["--prompt", "a", "--seed", "1"], 64, "--seed has no effect"),
    (["--prompt", "a", "--top-p", "0.5"], 64, "--top-p has no effect"),
    (["--prompt", "a", "--temperature", "1", "--top-p", "0"], 64, "hint: --top-p"),
    (["--prompt", "a", "--temperature", "-1"], 64, "--temperature"),
    (["--prompt", "a", "--max-tokens", "0"], 64, "error: --max-tokens is 0, expected"),
    (["--prompt", "a", "--chat", "guess"], 64, "--chat is 'guess'"),
    (["--prompt", "a", "--chat", "auto"], 64, "no chat template"),
    (["--prompt-file", "/nonexistent"], 66, "/nonexistent"),
    (["--prompt-file", model], 65, "is a model"),
  ])
  func wrongCalls(arguments: [String], status: Int32, word: String) throws {
    expectFailure(
      try runProgram(Self.program, ["generate", Self.model] + arguments), status, containing: word)
  }
}
