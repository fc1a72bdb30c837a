import Evaluation
import Foundation
import Models
import Yams

/// Models x conversions x evaluations, as `ropeconv run` reads them from YAML.
struct Plan {
  /// One command of ours: what is run, and where its JSON goes.
  struct Step: Equatable {
    let name: String
    let arguments: [String]
    /// Names of steps that must have succeeded.
    let needs: [String]
    /// What it makes besides its JSON.
    let product: String?
    /// The files and folders it reads.
    var inputs: [Input] = []
    /// Pictures and other files beside its result.
    var outputs: [String] = []

    /// Something that is read, and what else belongs to it.
    struct Input: Equatable {
      enum Role { case model, template, data }

      let path: String
      let role: Role
    }
  }

  let output: String
  let steps: [Step]

  /// Where a step's files go: what conversions make stands apart from results to report.
  func folder(of step: Step) -> String { step.product == nil ? output : "\(output)/models" }

  /// - Throws: `EvaluationError.questions` naming the place of what is not as it should be.
  init(_ text: String, file: String) throws {
    func malformed(_ problem: String) -> EvaluationError {
      .questions(file: file, problem: problem)
    }
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch {
      throw malformed("not YAML: \(String(describing: error).prefix(200))")
    }
    guard let root = root?.mapping else { throw malformed("expected a mapping") }
    for key in root.keys {
      guard ["models", "conversions", "evaluations", "output"].contains(key.string ?? "") else {
        throw malformed(
          "unknown key '\(key.string ?? "?")' (known: models, conversions, evaluations, output)")
      }
    }
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    func path(_ text: String) -> String { text.hasPrefix("/") ? text : "\(folder)/\(text)" }
    output = path(root["output"]?.string ?? "results")

    var models: [String: (path: String, needs: [String])] = [:]
    var order: [String] = []
    for (key, value) in root["models"]?.mapping ?? [:] {
      guard let name = Self.name(key), let file = value.string else {
        throw malformed("models: expected NAME: PATH")
      }
      models[name] = (path(file), [])
      order.append(name)
    }
    guard !models.isEmpty else { throw malformed("models: expected at least one") }

    var steps: [Step] = []
    for (key, value) in root["conversions"]?.mapping ?? [:] {
      guard let name = Self.name(key), models[name] == nil, let settings = value.mapping,
        let original = settings["model"]?.string, let model = models[original],
        let sites = settings["to"]?.string
      else {
        throw malformed(
          "conversions.\(key.string ?? "?"): expected a new NAME with a known model: and to: SITES")
      }
      let product = "\(output)/models/\(name).gguf"
      let options = try Self.options(
        settings, leaving: ["model", "to"], place: "conversions.\(name)", path, malformed)
      let source = Step.Input(path: model.path, role: .model)
      steps.append(
        Step(
          name: name,
          arguments: ["convert", model.path, "--to", sites, "-o", product, "--force"]
            + options.arguments,
          needs: model.needs, product: product, inputs: [source] + options.inputs,
          outputs: options.outputs))
      models[name] = (product, [name])
      order.append(name)
    }
    for (index, node) in (root["evaluations"]?.sequence ?? []).enumerated() {
      let place = "evaluations[\(index)]"
      guard let settings = node.mapping, let kind = settings["eval"]?.string,
        ["perplexity", "needle", "ruler", "compare", "icl"].contains(kind)
      else {
        throw malformed("\(place): expected eval: perplexity, needle, ruler, compare or icl")
      }
      let wanted = settings["models"]?.sequence.map { $0.compactMap(\.string) } ?? order
      let title = settings["name"].flatMap(Self.name) ?? "\(kind)-\(index + 1)"
      let options = try Self.options(
        settings, leaving: ["eval", "models", "name", "base"], place: place, path, malformed)
      for name in wanted {
        guard let model = models[name] else { throw malformed("\(place): no model '\(name)'") }
        var arguments = ["eval", kind]
        var inputs = [Step.Input(path: model.path, role: .model)]
        var needs = model.needs
        if kind == "compare" {
          guard let base = settings["base"]?.string, let truth = models[base] else {
            throw malformed("\(place): expected base: NAME of a model")
          }
          if base == name { continue }
          arguments.append(truth.path)
          inputs.append(Step.Input(path: truth.path, role: .model))
          needs += truth.needs
        }
        let step = Step(
          name: "\(title).\(name)", arguments: arguments + [model.path] + options.arguments,
          needs: needs, product: nil, inputs: inputs + options.inputs, outputs: options.outputs)
        guard !steps.contains(where: { $0.name == step.name }) else {
          throw malformed("\(place): two steps are named '\(step.name)'")
        }
        steps.append(step)
      }
    }
    self.steps = steps
  }

  /// A name that can be part of a file's.
  private static func name(_ node: Node) -> String? {
    guard let text = node.string, !text.isEmpty, text.count <= 100,
      text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_+.".contains($0)) }),
      !text.hasPrefix(".")
    else { return nil }
    return text
  }

  /// Options whose values are paths beside the plan, of what is read.
  private static let inputs: Set<String> = [
    "text", "tokens", "calibrate", "calibrate-tokens-from", "haystack", "essays", "squad", "hotpot",
    "tasks", "template",
  ]

  /// Options that are given once for each value of a list; others take a list as one value.
  private static let repeatable: Set<String> = [
    "calibrate", "calibrate-tokens-from", "set", "remove",
  ]

  /// Options whose values are paths beside the plan, of what is written.
  private static let outputs: Set<String> = ["svg", "html", "nll", "junit", "prompts"]

  /// What a step's options say, and the files they name.
  private struct Options {
    var arguments: [String] = []
    var inputs: [Step.Input] = []
    var outputs: [String] = []

    /// - Parameter path: makes a path of what the plan says.
    mutating func add(_ name: String, _ values: [String], _ path: (String) -> String) {
      var shown = values
      if Plan.inputs.contains(name) {
        shown = values.map(path)
        inputs += shown.map { Step.Input(path: $0, role: name == "template" ? .template : .data) }
      } else if Plan.outputs.contains(name) {
        shown = values.map(path)
        outputs += shown
      }
      arguments +=
        Plan.repeatable.contains(name)
        ? shown.flatMap { ["--\(name)", $0] } : ["--\(name)", shown.joined(separator: ",")]
    }
  }

  private static func options(
    _ settings: Node.Mapping, leaving known: Set<String>, place: String,
    _ path: (String) -> String, _ malformed: (String) -> EvaluationError
  ) throws -> Options {
    var options = Options()
    for (key, value) in settings where !known.contains(key.string ?? "") {
      guard let name = key.string, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }),
        !["json", "quiet", "state", "threads"].contains(name)
      else { throw malformed("\(place): '\(key.string ?? "?")' cannot be an option here") }
      if let flag = value.bool, value.scalar?.style == .plain {
        if flag { options.arguments.append("--\(name)") }
      } else if let list = value.sequence {
        options.add(name, list.compactMap(\.string), path)
      } else if let text = value.string {
        // Tasks are a list of paths, in one text too.
        options.add(
          name, name == "tasks" ? text.split(separator: ",").map(String.init) : [text], path)
      } else {
        throw malformed("\(place).\(name): expected a text, a number, a list, true or false")
      }
    }
    return options
  }
}
