import Base
import Checkpoints
import Evaluation
import Foundation
import Yams

/// Reads a plan's YAML: every name, path and option of it becomes part of a step.
struct PlanReader {
  private let file: String
  private let root: Node.Mapping
  let output: String
  private(set) var steps: [Step] = []
  /// Models by name, those that conversions make included.
  private var models: [String: (path: String, needs: [String])] = [:]
  /// Their names as they came.
  private var order: [String] = []

  static func modelFolder(in output: String) -> String { "\(output)/models" }

  init(_ text: String, file: String) throws(PlanError) {
    func malformed(_ problem: String) -> PlanError { .malformed(file: file, problem: problem) }
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch {
      throw malformed("not YAML: \(String(describing: error).prefix(200))")
    }
    guard let root = node?.mapping else { throw malformed("expected a mapping") }
    let known = ["models", "conversions", "evaluations", "output"]
    for key in root.keys where !known.contains(key.string ?? "") {
      throw malformed(
        "unknown key '\(key.string ?? "?")' (known: \(known.joined(separator: ", ")))")
    }
    self.file = file
    self.root = root
    output = Self.path(root["output"]?.string ?? "results", beside: file)
  }

  private func malformed(_ problem: String) -> PlanError {
    .malformed(file: file, problem: problem)
  }

  /// Paths are relative to the plan.
  private static func path(_ text: String, beside file: String) -> String {
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    return text.hasPrefix("/") ? text : "\(folder)/\(text)"
  }

  private func path(_ text: String) -> String { Self.path(text, beside: file) }

  /// A path beside the plan where something stands, or the folder of a model that is named as on a hub;
  /// of one that is not there the name, so that its steps say what is missing.
  private func place(ofModel text: String) -> String {
    let path = path(text)
    guard FileStamp(path: path) == nil else { return path }
    return HubCache.folder(of: text) ?? (HubCache.isName(text) ? text : path)
  }

  // MARK: - Sections

  mutating func readModels() throws(PlanError) {
    for (key, value) in root["models"]?.mapping ?? [:] {
      guard let name = Self.name(key), let file = value.string else {
        throw malformed("models: expected NAME: PATH")
      }
      models[name] = (place(ofModel: file), [])
      order.append(name)
    }
    guard !models.isEmpty else { throw malformed("models: expected at least one") }
  }

  mutating func readConversions() throws(PlanError) {
    for (key, value) in root["conversions"]?.mapping ?? [:] {
      guard let name = Self.name(key), models[name] == nil, let settings = value.mapping,
        let original = settings["model"]?.string, let model = models[original],
        settings["to"] == nil || settings["to"]?.string != nil
      else {
        throw malformed(
          "conversions.\(key.string ?? "?"): expected a new NAME with a known model: and, where"
            + " they change, to: SITES")
      }
      let sites = settings["to"]?.string.map { [Step.Option("to", $0)] } ?? []
      let product = "\(Self.modelFolder(in: output))/\(name).gguf"
      let given = try options(settings, leaving: ["model", "to"], place: "conversions.\(name)")
      steps.append(
        Step(
          name: name, words: ["convert", model.path],
          options: sites + [.init("output", product), .init("force")] + given.options,
          needs: model.needs, product: product,
          inputs: [Step.Input(path: model.path, role: .model)] + given.inputs,
          outputs: given.outputs))
      models[name] = (product, [name])
      order.append(name)
    }
  }

  mutating func readEvaluations() throws(PlanError) {
    for (index, node) in (root["evaluations"]?.sequence ?? []).enumerated() {
      let place = "evaluations[\(index)]"
      guard let settings = node.mapping, let kind = settings["eval"]?.string,
        let evaluation = Evaluations.named(kind)
      else {
        throw malformed(
          "\(place): expected eval: one of \(Evaluations.kinds.joined(separator: ", "))")
      }
      let wanted = settings["models"]?.sequence.map { $0.compactMap(\.string) } ?? order
      let title = settings["name"].flatMap(Self.name) ?? "\(kind)-\(index + 1)"
      let given = try options(
        settings, leaving: ["eval", "models", "name", "base"], place: place)
      for name in wanted {
        guard let model = models[name] else { throw malformed("\(place): no model '\(name)'") }
        var operands = [model]
        if evaluation.roles.contains("base") {
          guard let base = settings["base"]?.string, let truth = models[base] else {
            throw malformed("\(place): expected base: NAME of a model")
          }
          if base == name { continue }
          operands.insert(truth, at: 0)
        }
        let step = Step(
          name: "\(title).\(name)", words: ["eval", kind] + operands.map(\.path),
          options: given.options, needs: operands.flatMap(\.needs), product: nil,
          inputs: operands.map { Step.Input(path: $0.path, role: .model) } + given.inputs,
          outputs: given.outputs)
        guard !steps.contains(where: { $0.name == step.name }) else {
          throw malformed("\(place): two steps are named '\(step.name)'")
        }
        steps.append(step)
      }
    }
  }

  /// A name that can be part of a file's.
  private static func name(_ node: Node) -> String? {
    guard let text = node.string, !text.isEmpty, text.count <= 100,
      text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_+.".contains($0)) }),
      !text.hasPrefix(".")
    else { return nil }
    return text
  }

  // MARK: - Options

  /// Options whose values are paths beside the plan, of what is read.
  private static let inputs: Set<String> = [
    "architectures", "text", "tokens", "calibrate", "calibrate-tokens-from", "imatrix", "haystack",
    "essays",
    "squad", "hotpot",
    "tasks", "baselines", "template", "requests",
  ]

  /// Options that are given once for each value of a list; others take a list as one value.
  private static let repeatable: Set<String> = [
    "calibrate", "calibrate-tokens-from", "set", "remove",
  ]

  /// Options whose values are paths beside the plan, of what is written.
  static let outputs: Set<String> = ["svg", "html", "nll", "junit", "prompts", "output"]

  /// Options that the runner gives itself, or in the place of which the plan has a key of its own.
  private static let reserved: Set<String> = ["json", "quiet", "state", "threads", "model"]

  /// Options that end a command before it has done anything: no step.
  private static let ending: Set<String> = [
    "help", "help-hidden", "version", "dry-run", "generate-completion-script",
    "experimental-dump-help",
  ]

  /// What a step's settings say, and the files they name.
  private struct Options {
    var options: [Step.Option] = []
    var inputs: [Step.Input] = []
    var outputs: [String] = []
  }

  private func options(
    _ settings: Node.Mapping, leaving known: Set<String>, place: String
  ) throws(PlanError) -> Options {
    var result = Options()
    for (key, value) in settings where !known.contains(key.string ?? "") {
      guard let name = key.string, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }),
        !Self.reserved.contains(name)
      else { throw malformed("\(place): '\(key.string ?? "?")' cannot be an option here") }
      guard !Self.ending.contains(name) else {
        throw malformed("\(place): a step with '\(name)' would do nothing")
      }
      if let flag = value.bool, value.scalar?.style == .plain {
        if flag { result.options.append(.init(name)) }
      } else if let list = value.sequence {
        let texts = list.compactMap(\.string)
        guard texts.count == list.count else {
          throw malformed("\(place).\(name): expected texts or numbers in the list")
        }
        add(name, texts, to: &result)
      } else if let text = value.string {
        // Tasks are a list of paths, in one text too.
        let isList = name == "tasks"
        let texts = isList ? text.split(separator: ",").map(Self.trimmed) : [text]
        add(name, texts, to: &result)
      } else {
        throw malformed("\(place).\(name): expected a text, a number, a list, true or false")
      }
    }
    return result
  }

  private static func trimmed(_ text: Substring) -> String {
    text.trimmingCharacters(in: .whitespaces)
  }

  private func add(_ name: String, _ values: [String], to result: inout Options) {
    var shown = values
    if Self.inputs.contains(name) {
      shown = values.map(path)
      result.inputs += shown.map {
        Step.Input(path: $0, role: name == "template" ? .template : .data)
      }
    } else if Self.outputs.contains(name) {
      shown = values.map(path)
      result.outputs += shown
    }
    result.options +=
      Self.repeatable.contains(name)
      ? shown.map { .init(name, $0) } : [.init(name, shown.joined(separator: ","))]
  }
}
