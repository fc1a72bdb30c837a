import Base
import OrderedCollections
import Tensors

/// MXFP4 weights in Hugging Face folders: the elements and the scales of a weight are tensors of
/// their own, which are read as one.
///
/// `NAME_blocks` is [..., rows, blocks, 16], `NAME_scales` [..., rows, blocks], both bytes. A byte
/// holds two elements that follow each other, the first in its low half (transformers,
/// `integrations/mxfp4.py`). In ggml's blocks the scale comes first, and the low halves are elements 0
/// to 15.
package enum MicroscaledPairs {
  /// What config.json states of weights that are stored in fewer bits.
  private static let statement = "quantization_config"
  private static let methodKey = "quant_method"
  private static let method = "mxfp4"

  /// What the names of the two tensors end in.
  private static let elementsSuffix = "_blocks"
  private static let scalesSuffix = "_scales"

  private static let elementBytes = 16
  private static let blockBytes = ElementType.mxfp4.bytesPerBlock
  /// Bytes to put together at a time.
  static let pieceBytes = blockBytes << 16

  private static func isStated(by configuration: JSONValue?) -> Bool {
    configuration?[statement]?[methodKey]?.string == method
  }

  /// The configuration of a folder with these tensors: it states pairs only where there are some.
  package static func restated(
    _ configuration: JSONValue, for tensors: [OutputTensor]
  ) -> JSONValue {
    guard isStated(by: configuration), var fields = configuration.object,
      !tensors.contains(where: { $0.name.hasSuffix(elementsSuffix) })
    else { return configuration }
    fields[statement] = nil
    return .object(fields)
  }

  /// The tensors with every pair as one, in the place of its elements, where the configuration says
  /// that there are pairs.
  static func joined(
    _ tensors: OrderedDictionary<String, TensorEntry>, _ configuration: JSONValue?
  ) -> OrderedDictionary<String, TensorEntry> {
    guard isStated(by: configuration) else { return tensors }
    var result: OrderedDictionary<String, TensorEntry> = [:]
    var taken: Set<String> = []
    for (name, tensor) in tensors {
      guard let pair = pair(tensor, in: tensors), tensors[pair.name] == nil else {
        result[name] = tensor
        continue
      }
      result[pair.name] = pair
      taken.insert(pair.name + scalesSuffix)
    }
    return result.filter { !taken.contains($0.key) }
  }

  /// The weight whose elements a tensor is; nil where it is none, or its scales do not fit it.
  private static func pair(
    _ elements: TensorEntry, in tensors: OrderedDictionary<String, TensorEntry>
  ) -> TensorEntry? {
    guard elements.name.hasSuffix(elementsSuffix), elements.type == .u8,
      elements.shape.count > 2, elements.shape.last == elementBytes
    else { return nil }
    let name = String(elements.name.dropLast(elementsSuffix.count))
    let blocks = elements.shape.dropLast()
    guard let scales = tensors[name + scalesSuffix], scales.type == .u8,
      scales.shape.elementsEqual(blocks)
    else { return nil }
    let columns = (blocks.last ?? 0) * ElementType.mxfp4.elementsPerBlock
    return TensorEntry(
      name: name, type: .mxfp4, shape: blocks.dropLast() + [columns], file: elements.file,
      offset: elements.offset, byteCount: scales.byteCount * blockBytes,
      storage: .pair(elements: elements, scales: scales))
  }

  /// Bytes of whole blocks in ggml's layout; `range` counts bytes there.
  static func bytes(
    _ range: Range<Int>, of elements: TensorEntry, _ scales: TensorEntry
  ) -> [UInt8] {
    let blocks = (range.lowerBound / blockBytes)..<(range.upperBound / blockBytes)
    return [UInt8](unsafeUninitializedCapacity: blocks.count * blockBytes) { made, count in
      scales.withBytes(blocks) { scales in
        let range = (blocks.lowerBound * elementBytes)..<(blocks.upperBound * elementBytes)
        elements.withBytes(range) { elements in
          for block in 0..<blocks.count {
            let target = block * blockBytes
            made[target] = scales[block]
            for byte in 0..<(elementBytes / 2) {
              let low = elements[block * elementBytes + byte]
              let high = elements[block * elementBytes + elementBytes / 2 + byte]
              made[target + 1 + 2 * byte] = low & 15 | high << 4
              made[target + 2 + 2 * byte] = low >> 4 | high & 0xF0
            }
          }
        }
      }
      count = blocks.count * blockBytes
    }
  }
}
