import Base
import Checkpoints
import Evaluation
import Foundation
import Rotary
import Tensors
import TestSupport
import Testing

/// Whatever a digit depends on changes the key of a result.
@Suite struct IdentityTests {
  private static let fixture = References.file("fixtures/lantern.gguf")
  private static let ids = (0..<400).map { Int32($0 % 700) }

  private func model(_ path: String = fixture) throws -> Model { try Model(opening: path) }
  private let text = TokenizedText(name: "ids", tokens: ids)

  private func labels(_ value: Any) -> Set<String> {
    Set(Mirror(reflecting: value).children.compactMap(\.label))
  }

  /// Each change gives a key of its own, and every stored property is changed.
  private func expectKeys<Value>(
    of value: Value, beside stated: Set<String> = [], _ changes: [String: (inout Value) -> Void],
    sourceLocation: SourceLocation = #_sourceLocation, key: (Value) throws -> String
  ) throws {
    #expect(
      labels(value) == stated.union(changes.keys), "a property without a change here",
      sourceLocation: sourceLocation)
    var keys = [try key(value)]
    #expect(try key(value) == keys[0], sourceLocation: sourceLocation)
    for (_, change) in changes {
      var changed = value
      change(&changed)
      keys.append(try key(changed))
    }
    #expect(Set(keys).count == keys.count, sourceLocation: sourceLocation)
  }

  @Test func everySettingOfAText() throws {
    let model = try model()
    let base = PerplexityEvaluation(windows: WindowPlan(context: 64, limit: 4))
    try expectKeys(
      of: base, beside: ["windows", "rotary", "options"], ["start": { $0.start = 3 }]
    ) { try $0.identity(model, on: text).key }
    let comparison = ModelComparison(windows: base.windows)
    try expectKeys(
      of: comparison, beside: ["windows", "rotary", "options"], ["start": { $0.start = 3 }]
    ) { try $0.identity(model, model, on: text).key }
    let changes: [String: (inout WindowPlan) -> Void] = [
      "context": { $0.context = 32 }, "limit": { $0.limit = 3 }, "scored": { $0.scored = .all },
      "stride": { $0.stride = 16 },
    ]
    try expectKeys(
      of: base.windows, beside: labels(base.windows).subtracting(changes.keys), changes
    ) { windows in
      try PerplexityEvaluation(windows: windows).identity(model, on: text).key
    }
    try expectKeys(
      of: base.windows, beside: labels(base.windows).subtracting(changes.keys), changes
    ) { windows in
      try ModelComparison(windows: windows).identity(model, model, on: text).key
    }
  }

  @Test func everySettingOfANeedleTest() throws {
    let model = try model()
    let haystack = Haystack(name: "h", bytes: Array("Some words. And some more.".utf8))
    let changes: [String: (inout NeedleEvaluation) -> Void] = [
      "template": { $0.template.question = "Where?" }, "lengths": { $0.lengths = [128] },
      "depths": { $0.depths = [10] }, "trials": { $0.trials = 3 }, "seed": { $0.seed = 7 },
      "mode": { $0.mode = .generate }, "passages": { $0.passages = .one },
      "chat": { $0.chat = ChatFormat.known[0] },
    ]
    try expectKeys(of: NeedleEvaluation(), beside: ["rotary", "options"], changes) {
      try $0.identity(model, in: haystack).key
    }
    let templates: [String: (inout NeedleTemplate) -> Void] = [
      "needle": { $0.needle += "!" }, "question": { $0.question += "!" },
      "begin": { $0.begin += "!" },
      "answer": { $0.answer += "!" }, "keys": { $0.keys = ["Rome"] },
      "values": { $0.values = 1...9 },
    ]
    try expectKeys(of: NeedleTemplate(), templates) {
      try NeedleEvaluation(template: $0).identity(model, in: haystack).key
    }
    let other = Haystack(name: "h", bytes: Array("Other words.".utf8))
    #expect(
      try NeedleEvaluation().identity(model, in: haystack)
        != NeedleEvaluation().identity(model, in: other))
  }

  @Test func everySettingOfRuler() throws {
    let model = try model()
    let changes: [String: (inout RulerEvaluation) -> Void] = [
      "tasks": { $0.tasks = [.niahSingle1] }, "lengths": { $0.lengths = [512] },
      "samples": { $0.samples = 3 }, "mode": { $0.mode = .nll },
    ]
    func generator(essays: String? = nil, seed: UInt64 = 1) throws -> RulerGenerator {
      RulerGenerator(tokenizer: try model.tokenizer(), essays: essays, seed: seed)
    }
    let base = RulerEvaluation(tasks: [.niahSingle1, .variableTracking])
    let plain = try generator()
    try expectKeys(
      of: base,
      beside: labels(base).subtracting(changes.keys), changes
    ) { try $0.identity(model, prompts: plain).key }
    let questions = try RulerQuestions(
      hotpot: JSONValue.parse(
        Array(#"[{"question":"Who?","answer":"I","context":[["a",["b"]]]}]"#.utf8), file: "q"),
      file: "q")
    let keys = try [
      plain, generator(seed: 2), generator(essays: "One."), generator(essays: "Two."),
      RulerGenerator(tokenizer: model.tokenizer(), hotpot: questions, seed: 1),
      RulerGenerator(tokenizer: model.tokenizer(), squad: questions, seed: 1),
    ].map { try base.identity(model, prompts: $0).key }
    #expect(Set(keys).count == keys.count)
  }

  @Test func everySettingOfFewShotTasks() throws {
    let model = try model()
    let tasks = try ["codes", "recall"].map {
      try FewShotTask(path: References.file("fixtures/tasks/\($0).jsonl"))
    }
    let changes: [String: (inout FewShotEvaluation) -> Void] = [
      "shots": { $0.shots = 2 }, "seed": { $0.seed = 7 }, "limit": { $0.limit = 2 },
      "delimiter": { $0.delimiter = "\n" },
    ]
    try expectKeys(of: FewShotEvaluation(), beside: ["rotary", "options", "onLength"], changes) {
      try $0.identity(model, on: tasks).key
    }
    let one = try FewShotEvaluation().identity(model, on: [tasks[0]])
    #expect(try FewShotEvaluation().identity(model, on: [tasks[1]]) != one)
    // Where frequencies depend on the length, the scaling itself is what counts.
    let keys = try [2.0, 4.0].map { factor in
      try FewShotEvaluation(
        rotary: RotaryRequest(scaling: .dynamic(factor: factor, originalContext: 512))
      ).identity(model, on: tasks).key
    }
    #expect(keys[0] != keys[1])
  }

  @Test func everyVariantAndArithmetic() throws {
    let model = try model()
    let windows = WindowPlan(context: 64, limit: 2)
    let rove = RotaryRequest(sites: .all)
    try expectKeys(
      of: rove, beside: ["scaledSites"],
      [
        "sites": { $0.sites = .message }, "valuePairs": { $0.valuePairs = 4 },
        "valuePairsByLayer": { $0.valuePairsByLayer = [4, 4, 5] },
        "valueBase": { $0.valueBase = 1e8 }, "scaling": { $0.scaling = .linear(factor: 2) },
      ]
    ) { try PerplexityEvaluation(windows: windows, rotary: $0).identity(model, on: text).key }
    let scalings: [FrequencyScaling] = [
      .none, .linear(factor: 2), .ntk(factor: 2), .dynamic(factor: 2, originalContext: 512),
      .dynamic(factor: 3, originalContext: 512), .dynamic(factor: 2, originalContext: 400),
      .yarn(.init(factor: 2, originalContext: 64)),
      .yarn(.init(factor: 2, originalContext: 64, betaFast: 16)),
    ]
    let keys = try scalings.map {
      try PerplexityEvaluation(windows: windows, rotary: RotaryRequest(scaling: $0))
        .identity(model, on: text).key
    }
    #expect(Set(keys).count == keys.count)
    let sides = try [RotarySites.all, .scores, .message].map { sites in
      var request = RotaryRequest(sites: .all, scaling: .linear(factor: 2))
      request.scaledSites = sites
      return try PerplexityEvaluation(windows: windows, rotary: request)
        .identity(model, on: text).key
    }
    #expect(Set(sides).count == 3)
    // Of the options of a run only the arithmetic and the form of decay attention change digits.
    #expect(
      labels(RunOptions())
        == ["shard", "state", "threads", "batch", "memory", "arithmetic", "form"])
    let arithmetics = try Arithmetic.allCases.map { arithmetic in
      try PerplexityEvaluation(
        windows: windows, options: RunOptions(shard: Shard(1, of: 2), arithmetic: arithmetic)
      ).identity(model, on: text).key
    }
    #expect(Set(arithmetics).count == 2)
    #expect(
      try arithmetics[0] == PerplexityEvaluation(windows: windows).identity(model, on: text).key)
  }

  /// A copy of the fixture with some bytes changed.
  private func changed(
    _ folder: String, _ name: String, _ change: (inout Data) throws -> Void
  ) throws -> String {
    var data = try Data(contentsOf: URL(fileURLWithPath: Self.fixture))
    try change(&data)
    let path = "\(folder)/\(name).gguf"
    try data.write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func everyByteOfTheModel() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let original = try model()
    let tensor = try #require(
      original.checkpoint.tensors.values.max { $0.byteCount < $1.byteCount })
    #expect(tensor.byteCount > 5000)
    let weight = try changed(folder, "weight") { $0[tensor.offset + 5000] ^= 1 }
    let epsilon = try changed(folder, "epsilon") { data in
      let key = try #require(data.range(of: Data("attention.layer_norm_rms_epsilon".utf8)))
      // The value's type, then its four bytes.
      let place = key.upperBound + 4
      withUnsafeBytes(of: Float(0.5).bitPattern.littleEndian) {
        data.replaceSubrange(place..<(place + 4), with: $0)
      }
    }
    let evaluation = PerplexityEvaluation(windows: WindowPlan(context: 64, limit: 2))
    let models = try [Self.fixture, weight, epsilon].map(model)
    let identities = try models.map { try evaluation.identity($0, on: text) }
    #expect(Set(identities.map(\.key)).count == 3)
    #expect(
      identities[2].fields["models"]?.array?[0]["hyperparameters"]?["norm_epsilon"]?.double == 0.5)
    // The operands of a comparison have their order.
    let comparison = ModelComparison(windows: evaluation.windows)
    #expect(
      try comparison.identity(models[0], models[1], on: text).key
        != comparison.identity(models[1], models[0], on: text).key)
  }

  @Test func howWindowsBegin() throws {
    let model = try model()
    let evaluation = PerplexityEvaluation(windows: WindowPlan(context: 64, limit: 2))
    let begun = TokenizedText(name: "text", tokens: Self.ids, windowStart: 1)
    #expect(
      try evaluation.identity(model, on: begun).key != evaluation.identity(model, on: text).key)
    let shorter = TokenizedText(name: "ids", tokens: Self.ids.dropLast())
    #expect(
      try evaluation.identity(model, on: shorter).key != evaluation.identity(model, on: text).key)
  }

  @Test func unitsAreCounted() throws {
    // As many windows asked for as there are, or all: the same digits, two keys at most.
    let model = try model()
    func identity(_ limit: Int?) throws -> EvaluationIdentity {
      try PerplexityEvaluation(windows: WindowPlan(context: 64, limit: limit))
        .identity(model, on: text)
    }
    #expect(try identity(6).fields["units"] == 6)
    #expect(try identity(5).key != identity(6).key)
    #expect(try identity(nil).fields["units"] == 6)
  }

  @Test func largeFilesAreRemembered() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/weights"
    try Data(repeating: 1, count: 10_000).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: path)
    // What has just changed is not remembered: another change could have the same times.
    let careful = DigestMemory(folder: "\(folder)/careful", smallest: 1000)
    _ = try careful.digest(of: MappedFile.open(path))
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/careful"))
    let memory = DigestMemory(folder: "\(folder)/cache/digests", smallest: 1000, settling: -60)
    let digest = try memory.digest(of: MappedFile.open(path))
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/cache/digests")
    #expect(names.count == 1)
    // What is remembered is what is given.
    let entry = "\(folder)/cache/digests/\(try #require(names.first))"
    let hexadecimal = digest.map { String(format: "%02x", $0) }.joined()
    let other = String(repeating: "0", count: 64)
    try String(contentsOfFile: entry, encoding: .utf8).replacing(hexadecimal, with: other)
      .write(toFile: entry, atomically: true, encoding: .utf8)
    #expect(try memory.digest(of: MappedFile.open(path)) == Data(repeating: 0, count: 32))
    // Another file at the path, of the same size and date, is another file.
    try FileManager.default.removeItem(atPath: path)
    try Data(repeating: 2, count: 10_000).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: path)
    let second = try memory.digest(of: MappedFile.open(path))
    #expect(second != digest)
    #expect(second != Data(repeating: 0, count: 32))
    // Small files and a folder that cannot be are no errors.
    let nowhere = DigestMemory(folder: "/proc/none/such", smallest: 1)
    #expect(try nowhere.digest(of: MappedFile.open(path)) == second)
    // By path: regular files alone, by what they hold.
    #expect(memory.hexadecimal(ofFileAt: path) == SourceHash.hexadecimal(second))
    try "two".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(memory.hexadecimal(ofFileAt: path) == SourceHash.sha256(text: "two"))
    for other in ["/dev/null", folder, "\(folder)/none"] {
      #expect(memory.hexadecimal(ofFileAt: other) == nil)
    }
  }

  @Test func variantsInWords() throws {
    let model = try model()
    func words(_ request: RotaryRequest) throws -> String {
      let result = try PerplexityEvaluation(
        windows: WindowPlan(context: 64, limit: 1), rotary: request
      ).run(model, on: text)
      let described = try #require(result.record.labels["models"]?.array?.first)
      #expect(described["name"] == "Lantern")
      #expect(described["role"] == "model")
      #expect(described["file"]?.string == Self.fixture)
      return described["variant"]?.string ?? ""
    }
    #expect(try words(.asStored) == "RoPE")
    #expect(try words(RotaryRequest(sites: .scores)) == "RoPE")
    #expect(try words(RotaryRequest(sites: RotarySites.none)) == "NoPE, as if")
    #expect(
      try words(RotaryRequest(sites: .all, valuePairs: 4)) == "RoVE, 4 of 16 pairs, as if")
    #expect(
      try words(RotaryRequest(sites: .message, valuePairsByLayer: [4, 5, 16], valueBase: 1e8))
        == "VO-RoPE, 4 to 16 of 16 pairs, value base 100000000.0, as if")
    #expect(
      try words(RotaryRequest(scaling: .yarn(.init(factor: 4, originalContext: 128))))
        == "RoPE, as if, YaRN x4")
    var ofValues = RotaryRequest(
      sites: .all, scaling: .yarn(.init(factor: 4, originalContext: 128)))
    ofValues.scaledSites = .message
    #expect(try words(ofValues) == "RoVE, as if, YaRN x4 of values")
    ofValues.scaledSites = .scores
    #expect(try words(ofValues) == "RoVE, as if, YaRN x4 of queries and keys")
    // Values that turn in the file keep their frequencies, which is said as well.
    let trained = try Model(opening: References.file("fixtures/variants/qkvo.gguf"))
    var ofScores = RotaryRequest(scaling: .yarn(.init(factor: 4, originalContext: 256)))
    ofScores.scaledSites = .scores
    let result = try PerplexityEvaluation(
      windows: WindowPlan(context: 64, limit: 1), rotary: ofScores
    ).run(
      trained,
      on: TokenizedText(.text(path: References.file("fixtures/variants/valley.txt")), for: trained))
    let described = try #require(result.record.labels["models"]?.array?.first)
    #expect(described["variant"] == "RoVE, as if, YaRN x4 of queries and keys")
  }

  /// A delta rule knows the order of tokens by itself: its layers are not called NoPE.
  @Test func layersOfADeltaRuleInWords() throws {
    guard let folder = try References.shared("parity/qwen3-5") else { return }
    let result = try PerplexityEvaluation(windows: WindowPlan(context: 8, limit: 1)).run(
      Model(opening: folder), on: TokenizedText(name: "ids", tokens: (0..<8).map { Int32($0) }))
    #expect(result.record.variant() == "RoPE, delta rule in layers 0, 1, 2")
  }

  /// config.json tells sizes and scalars: a digest of the weights alone would name another model, so a
  /// config.json that cannot be opened again is an error.
  @Test func aDigestIsOfAllFilesOrNone() throws {
    guard let source = try References.shared("parity/llama") else { return }
    let folder = "\(try References.temporaryFolder())/model"
    try FileManager.default.copyItem(atPath: source, toPath: folder)
    let checkpoint = try Checkpoint.open(folder)
    let digest = try SourceDigest(checkpoint)
    try FileManager.default.removeItem(atPath: "\(folder)/config.json")
    #expect(throws: FileError.self) { try SourceDigest(checkpoint) }
    #expect(try digest.value() != digest.ofWeights())
  }
}
