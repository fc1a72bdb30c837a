import ArgumentParser
import Base
import Evaluation
import Models
import OrderedCollections
import Synchronization

/// How models are opened.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder of data files (NAME.json) that describe further model families.",
      valueName: "dir"))
  var architectures: String?

  @Flag(
    help: "Read a model with a known rotation bug as if it rotated correctly.")
  var assumeCorrectRotation = false

  /// The option's folder, or that of the environment; nil: there is none.
  var folder: String? {
    let environment = EnvironmentVariable.architectures.value
    return architectures ?? environment.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The families that are read.
  func catalog() throws -> ArchitectureCatalog {
    var catalog = try folder.map { try ArchitectureCatalog(adding: $0) } ?? .builtIn
    catalog.assumesCorrectRotation = assumeCorrectRotation
    return catalog
  }

  /// Opens a model.
  /// - Parameters:
  ///   - path: the file, folder or archive.
  ///   - output: where what is not done or read is warned of; nil: that is said elsewhere.
  ///   - keepsExtra: unknown tensors are ignored.
  /// - Returns: the model.
  /// - Throws: what opening a model throws, and `UsageError` for an option without effect.
  func open(
    _ path: String, _ output: OutputOptions? = nil, keepsExtra: Bool = false
  ) throws -> Model {
    let model = try Model(opening: path, keepsExtra: keepsExtra, in: catalog())
    try refuseUnused(in: [model.plan])
    note(model, output)
    return model
  }

  /// Opens two models.
  func open(_ one: String, _ other: String, _ output: OutputOptions) throws -> (Model, Model) {
    let catalog = try catalog()
    let models = (try Model(opening: one, in: catalog), try Model(opening: other, in: catalog))
    try refuseUnused(in: [models.0.plan, models.1.plan])
    note(models.0, output)
    note(models.1, output)
    return models
  }

  /// Opens one of several models; that none is of a folder's families is told elsewhere.
  func open(
    _ path: String, in catalog: ArchitectureCatalog, _ output: OutputOptions
  ) throws -> Model {
    let model = try Model(opening: path, in: catalog)
    note(model, output)
    return model
  }

  private func note(_ model: Model, _ output: OutputOptions?) {
    UsedDataFiles.keep(model)
    output?.warn(model)
  }
}

/// The user's data files that models of this run were read by: every result states them.
enum UsedDataFiles {
  private static let used = Mutex(OrderedSet<Architecture.DataFile>())

  static func keep(_ model: Model) {
    if let file = model.plan.architecture.origin { used.withLock { _ = $0.append(file) } }
  }

  private static var all: [Architecture.DataFile] { used.withLock { Array($0) } }

  /// A result with the files in its `architecture_files`; without any it stays as it is.
  static func added(to json: JSONValue) -> JSONValue {
    let files = all
    guard !files.isEmpty, var object = json.object else { return json }
    object["architecture_files"] = .array(
      files.map { ["file": .string($0.path), "sha256": .string($0.sha256)] })
    return .object(object)
  }

  /// A line for each, below a result's text.
  static var lines: String {
    all.map { "\nread by     \($0.path) (SHA-256 \($0.sha256))" }.joined()
  }
}
