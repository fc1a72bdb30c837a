import Base
import Checkpoints
import Foundation
import Reports
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The page that `report` writes, its charts, and the heat maps of the terminal.
@Suite struct ReportTests {
  static let samples: [(kind: String, json: String, shown: [String])] = [
    (
      "perplexity",
      #"""
      {"model":"/m/lantern.gguf","text":"t","sites":"qk","ctx":512,"chunks":2,"nll":2.5,
       "ppl":12.1825,"ppl_stderr":0.4321,"score":"all","hashes":{"model":"c0ffee"},
       "per_chunk":[{"chunk":0,"nll":2.0,"ppl":7.389},{"chunk":1,"nll":3.0,"ppl":20.0855}]}
      """#,
      ["lantern", ">12.2<", "± 0.4<", "2.5000", "20.0855", "c0ffee", "hashes.model", ">all<"]
    ),
    (
      "sweep",
      #"""
      {"kind":"sweep","sweeps":[{"model":"a.gguf","sites":"qkvo","rope_scaling":"yarn","points":[
       {"ctx":512,"ppl":15.25,"ppl_stderr":0.125,"nll":2.7246,"scored":255,"chunks":1},
       {"ctx":1024,"ppl":14.5,"ppl_stderr":null,"nll":2.6741,"scored":511,"chunks":1}]}]}
      """#, [">15.25<", "± 0.12<", ">14.5<", "1024", "yarn", "qkvo", "511"]
    ),
    (
      "needle",
      #"""
      {"model":"a.gguf","seed":17,"accuracy":0.5,"grid":[
       {"length":512,"depth":0,"trials":8,"correct":3,"accuracy":0.375,"answer_nll":1.25},
       {"length":1024,"depth":50,"trials":8,"correct":8,"accuracy":1,"answer_nll":0.03}]}
      """#, ["37.5 %", "100 %", "1.25", "0.03", "50 %", ">17<", ">–<"]
    ),
    (
      "ruler",
      #"""
      {"model":"a.gguf","score":61.5,"tasks":[
       {"task":"niah_single_1","length":4096,"samples":20,"score":61.5,"answer_nll":0.75}]}
      """#, ["niah_single_1", "61.5", "4096", "0.75", ">20<"]
    ),
    (
      "compare",
      #"""
      {"base":"a.gguf","other":"b.gguf","ppl_base":15.1,"ppl_base_stderr":0.2,"ppl_other":16.3,
       "ppl_other_stderr":0.3,"ln_ppl_ratio":0.0765,"ln_correlation":0.9876,
       "kl":{"mean":0.0312,"mean_stderr":0.0004,"max":6.5},
       "delta_p":{"mean":-0.002,"rms":0.041},"top1_agreement":0.9134}
      """#,
      [
        "b.gguf against a.gguf (states nothing", ">15.1<", "± 0.2<", ">16.3<", "0.9876",
        ">0.0312<", "± 0.0004<", "−0.200 %", "4.10 %", "91.3 %", "+7.95 %", ">6.50<",
      ]
    ),
    (
      "icl",
      #"""
      {"kind":"icl","model":"a.gguf","tasks":[{"task":"copa","type":"multiple_choice","shots":3,
       "examples":100,"accuracy":0.44,"centered":-0.12}]}
      """#, ["copa", "multiple_choice", "0.440", "−0.120", ">100<", "<rect"]
    ),
  ]

  static func result(_ json: String, name: String = "result.json") throws -> ResultFile {
    try ResultFile(name: name, json: try JSONValue.parse(Array(json.utf8), file: name))
  }

  static func page(_ results: [ResultFile], title: String = "Results") throws -> String {
    try ReportPage(title: title, results: results).html()
  }

  /// The text of the one error that a result must give.
  static func fault(_ json: String) -> ReportError? {
    do {
      _ = try page([try result(json)])
      return nil
    } catch {
      return error as? ReportError
    }
  }

  // MARK: - Pages

  @Test(arguments: samples.indices)
  func pageHoldsTheNumbers(index: Int) throws {
    let sample = Self.samples[index]
    let result = try Self.result(sample.json)
    #expect(result.kind == sample.kind)
    let page = try Self.page([result])
    for text in sample.shown { #expect(page.contains(text), "\(sample.kind) lacks '\(text)'") }
    #expect(page.contains("<details class=\"settings\">"))
    #expect(page.contains("result.json"))
  }

  @Test func pageOfAllKindsIsSelfContainedAndTheSameTwice() throws {
    let results = try Self.samples.map { try Self.result($0.json) }
    let page = try Self.page(results)
    #expect(try Self.page(results) == page)
    for sample in Self.samples { #expect(page.contains("<section id=\"\(sample.kind)\"")) }
    for word in ["http:", "https:", "<script", "@import", "url(", "src=", " onload"] {
      #expect(!page.contains(word), "\(word)")
    }
    #expect(page.contains("width=device-width"))
    #expect(page.contains("prefers-color-scheme:dark"))
    // Every figure has its numbers as a table.
    let figures = page.components(separatedBy: "<figure>").dropFirst()
    #expect(figures.count == 6)
    for figure in figures {
      #expect(figure.components(separatedBy: "</figure>").first?.contains("<table>") == true)
    }
    // The body is well-formed: every opened element is closed.
    let body = try #require(page.range(of: "<body>").map { page[$0.lowerBound...] })
      .replacing("<br>", with: "").replacing("</html>", with: "")
    let parser = XMLParser(data: Data(body.utf8))
    #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "")")
  }

  @Test(arguments: samples.indices)
  func namesFromFilesStayText(index: Int) throws {
    let hostile = #"</script><img src=x onerror='alert(1)'>\"&\u0000"#
    let json = Self.samples[index].json
      .replacing("lantern", with: hostile).replacing("a.gguf", with: hostile)
      .replacing("copa", with: hostile).replacing("niah_single_1", with: hostile)
      .replacing("yarn", with: hostile)
    let page = try Self.page([try Self.result(json, name: "<b>.json")], title: "<i>&")
    #expect(!page.contains("<img") && !page.contains("<b>") && !page.contains("<i>"))
    #expect(!page.contains("</script"))
    #expect(page.contains("&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot;&amp;\u{FFFD}"))
    #expect(page.contains("&lt;b&gt;.json"))
    #expect(page.contains("<h1>&lt;i&gt;&amp;</h1>"))
  }

  @Test func variantsAreHeldAgainstTheFirst() throws {
    let one = Self.samples[0].json
    let other = one.replacing("12.1825", with: "18.27375").replacing("\"qk\"", with: "\"qkvo\"")
    let page = try Self.page([
      try Self.result(one, name: "one.json"), try Self.result(other, name: "two.json"),
    ])
    #expect(page.contains("+50.0 %"))
    // The two have one model's name: their sites tell them apart.
    let older = "lantern.gguf (states nothing: made by an older version)"
    #expect(page.contains("\(older) · qkvo") && page.contains("\(older) · qk<"))
    #expect(!page.contains("do not compare"))
    let elsewhere = try Self.page([
      try Self.result(one), try Self.result(other.replacing("\"t\"", with: "\"u\"")),
    ])
    #expect(elsewhere.contains("do not compare"))
    #expect(!elsewhere.contains("+50.0 %"))
  }

  @Test func equalModelsAreNumbered() {
    #expect(
      Labels.distinct([["a", "qk"], ["a", "qk"], ["b", ""]]) == ["a · qk (1)", "a · qk (2)", "b"])
  }

  // MARK: - What is refused

  @Test(arguments: ["{}", "[]", "3", #"{"layers":[],"model":"a"}"#, #"{"ppl":3,"per_chunk":{}}"#])
  func otherJSONIsRefused(json: String) {
    #expect(Self.fault(json) == .notAResult(file: "result.json"))
    #expect(Self.fault(json)?.exitStatus == .malformedData)
  }

  @Test func unknownKindIsRefusedThoughFieldsFit() throws {
    let json = #"{"kind":"guess\u001b[31m","grid":[]}"#
    let fault = try #require(Self.fault(json))
    #expect(fault == .unknownKind(file: "result.json", found: "guess\u{1B}[31m"))
    #expect(fault.summary.contains("'guess\\u{1b}[31m': expected one of perplexity, sweep"))
  }

  @Test(arguments: [
    (0, "\"ctx\":512", "\"ctx\":\"x\"", "ctx", "a whole number"),
    (0, "\"chunk\":1", "\"chunk\":1.5", "per_chunk[1].chunk", "a whole number"),
    (1, "\"ppl\":14.5", "\"pp\":14.5", "sweeps[0].points[1].ppl", "a number"),
    (2, "\"depth\":50", "\"depth\":null", "grid[1].depth", "a number"),
    (3, "\"task\":\"niah_single_1\"", "\"task\":7", "tasks[0].task", "a text"),
    (4, "\"max\":6.5", "\"max\":[]", "kl.max", "a number"),
    (5, "\"tasks\":[{", "\"tasks\":[5,{", "tasks[0]", "an object"),
  ])
  func faultsNameTheField(
    index: Int, found: String, replacement: String, key: String, expected: String
  ) {
    let json = Self.samples[index].json.replacing(found, with: replacement)
    #expect(
      Self.fault(json) == .field(file: "result.json", key: key, expected: expected))
  }

  /// Numbers at the edge of what JSON holds: a page or an error, never a trap.
  @Test(arguments: samples.indices)
  func extremeNumbersAreShown(index: Int) throws {
    let extremes = [
      "0", "-1", "1e308", "-1e308", "5e-324", "9223372036854775807", "-9223372036854775808",
      "18446744073709551615", "1000000000000000000000", "null", "[]", "\"\"",
    ]
    let json = Self.samples[index].json
    for found in json.matches(of: /:(-?[0-9][0-9.]*)/) {
      for extreme in extremes {
        var changed = json
        changed.replaceSubrange(found.output.1.startIndex..<found.output.1.endIndex, with: extreme)
        _ = Self.fault(changed)
      }
    }
    for extreme in extremes {
      _ = Self.fault(json.replacing(/:-?[0-9][0-9.]*/, with: ":\(extreme)"))
    }
  }

  @Test func emptyResultsAreShown() throws {
    for json in [
      #"{"kind":"sweep","sweeps":[]}"#, #"{"kind":"needle","model":"a","grid":[]}"#,
      #"{"kind":"ruler","model":"a","tasks":[]}"#, #"{"kind":"icl","model":"a","tasks":[]}"#,
      #"{"model":"a","ctx":1,"ppl":null,"nll":null,"per_chunk":[]}"#,
    ] { #expect(try Self.page([try Self.result(json)]).contains("</html>")) }
  }

  // MARK: - Charts

  @Test func colourScalesAreMonotoneInLuminanceAndReadable() {
    let shares = (0...200).map { Double($0) / 200 }
    let light = shares.map { ColorScale.lightIsMuch.color($0).luminance }
    let dark = shares.map { ColorScale.darkIsMuch.color($0).luminance }
    #expect(zip(light, light.dropFirst()).allSatisfy { $0 < $1 })
    #expect(zip(dark, dark.dropFirst()).allSatisfy { $0 > $1 })
    for share in shares {
      let color = ColorScale.lightIsMuch.color(share)
      let contrast =
        color.wantsBlackInk ? (color.luminance + 0.05) / 0.05 : 1.05 / (color.luminance + 0.05)
      #expect(contrast >= 4.5)
    }
    #expect(ColorScale.lightIsMuch.color(.nan) == ColorScale.lightIsMuch.color(0))
    #expect(ColorScale.lightIsMuch.color(7) == ColorScale.lightIsMuch.color(1))
  }

  static var map: HeatMap {
    var map = HeatMap(
      title: "t", rowTitle: "row", columnTitle: "column", rowLabels: ["a", "b\u{1B}[31m"],
      columnLabels: ["x", "y"], values: [[0, 1], [0.5]], range: 0...1)
    map.showsNumbers = true
    map.numberStyle = .percent
    return map
  }

  @Test func heatMapShowsNumbersAndGaps() {
    let svg = Self.map.svg()
    for text in [">100 %<", ">50 %<", ">–<", "row a, column y: 100 %", "#b4b4b4"] {
      #expect(svg.contains(text), "\(text)")
    }
    #expect(svg.components(separatedBy: "<rect").count - 1 == 4 + 1 + HeatMap.barSteps)
    #expect(svg == Self.map.svg())
  }

  @Test func lineChartAsAFileBringsItsStyle() throws {
    var chart = LineChart(
      title: "t", xTitle: "x", yTitle: "y",
      series: [
        .init(
          name: "<one>",
          points: [
            .init(x: 512, y: 15, error: 0.5), .init(x: 1024, y: .nan), .init(x: 2048, y: 12),
          ]),
        .init(name: "none", points: []),
      ])
    chart.isLogarithmic = (true, true)
    let svg = chart.svg()
    #expect(svg.contains("&lt;one&gt;") && svg.contains("<style>") && !svg.contains("nan"))
    #expect(XMLParser(data: Data(svg.utf8)).parse())
    chart.series = []
    #expect(chart.svg().contains("no values that can be drawn"))
  }

  @Test(arguments: [
    (1.0, 1000.0, true, [1.0, 10, 100, 1000]), (0.0, 10.0, false, [0.0, 2, 4, 6, 8, 10]),
    (14.0, 16.0, true, [14.0, 14.5, 15, 15.5, 16]), (10.0, 60.0, true, [10.0, 20, 50]),
  ])
  func ticksAreRound(low: Double, high: Double, isLogarithmic: Bool, expected: [Double]) throws {
    let axis = try #require(Axis([low, high], isLogarithmic: isLogarithmic, padding: 1e-9))
    #expect(axis.ticks(about: 5).map { ($0 * 1e6).rounded() / 1e6 } == expected)
  }

  // MARK: - The terminal

  @Test func terminalMapIsATableWithoutColour() {
    #expect(
      TerminalHeatMap(Self.map).text(color: .none) == """
        t
        row \\ column    x      y\u{20}
        a             0 %  100 %\u{20}
        b\\u{1b}[31m  50 %      –\u{20}
        """)
  }

  @Test func terminalMapPaintsCellsAndEndsEveryColour() {
    for color in [TerminalColor.full, .palette] {
      let text = TerminalHeatMap(Self.map).text(color: color)
      // The missing cell stays plain, and a label cannot bring a colour of its own.
      #expect(text.components(separatedBy: "\u{1B}[0m").count - 1 == 3)
      #expect(text.components(separatedBy: "\u{1B}[38;").count - 1 == 3)
      #expect(!text.contains("\u{1B}[31m"))
    }
    #expect(TerminalHeatMap.paletteColor(ColorScale.Color(255, 0, 100)).index == 16 + 36 * 5 + 1)
  }

  @Test(arguments: [
    (true, [:], TerminalColor.palette), (false, ["COLORTERM": "truecolor"], .none),
    (true, ["COLORTERM": "truecolor"], .full), (true, ["NO_COLOR": "1"], .none),
    (true, ["NO_COLOR": "", "COLORTERM": "24bit"], .full), (true, ["TERM": "dumb"], .none),
  ])
  func colourNeedsATerminalThatWantsIt(
    isTerminal: Bool, environment: [String: String], expected: TerminalColor
  ) {
    #expect(TerminalColor.detect(isTerminal: isTerminal, environment: environment) == expected)
  }
}
