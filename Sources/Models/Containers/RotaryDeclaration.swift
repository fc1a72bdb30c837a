import Base
import Checkpoints
import OrderedCollections
import Rotary
import Tensors

/// What a converted checkpoint declares about its rotation (formats/rotary.md), or nothing where a
/// plain file of the architecture says it all.
package struct RotaryDeclaration {
  package let sites: RotarySites
  package let value: ValueRotation?
  /// Set where Q and K do not lie in the layout the architecture's readers expect.
  package let scoreLayout: PairLayout?
  package let baseArchitecture: String

  package init(
    sites: RotarySites, value: ValueRotation?, scoreLayout: PairLayout?, baseArchitecture: String
  ) {
    self.sites = sites
    self.value = value
    self.scoreLayout = scoreLayout
    self.baseArchitecture = baseArchitecture
  }

  /// The table as the file stores it: one row where all layers agree.
  private var frequencies: [Float] {
    guard let table = value?.frequencies, let first = table.first else { return [] }
    let rows = table.allSatisfy { $0 == first } ? [first] : table
    return rows.flatMap { $0.map(Float.init) }
  }

  /// The `rotary.*` keys of a GGUF file.
  package func metadata() -> OrderedDictionary<String, MetadataValue> {
    var result: OrderedDictionary<String, MetadataValue> = [
      "rotary.version": .uint32(UInt32(StoredRotation.version)),
      "rotary.base_architecture": .string(baseArchitecture),
      "rotary.sites": .string(sites.code),
    ]
    if let scoreLayout { result["rotary.score.layout"] = .string(scoreLayout.rawValue) }
    guard let value else { return result }
    result["rotary.value.frequencies"] = .array(.floats(frequencies))
    result["rotary.value.layout"] = .string(value.layout.rawValue)
    result["rotary.value.bias"] = .string(value.bias.rawValue)
    if let base = value.base { result["rotary.value.freq_base"] = .float32(Float(base)) }
    if let pairs = value.pairs { result["rotary.value.pairs"] = .uint32(UInt32(pairs)) }
    return result
  }

  /// The `rotary` object of config.json: the same fields, nested.
  package func json() -> JSONValue {
    var result: OrderedDictionary<String, JSONValue> = [
      "version": .integer(Int64(StoredRotation.version)),
      "base_architecture": .string(baseArchitecture),
      "sites": .string(sites.code),
    ]
    if let scoreLayout { result["score"] = .object(["layout": .string(scoreLayout.rawValue)]) }
    if let value {
      var fields: OrderedDictionary<String, JSONValue> = [
        "frequencies": .array(frequencies.map { .number(Double($0)) }),
        "layout": .string(value.layout.rawValue),
        "bias": .string(value.bias.rawValue),
      ]
      if let base = value.base { fields["freq_base"] = .number(base) }
      if let pairs = value.pairs { fields["pairs"] = .integer(Int64(pairs)) }
      result["value"] = .object(fields)
    }
    return .object(result)
  }
}
