import Checkpoints

/// The `general.*` keys of GGUF files that somebody here reads or writes.
package enum GeneralKey {
  package static let prefix = "general."
  package static let architecture = GGUFKey.architecture
  package static let alignment = GGUFKey.alignment
  package static let type = GGUFKey.type
  package static let fileType = "general.file_type"
  package static let quantizationVersion = "general.quantization_version"
  package static let name = GGUFKey.name
  package static let samplingTemperature = "general.sampling.temp"
  package static let samplingTopK = "general.sampling.top_k"
  package static let samplingTopP = "general.sampling.top_p"
  package static let samplingMinP = "general.sampling.min_p"
  package static let license = "general.license"
  package static let licenseName = "general.license.name"
  package static let licenseLink = "general.license.link"
  package static let repository = "general.repo_url"
  package static let sourceRepository = "general.source.repo_url"
  package static let sourceHuggingFace = "general.source.huggingface.repository"
  package static let baseModelCount = "general.base_model.count"
  package static let baseModelRepository = baseModel(repository)

  /// What stands before the facts of the models that one was made of.
  package static let baseModelPrefix = "general.base_model."

  /// A fact of the first of them, by the key of a model's own.
  package static func baseModel(_ key: String) -> String {
    baseModelPrefix + "0." + key.dropFirst(prefix.count)
  }

  /// What a variant says of the model it was made of.
  static let carriedToBaseModel = [
    name, "general.version", "general.organization", repository,
  ]
}
