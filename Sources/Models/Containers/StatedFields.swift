import Base
import Checkpoints
import OrderedCollections

/// The facts of a model as one container is to hold them, in the order of writing.
protocol StatedFields {
  static var side: Architecture.Side { get }
  var architecture: Architecture { get }
  mutating func set(key: String, _ value: StatedValue)
  /// States a size of each layer, of which `windows` has the windows.
  mutating func set(_ parameter: Hyperparameter, _ sizes: [Int], windows: [Int])
}

extension StatedFields {
  /// States a hyper-parameter under the first of its keys; one that the architecture has no key for
  /// in this container is left out.
  mutating func set(_ parameter: Hyperparameter, _ value: StatedValue) {
    guard let key = architecture.key(of: parameter, on: Self.side) else { return }
    set(key: key, value)
  }

  /// Whether readers assume something of a file that does not state it.
  private func isAlwaysWritten(_ parameter: Hyperparameter) -> Bool {
    architecture.hyperparameters[parameter]?.isAlwaysWritten == true
  }

  /// States those of a table.
  mutating func set(_ table: [PlainHyperparameter], of shape: StatedShape) {
    for row in table {
      switch row.value(shape, architecture.block) {
      case .ofLayers(let sizes): set(row.parameter, sizes, windows: shape.windows)
      case .nothing? where Self.side == .gguf && isAlwaysWritten(row.parameter):
        set(row.parameter, .number(0))
      case let value?: set(row.parameter, value)
      case nil: break
      }
    }
  }
}

/// Metadata of a GGUF file that stand under its architecture's name.
struct GGUFFields: StatedFields {
  static let side = Architecture.Side.gguf
  let architecture: Architecture
  /// The architecture's name in the file.
  let prefix: String
  private(set) var values: OrderedDictionary<String, MetadataValue> = [:]
  /// Of those, what the types of GGUF cannot hold, by its key without the prefix.
  private var unfit: OrderedDictionary<String, StatedValue> = [:]

  init(architecture: Architecture, prefix: String) {
    self.architecture = architecture
    self.prefix = prefix
  }

  /// - Throws: `ModelError.notRepresentable` for a model without a soft cap, where readers take one for
  ///   a file that states none.
  func checkDefaults(of plan: ModelPlan) throws(ModelError) {
    for parameter in [Hyperparameter.attentionSoftcap, .logitSoftcap] {
      guard let key = architecture.key(of: parameter, on: Self.side),
        architecture.hyperparameters[parameter]?.fallback != nil,
        values[Architecture.ggufKey(key, prefix: prefix)] == nil
      else { continue }
      throw .notRepresentable(
        file: plan.checkpoint.path, what: "a model without '\(key)'", container: "GGUF")
    }
  }

  mutating func set(_ parameter: Hyperparameter, _ sizes: [Int], windows: [Int]) {
    LayerSizes.write(parameter, sizes, windows: windows, to: &self)
  }

  /// - Throws: `ModelError.notRepresentable` for a number beyond the type that readers expect.
  func checkFit(of plan: ModelPlan) throws(ModelError) {
    guard let (key, value) = unfit.elements.first else { return }
    throw .notRepresentable(
      file: plan.checkpoint.path, what: "'\(key)' of \(value.json.serialized(pretty: false))",
      container: "GGUF")
  }

  mutating func set(key: String, _ value: StatedValue) {
    unfit[key] = value.fitsMetadata ? nil : value
    if let value = value.metadata { values[Architecture.ggufKey(key, prefix: prefix)] = value }
  }
}

/// Members of a config.json.
struct ConfigurationFields: StatedFields {
  static let side = Architecture.Side.huggingface
  let architecture: Architecture
  var values: OrderedDictionary<String, JSONValue>

  init(architecture: Architecture, values: OrderedDictionary<String, JSONValue> = [:]) {
    self.architecture = architecture
    self.values = values
  }

  mutating func set(key: String, _ value: StatedValue) { values[key] = value.json }

  mutating func set(_ parameter: Hyperparameter, _ sizes: [Int], windows: [Int]) {
    LayerSizes.write(parameter, sizes, windows: windows, to: &self)
  }
}
