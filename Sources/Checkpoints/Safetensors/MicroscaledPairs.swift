import Base
import OrderedCollections
import Tensors

/// MXFP4 weights in Hugging Face folders: the elements and the scales of a weight are tensors of
/// their own, which are read as one.
///
/// In most folders `NAME_blocks` is [..., rows, blocks, 16], `NAME_scales` [..., rows, blocks], both
/// bytes. A byte holds two elements that follow each other, the first in its low half (transformers,
/// `integrations/mxfp4.py`). In ggml's blocks the scale comes first, and the low halves are elements 0
/// to 15.
package enum MicroscaledPairs {
  /// What the names of the two tensors end in.
  private static let elementsSuffix = "_blocks"
  private static let scalesSuffix = "_scales"

  private static let elementBytes = 16
  private static let blockBytes = ElementType.mxfp4.bytesPerBlock
  /// Bytes to put together at a time.
  static let pieceBytes = blockBytes << 16

  /// Whether a tensor of this name is the elements of a pair.
  static func holdsElements(_ name: String) -> Bool { name.hasSuffix(elementsSuffix) }

  /// The tensors with every pair as one, in the place of its elements.
  static func joined(
    _ tensors: OrderedDictionary<String, TensorEntry>
  ) -> OrderedDictionary<String, TensorEntry> {
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

  /// A weight of two elements a byte, [rows, columns / 2], and the scale of every 32, [rows, columns /
  /// 32]; nil where they are no such pair. It has the name of its elements.
  static func pair(_ elements: TensorEntry, rowScales scales: TensorEntry) -> TensorEntry? {
    guard elements.type == .i8 || elements.type == .u8, elements.shape.count == 2,
      scales.type == .f8e8m0 || scales.type == .u8, scales.shape.count == 2,
      scales.shape[0] == elements.shape[0], elements.shape[1] == elementBytes * scales.shape[1]
    else { return nil }
    return TensorEntry(
      name: elements.name, type: .mxfp4, shape: [elements.shape[0], 2 * elements.shape[1]],
      file: elements.file, offset: elements.offset, byteCount: scales.byteCount * blockBytes,
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
