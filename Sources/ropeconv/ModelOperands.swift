import ArgumentParser
import Base
import Checkpoints

/// What MODEL arguments may be.
let modelHelp = ArgumentHelp(
  "A .gguf file, a .safetensors file with config.json beside it, a folder, an archive of one of"
    + " these, or ORG/NAME, the name of a model on a hub whose files are in the local cache.")

/// The models that a command works on, by their places or by `-m`.
protocol ModelOperands: ParsableArguments {
  /// Those given by their places.
  var placed: [String] { get }
  var named: NamedModels { get }
  /// How many the command takes.
  static var count: ClosedRange<Int> { get }
  /// What the first one is called in usage.
  static var place: String { get }
}

/// Models by an option, for those who are used to it.
struct NamedModels: ParsableArguments {
  @Option(
    name: ShortName.model.names,
    help: ArgumentHelp(
      "The model, instead of the argument. Where a command takes several, those given by -m come first.",
      valueName: "model"))
  var model: [String] = []
}

extension ModelOperands {
  /// All of them, as they were given.
  var given: [String] { named.model + placed }

  /// Where they lie: a path where something stands is that, and a model's name on a hub its folder in
  /// the local cache, which is said.
  func paths(_ output: OutputOptions) -> [String] {
    given.map { text in
      guard FileStamp(path: text) == nil, let folder = HubCache.folder(of: text) else {
        return text
      }
      output.note("\(text) is \(folder)")
      return folder
    }
  }

  func validate() throws {
    if given.isEmpty { throw ValidationError("missing argument '<\(Self.place)>'") }
    if given.count > Self.count.upperBound {
      throw ValidationError(
        "\(given.count) models are given, expected "
          + (Self.count.upperBound == 1 ? "one: as an argument or by -m" : "two"))
    }
  }
}

/// One model.
struct OneModel: ModelOperands {
  @Argument(help: modelHelp)
  var model: String?

  @OptionGroup(title: "Models") var named: NamedModels

  var placed: [String] { model.map { [$0] } ?? [] }
  static let count = 1...1
  static let place = "model"

  /// Where it lies.
  func path(_ output: OutputOptions) -> String { paths(output)[0] }
}

/// One model or several.
struct SomeModels: ModelOperands {
  @Argument(help: modelHelp)
  var models: [String] = []

  @OptionGroup(title: "Models") var named: NamedModels

  var placed: [String] { models }
  static let count = 1...Int.max
  static let place = "model"
}

/// A model and one that is held against it, which may be missing.
struct TwoModels: ModelOperands {
  @Argument(help: "The reference: any model, as for 'inspect'.")
  var one: String?

  @Argument(help: "The model to compare with it.")
  var other: String?

  @OptionGroup(title: "Models") var named: NamedModels

  var placed: [String] { [one, other].compactMap { $0 } }
  static let count = 1...2
  static let place = "one"

  var second: String? { given.count > 1 ? given[1] : nil }

  /// Where the first one lies.
  func first(_ output: OutputOptions) -> String { paths(output)[0] }

  /// Where both lie, once `checkBoth` has seen them.
  func both(_ output: OutputOptions) -> (String, String) {
    let paths = paths(output)
    return (paths[0], paths[1])
  }

  /// For commands that take no other comparison.
  func checkBoth() throws {
    if second == nil { throw ValidationError("missing argument '<other>'") }
  }
}
