import Base
import OrderedCollections
import Tensors

/// Weights that Hugging Face folders store in fewer bits, as two tensors each: their elements, and the
/// scales of blocks of those. They are read as one tensor. `quantization_config` of config.json says
/// that there are some, and by which method.
package enum ScaledWeights {
  enum Method: String, CaseIterable {
    /// Four bits (`MicroscaledPairs`).
    case mxfp4
    /// Eight bits (`ScaledBlocks`), or four in DeepSeek-V4's experts.
    case fp8
  }

  /// The member of config.json.
  package static let statement = "quantization_config"
  private static let methodKey = "quant_method"
  private static let blockKey = "weight_block_size"
  /// Modules whose weights are plain numbers.
  private static let plainKey = "modules_to_not_convert"

  /// How config.json says that weights are stored; nil where it says nothing.
  private static func method(
    _ configuration: JSONValue?, file: String
  ) throws(FileError) -> Method? {
    guard let stated = configuration?[statement], stated != .null else { return nil }
    let name = stated[methodKey]?.string
    guard let method = name.flatMap(Method.init) else {
      throw .folder(.unknownQuantization(method: name), file: file, place: .whole)
    }
    return method
  }

  /// The tensors with every weight and its scales as one; `file` is the config.json.
  static func joined(
    _ tensors: OrderedDictionary<String, TensorEntry>, _ configuration: JSONValue?, file: String
  ) throws(FileError) -> OrderedDictionary<String, TensorEntry> {
    switch try method(configuration, file: file) {
    case nil: tensors
    case .mxfp4: MicroscaledPairs.joined(tensors)
    case .fp8:
      try ScaledBlocks(stated: configuration?[statement]?[blockKey], file: file)
        .joined(tensors)
    }
  }

  /// The configuration of a folder with these tensors: it speaks of scales only where there are some,
  /// and names modules whose weights are written as plain numbers.
  package static func restated(
    _ configuration: JSONValue, for tensors: [OutputTensor]
  ) -> JSONValue {
    guard var fields = configuration.object, let stated = configuration[statement],
      let method = stated[methodKey]?.string.flatMap(Method.init)
    else { return configuration }
    switch method {
    case .mxfp4:
      if !tensors.contains(where: { MicroscaledPairs.holdsElements($0.name) }) {
        fields[statement] = nil
      }
    case .fp8:
      let scaled = Set(tensors.lazy.filter { ScaledBlocks.holdsElements($0.type) }.map(\.name))
      guard !scaled.isEmpty else {
        fields[statement] = nil
        break
      }
      let plain = tensors.filter { $0.shape.count == 2 && !scaled.contains($0.name) }
        .compactMap { ScaledBlocks.module(ofWeight: $0.name) }
      let known = stated[plainKey]?.array?.compactMap(\.string) ?? []
      var members = stated.object ?? [:]
      members[plainKey] = .array(OrderedSet(known + plain).map { .string($0) })
      fields[statement] = .object(members)
    }
    return .object(fields)
  }
}
