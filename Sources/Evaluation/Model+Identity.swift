import Checkpoints
import OrderedCollections
import Rotary

extension Model {
  /// What every digit depends on that comes from the model and the variant it is computed as.
  func identity(
    rotary: RotaryConfiguration, length: Int, options: RunOptions
  ) throws -> OrderedDictionary<String, JSONValue> {
    var frequencies = ""
    for layer in plan.layers.indices {
      let score = try rotary.score.frequencies(layer: layer, length: length)
      frequencies +=
        "\(score.radians);\(score.magnitude);\(rotary.value?.frequencies[layer] ?? []);"
    }
    return [
      "model_fingerprint": .string(SourceHash.fingerprint(checkpoint)),
      "sites": .string(rotary.sites.code),
      "frequencies_sha256": .string(SourceHash.sha256(text: frequencies)),
      "compute": .string(options.arithmetic.rawValue),
    ]
  }
}
