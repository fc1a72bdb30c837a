import Base
import Checkpoints
import Evaluation
import Foundation
import Yams

/// Reads a plan's YAML: every name, path and option of it becomes part of a step.
struct PlanReader {
  private let file: String
  /// The plan's folder, which paths are relative to.
  private let folder: String
  private let root: PlanFields
  let output: String
  private(set) var steps: [Step] = []
  /// The paths of `models`, by their names.
  private(set) var listed: [(name: String, path: String)] = []
  /// Models by name, those that conversions make included.
  private var models: [String: (path: String, needs: [String])] = [:]
  /// Their names as they came.
  private var order: [String] = []
  /// Names of steps so far.
  private var names: Set<String> = []
  /// Values of options so far.
  private var valueCount = 0

  /// The most steps of a plan, and the most values of all their options: a short text with aliases can
  /// ask for any number.
  private static let limits = (steps: 100_000, values: 1_000_000)

  static func modelFolder(in output: String) -> String { "\(output)/models" }

  init(_ text: String, file: String) throws(PlanError) {
    let root = try PlanText(text, file: file).root
    func malformed(_ problem: String) -> PlanError { .malformed(file: file, problem: problem) }
    let known = ["models", "conversions", "evaluations", "output"]
    for (key, _) in root.pairs where !known.contains(key) {
      throw malformed("unknown key \(quoted(key)) (known: \(known.joined(separator: ", ")))")
    }
    self.file = file
    self.root = root
    folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    guard let stated = root["output"] else {
      output = Self.path("results", in: folder)
      return
    }
    guard let place = stated.text, !place.isEmpty else {
      throw malformed("output: expected the path of a folder")
    }
    output = Self.path(place, in: folder)
  }

  private func malformed(_ problem: String) -> PlanError {
    .malformed(file: file, problem: problem)
  }

  private static func path(_ text: String, in folder: String) -> String {
    text.hasPrefix("/") ? text : "\(folder)/\(text)"
  }

  private func path(_ text: String) -> String { Self.path(text, in: folder) }

  /// A path beside the plan where something stands, or the folder of a model that is named as on a hub;
  /// of one that is not there the name, so that its steps say what is missing.
  private func place(ofModel text: String) -> String {
    let path = path(text)
    guard text.contains("/"), FileStamp(path: path) == nil else { return path }
    return HubCache.folder(of: text) ?? (HubCache.isName(text) ? text : path)
  }

  // MARK: - Sections

  /// The keys and values of a section; none where it is not there.
  private func section(_ key: String) throws(PlanError) -> [(key: String, value: Node)] {
    guard let node = root[key], !node.isEmpty else { return [] }
    guard let fields = try PlanFields(node, place: key, file: file) else {
      throw malformed("\(key): expected a mapping of names")
    }
    return fields.pairs
  }

  private mutating func append(_ step: Step, _ place: String) throws(PlanError) {
    guard names.insert(step.name).inserted else {
      throw malformed("\(place): two steps are named '\(step.name)'")
    }
    guard steps.count < Self.limits.steps else {
      throw malformed("\(place): more than \(Self.limits.steps) steps")
    }
    steps.append(step)
  }

  mutating func readModels() throws(PlanError) {
    for (key, value) in try section("models") {
      guard let name = Self.name(key), let file = value.text, !file.isEmpty else {
        throw malformed("models.\(printable(String(key.prefix(80)))): expected NAME: PATH")
      }
      let place = place(ofModel: file)
      models[name] = (place, [])
      listed.append((name, place))
      order.append(name)
    }
    guard !models.isEmpty else { throw malformed("models: expected at least one") }
  }

  mutating func readConversions() throws(PlanError) {
    for (key, value) in try section("conversions") {
      let place = "conversions.\(printable(String(key.prefix(80))))"
      guard let name = Self.name(key), models[name] == nil,
        let settings = try PlanFields(value, place: place, file: file),
        let original = settings["model"]?.text, let model = models[original],
        settings["to"] == nil || settings["to"]?.text != nil
      else {
        throw malformed(
          "\(place): expected a new NAME with a known model: and, where they change, to: SITES")
      }
      for key in ["output", "shard-size"] where settings[key] != nil {
        throw malformed(
          "\(place).\(key): the plan names what a conversion makes, one file in its output folder")
      }
      let sites = settings["to"]?.text.map { [Step.Option("to", $0)] } ?? []
      let product = "\(Self.modelFolder(in: output))/\(name).gguf"
      let given = try options(settings, leaving: ["model", "to"], place: place)
      try append(
        Step(
          name: name, place: place, words: ["convert", model.path],
          options: sites + [.init("output", product), .init("force")] + given.options,
          needs: model.needs, product: product,
          inputs: [Step.Input(path: model.path, role: .model, key: "model")] + given.inputs,
          outputs: given.outputs), place)
      models[name] = (product, [name])
      order.append(name)
    }
  }

  mutating func readEvaluations() throws(PlanError) {
    guard let node = root["evaluations"], !node.isEmpty else { return }
    guard let list = node.sequence else { throw malformed("evaluations: expected a list") }
    for (index, node) in list.enumerated() {
      let place = "evaluations[\(index)]"
      guard let settings = try PlanFields(node, place: place, file: file),
        let kind = settings["eval"]?.text, let evaluation = Evaluations.named(kind)
      else {
        throw malformed(
          "\(place): expected eval: one of \(Evaluations.kinds.joined(separator: ", "))")
      }
      let wanted = try modelNames(settings["models"], "\(place).models") ?? order
      var title = "\(kind)-\(index + 1)"
      if let stated = settings["name"] {
        guard let name = stated.text.flatMap(Self.name) else {
          throw malformed(
            "\(place).name: expected up to 100 letters, digits or any of -_+., no dot first")
        }
        title = name
      }
      let base = try base(of: evaluation, settings["base"], place)
      let given = try options(
        settings, leaving: ["eval", "models", "name", "base"], place: place)
      let before = steps.count
      for name in wanted where name != base?.name {
        guard let model = models[name] else {
          throw malformed("\(place): no model \(quoted(name))")
        }
        let operands: [(path: String, needs: [String])] =
          (base.map { [$0.model] } ?? []) + [model]
        try append(
          Step(
            name: "\(title).\(name)", place: place,
            words: ["eval", kind] + operands.map(\.path),
            options: given.options, needs: operands.flatMap(\.needs), product: nil,
            inputs: operands.map { Step.Input(path: $0.path, role: .model, key: "models") }
              + given.inputs,
            outputs: given.outputs), place)
      }
      guard steps.count > before else {
        throw malformed("\(place): its only model is its base, so there is nothing to compare")
      }
    }
  }

  /// The names of models that an evaluation is of; nil where it names none.
  private func modelNames(_ node: Node?, _ place: String) throws(PlanError) -> [String]? {
    guard let node else { return nil }
    let names: [String?] = node.sequence.map { $0.map(\.text) } ?? []
    let texts = names.compactMap { $0 }
    guard !texts.isEmpty, texts.count == names.count else {
      throw malformed("\(place): expected a list of names of models, such as [a, b]")
    }
    return texts
  }

  /// The model that an evaluation holds others against; nil where it takes none.
  private func base(
    of evaluation: any EvaluationResult.Type, _ node: Node?, _ place: String
  ) throws(PlanError) -> (name: String, model: (path: String, needs: [String]))? {
    guard evaluation.roles.contains("base") else {
      guard node == nil else {
        throw malformed("\(place).base: \(evaluation.kind) holds no model against another")
      }
      return nil
    }
    guard let name = node?.text, let model = models[name] else {
      throw malformed("\(place): expected base: NAME of a model")
    }
    return (name, model)
  }

  /// A name that can be part of a file's.
  private static func name(_ text: String) -> String? {
    guard !text.isEmpty, text.count <= 100,
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
    var outputs: [Step.Output] = []
  }

  private mutating func options(
    _ settings: PlanFields, leaving known: Set<String>, place: String
  ) throws(PlanError) -> Options {
    var result = Options()
    for (name, value) in settings.pairs where !known.contains(name) {
      guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }),
        !Self.reserved.contains(name)
      else { throw malformed("\(place): \(quoted(name)) cannot be an option here") }
      guard !Self.ending.contains(name) else {
        throw malformed("\(place): a step with '\(name)' would do nothing")
      }
      if let flag = value.bool, value.scalar?.style == .plain {
        if flag { result.options.append(.init(name)) }
      } else if let list = value.sequence {
        let texts = list.compactMap(\.text)
        guard texts.count == list.count, !texts.isEmpty else {
          throw malformed("\(place).\(name): expected texts or numbers in the list")
        }
        guard texts.count == 1 || !Self.outputs.contains(name) else {
          throw malformed("\(place).\(name): expected one path")
        }
        valueCount += texts.count
        guard valueCount <= Self.limits.values else {
          throw malformed("\(place).\(name): more than \(Self.limits.values) values in the plan")
        }
        add(name, texts, to: &result)
      } else if let text = value.text, !value.isEmpty {
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
        Step.Input(path: $0, role: name == "template" ? .template : .data, key: name)
      }
    } else if Self.outputs.contains(name) {
      shown = values.map(path)
      result.outputs += shown.map { Step.Output(path: $0, key: name) }
    }
    result.options +=
      Self.repeatable.contains(name)
      ? shown.map { .init(name, $0) } : [.init(name, shown.joined(separator: ","))]
  }
}
