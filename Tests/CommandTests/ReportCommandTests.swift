import Checkpoints
import Foundation
import TestSupport
import Testing

/// `report` as a user runs it, on what `eval` wrote.
@Suite struct ReportCommandTests: CommandSuite {
  @Test func pageFromAResultAndItsFaults() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let (result, page) = ("\(work)/result.json", "\(work)/report.html")
    let scored = try run(
      "eval", "perplexity", Self.model, "--text", Self.text, "--ctx", "64", "--chunks", "3",
      "--json", "--quiet")
    try scored.output.write(toFile: result, atomically: true, encoding: .utf8)
    let perplexity = try #require(try json(scored)["ppl"]?.double)

    let finished = try run("report", result, "-o", page, "--title", "A & B", "--json")
    #expect(finished.status == 0)
    #expect(try json(finished)["results"]?.array?.first?["kind"]?.string == "perplexity")
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains(String(format: ">%.2f<br>", perplexity)))
    #expect(html.contains("<h1>A &amp; B</h1>"))
    #expect(try json(finished)["bytes"]?.int == html.utf8.count)

    expectFailure(try run("report", result, "-o", page), 73, containing: "exists")
    expectFailure(
      try run("report", result, "-o", result, "--force"), 73, containing: "is the input")
    expectFailure(
      try run("report", References.file("fixtures/lantern.ids.json"), "-o", page, "--force"), 65,
      containing: "lantern.ids.json", "perplexity, sweep, needle")
    expectFailure(try run("report", Self.text, "-o", page, "--force"), 65, containing: "JSON")
    expectFailure(try run("report", "\(work)/none.json", "-o", page, "--force"), 66)
    expectFailure(try run("report", "-o", page), 64)
    expectFailure(try run("report", result), 64)
    // A failure leaves the page as it was.
    #expect(try String(contentsOfFile: page, encoding: .utf8) == html)
  }
}
