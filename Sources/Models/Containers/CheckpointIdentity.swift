import Base
import Checkpoints

/// Which architecture a checkpoint holds, on which side, and whether as a converted variant.
package struct CheckpointIdentity: Sendable {
  package let architecture: Architecture
  package let side: Architecture.Side
  /// The prefix of GGUF keys, such as `llama` or `llama-rotary`.
  package let prefix: String
  /// The file declares its rotary sites itself.
  package let isRotary: Bool

  private static let modelTypeKey = HuggingFaceConfiguration.Key.modelType.rawValue

  /// What a variant's name ends with.
  private static func suffix(on side: Architecture.Side) -> String {
    switch side {
    case .gguf: "-rotary"
    case .huggingface: "_rotary"
    }
  }

  /// The name of a variant.
  static func variant(of name: String, on side: Architecture.Side) -> String {
    name + suffix(on: side)
  }

  /// The name of what a variant was made of; nil for a name that is not a variant's.
  private static func base(of name: String, on side: Architecture.Side) -> String? {
    let suffix = suffix(on: side)
    return name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil
  }

  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - catalog: the families that are read.
  /// - Throws: `FormatError.unsupportedArchitecture`; `ModelError` where no family is named.
  package init(_ checkpoint: Checkpoint, in catalog: ArchitectureCatalog = .builtIn) throws {
    switch checkpoint.container {
    case .gguf:
      side = .gguf
      guard let name = checkpoint.metadata[GeneralKey.architecture]?.string else {
        throw ModelError.noArchitecture(file: checkpoint.path, key: GeneralKey.architecture)
      }
      prefix = name
      let base = Self.base(of: name, on: side)
      isRotary = base != nil
      guard let named = try catalog.named(base ?? name) else {
        throw try Self.unsupported(checkpoint, base ?? name, known: catalog.names())
      }
      architecture = named
    case .safetensors:
      side = .huggingface
      guard let configuration = checkpoint.configuration else {
        if let module = try PublishedModule.alone(in: checkpoint) {
          throw ModelError.moduleAlone(file: checkpoint.path, module)
        }
        throw ModelError.noConfiguration(
          file: checkpoint.path,
          isAdapter: checkpoint.companions?.contains(ModelFolder.adapter) == true)
      }
      let declares = RotaryDeclaration.isStated(in: configuration)
      if let type = configuration[Self.modelTypeKey]?.string {
        let base = Self.base(of: type, on: side)
        isRotary = base != nil || declares
        guard let reading = try catalog.reading(modelType: base ?? type, in: configuration) else {
          throw try Self.unsupported(checkpoint, base ?? type, known: catalog.modelTypes())
        }
        architecture = reading
      } else if let known = try catalog.recognized(in: configuration) {
        isRotary = declares
        architecture = known
      } else {
        throw ModelError.noArchitecture(
          file: checkpoint.path, key: "\(Self.modelTypeKey) of config.json")
      }
      prefix = architecture.name
    }
  }

  private static func unsupported(
    _ checkpoint: Checkpoint, _ name: String, known: [String]
  ) throws -> FormatError {
    .unsupportedArchitecture(
      file: checkpoint.path, name: name,
      reason: try UnsupportedFamily().reason(for: checkpoint, named: name), known: known)
  }

  /// The `model_type` of a model as a plain folder.
  fileprivate static func modelType(of plan: ModelPlan) -> String {
    if let type = plan.architecture.folderModelType { return type }
    if let type = plan.checkpoint.configuration?[modelTypeKey]?.string {
      return base(of: type, on: .huggingface) ?? type
    }
    let windowed = plan.hasWindows ? plan.architecture.windowedModelType : nil
    let mixed = plan.shape.networks.experts.flatMap { experts in
      let router = plan.architecture.block.experts?.routers[experts.router.score]
      return experts.shared.flatMap { _ in router?.sharedModelType } ?? router?.modelType
    }
    return mixed ?? windowed ?? plan.architecture.modelTypes.first ?? plan.architecture.name
  }
}

extension ModelPlan {
  /// The `model_type` of the model as a plain folder.
  package var modelType: String { CheckpointIdentity.modelType(of: self) }

  /// The name a person knows the model by.
  package var name: String {
    checkpoint.metadata[GeneralKey.name]?.string
      ?? checkpoint.configuration?[HuggingFaceConfiguration.Key.sourceName.rawValue]?.string
      ?? HubCache.name(ofSnapshot: checkpoint.path) ?? checkpoint.path
  }
}
