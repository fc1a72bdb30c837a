#if os(Linux)
  import Conversion
  import Evaluation
  import Foundation
  import TestSupport
  import Testing

  /// A process that converts and evaluates again and again does not grow: a service that uses the
  /// library runs for weeks. `ROPECONV_SOAK=200` is the long run.
  @Suite struct SoakTests {
    /// In a process of its own: other tests open files and take memory at the same time.
    @Test func nothingGrows() async {
      await #expect(processExitsWith: .success) {
        do { try Soak().run() } catch { Issue.record("\(error)") }
      }
    }

    /// What the check takes for growth is seen: a round that keeps a descriptor and a megabyte.
    @Test func growthIsSeen() async {
      await #expect(processExitsWith: .success) {
        let soak = Soak()
        var kept: [[UInt8]] = []
        #expect(throws: Soak.Growth.self) {
          try soak.run { _ in
            kept.append([UInt8](repeating: 1, count: 1 << 20))
            _ = open("/dev/null", O_RDONLY)
          }
        }
      }
    }
  }

  private struct Soak {
    /// What a process holds.
    struct Holdings {
      /// Bytes of its own memory that are resident; pages of mapped files come and go.
      let memory: Int
      let descriptors: Int

      static func now() throws -> Holdings {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        let kilobytes = try #require(Int(line.filter(\.isNumber)))
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        return Holdings(memory: 1024 * kilobytes, descriptors: descriptors.count)
      }
    }

    struct Growth: Error { let description: String }

    /// After so many rounds every container has been written twice, and caches are full.
    private static let warmUp = 8
    /// Bytes that allocators may come to hold; a model of the fixture takes 1.6 MB.
    private static let allowed = 8 << 20
    private static let outputs = ["x.gguf", "x/", "x.safetensors", "x.tar.zst"]

    func run(afterEach: (Int) throws -> Void = { _ in }) throws {
      let rounds = References.environment["ROPECONV_SOAK"].flatMap(Int.init) ?? 20
      var before: Holdings?
      for round in 0..<max(rounds, Self.warmUp + 1) {
        try convertAndEvaluate(round)
        try afterEach(round)
        if round + 1 == Self.warmUp { before = try .now() }
      }
      let (first, last) = (try #require(before), try Holdings.now())
      print("soak: \(rounds) rounds, \(first) after \(Self.warmUp), \(last) at the end")
      guard last.descriptors <= first.descriptors, last.memory <= first.memory + Self.allowed else {
        throw Growth(description: "\(first) became \(last)")
      }
    }

    private func convertAndEvaluate(_ round: Int) throws {
      let work = try References.temporaryFolder()
      defer { try? FileManager.default.removeItem(atPath: work) }
      let output = "\(work)/\(Self.outputs[round % Self.outputs.count])"
      let model = try Model(opening: References.file("fixtures/lantern.gguf"))
      let request = ConversionRequest(sites: round % 2 == 0 ? .all : .message, output: output)
      _ = try ConversionRun(model, request).run()
      let written = try Model(opening: output)
      let text = try TokenizedText(
        .tokens(path: References.file("fixtures/lantern.ids.json")), for: written)
      let evaluation = PerplexityEvaluation(
        windows: WindowPlan(context: 128, limit: 1), threads: 2)
      let perplexity = try evaluation.run(written, on: text).perplexity
      guard perplexity.isFinite else { throw Growth(description: "perplexity \(perplexity)") }
      // What is refused holds nothing either.
      #expect(throws: (any Error).self) { try Model(opening: "\(work)/none.gguf") }
    }
  }
#endif
