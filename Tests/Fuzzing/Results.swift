import Base
import Checkpoints
import Evaluation
import Foundation
import Reports
import Rotary

/// What evaluations wrote and read again.
enum Results {
  static func results(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let model = try Model(opening: Workplace.fixtures + "/lantern.gguf")
    let text = try TokenizedText(
      .tokens(path: Workplace.fixtures + "/lantern.ids.json"), for: model)
    let windows = WindowPlan(context: 64, limit: 3)
    let needle = try NeedleEvaluation(
      template: NeedleTemplate(
        JSONValue.read(contentsOf: Workplace.fixtures + "/lantern.needle.json"), file: "needle"),
      lengths: [128], depths: [0, 100], trials: 1
    ).run(model, in: Haystack(path: Workplace.fixtures + "/lantern.haystack.txt"))
    let ruler = try RulerEvaluation(
      tasks: [.niahSingle1], lengths: [1024], samples: 2, mode: .nll
    ).run(model, prompts: RulerGenerator(tokenizer: model.tokenizer()), haystack: "")
    let seeds = try [
      PerplexityEvaluation(windows: windows).run(model, on: text).json(peakBytes: 1),
      ModelComparison(windows: windows, rotary: (.asStored, RotaryRequest(sites: .all)))
        .run(model, model, on: text).json(peakBytes: 1),
      needle.json(peakBytes: 1),
      ruler.json(peakBytes: 1),
      FewShotEvaluation(shots: 1, limit: 2)
        .run(model, on: [FewShotTask(path: Workplace.fixtures + "/tasks/codes.jsonl")])
        .json(peakBytes: 1),
    ]
    return { random in
      guard let seed = random.element(of: seeds) else { return }
      let json = try JSONValue.parse(
        Array(keyed(seed.mutated(&random)).serialized(pretty: false).utf8), file: "result.json")
      if random.isOne(in: 2) {
        let page = ReportPage(
          title: "t", results: [try ResultFile(name: "result.json", json: json)])
        _ = try page.html()
        return
      }
      let part = (file: "result.json", record: try EvaluationRecord(json, file: "result.json"))
      let record = try EvaluationRecord.merge([part])
      try show(record)
    }
  }

  /// With the key of a changed identity: else that is all that would be found.
  private static func keyed(_ json: JSONValue, _ key: String = "key") -> JSONValue {
    guard var object = json.object, let identity = object["identity"]?.object else { return json }
    object[key] = .string(EvaluationIdentity(fields: identity).key)
    return .object(object)
  }

  private static func show(_ record: EvaluationRecord) throws {
    let result = try record.result(file: "result.json")
    _ = (
      result.json(peakBytes: 1).serialized(pretty: true),
      result.text(peakBytes: 1, color: .current)
    )
  }

  /// A state file with other lines, from which a run goes on.
  static func state(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let model = try Model(opening: Workplace.fixtures + "/lantern.gguf")
    let text = try TokenizedText(
      .tokens(path: Workplace.fixtures + "/lantern.ids.json"), for: model)
    func run(_ state: String, limit: Int) throws {
      let evaluation = PerplexityEvaluation(
        windows: WindowPlan(context: 32, limit: limit),
        options: RunOptions(state: try StateFile(state)))
      let result = try evaluation.run(model, on: text)
      _ = (result.json(peakBytes: 1).serialized(pretty: true), result.text(peakBytes: 1))
    }
    try? FileManager.default.removeItem(atPath: workplace.path("state"))
    try run(workplace.path("state"), limit: 4)
    let bytes = try Workplace.bytes(workplace.path("state"))
    let lines = try bytes.split(separator: 10).map { try JSONValue.parse(Array($0), file: "state") }
    return { random in
      let mutated: [UInt8]
      if random.isOne(in: 4) {
        mutated = bytes.mutated(&random, within: bytes.indices)
      } else {
        mutated = lines.flatMap {
          Array(
            keyed(random.isOne(in: 2) ? $0.mutated(&random) : $0, "evaluation")
              .serialized(pretty: false).utf8) + [10]
        }
      }
      try run(workplace.write(mutated, to: "state"), limit: 4)
    }
  }
}
