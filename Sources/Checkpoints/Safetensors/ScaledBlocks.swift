import Base
import OrderedCollections
import Tensors

/// FP8 weights in Hugging Face folders: e4m3 numbers and, in a tensor of its own, a scale for each
/// block of them, read as one float32 tensor (transformers, `integrations/finegrained_fp8.py`).
///
/// The scales of `NAME` are `NAME_scale_inv`, or of `NAME.weight` in DeepSeek-V4's own folders
/// `NAME.scale`: float32, bfloat16, or e8m0, powers of two. Blocks at the end of rows and columns may be
/// cut. Products with a power of two are exact; others are rounded once, to float32.
///
/// Experts of DeepSeek-V4 are MXFP4: two elements a byte, and a power of two for 32 of them.
struct ScaledBlocks {
  /// Rows and columns of a block; nil: one scale is that of a whole weight.
  private let block: (rows: Int, columns: Int)?

  private static let weight = ".weight"

  /// Reads the size of a block. Where it is not stated, transformers takes 128 x 128.
  init(stated: JSONValue?, file: String) throws(FileError) {
    switch stated {
    case nil: block = (128, 128)
    case .null?: block = nil
    case let stated?:
      let sizes = stated.array?.map { $0.int ?? 0 } ?? []
      guard sizes.count == 2, sizes.allSatisfy({ $0 > 0 && $0 <= 1 << 20 }) else {
        throw .folder(.quantizationBlock, file: file, place: .whole)
      }
      block = (sizes[0], sizes[1])
    }
  }

  /// What the scales of a tensor can be called.
  private static func scaleNames(_ name: String) -> [String] {
    let own = name.hasSuffix(weight) ? ["\(name.dropLast(weight.count)).scale"] : []
    return ["\(name)_scale_inv"] + own
  }

  static func holdsElements(_ type: ElementType) -> Bool { type == .f8e4m3 }

  /// The module that a weight is part of; nil for other tensors.
  static func module(ofWeight name: String) -> String? {
    name.hasSuffix(weight) ? String(name.dropLast(weight.count)) : nil
  }

  /// The tensors with every weight and its scales as one.
  /// - Throws: `FolderFault.scales` for scales that are missing or of another size: without them
  ///   numbers would be read that the model does not have.
  func joined(
    _ tensors: OrderedDictionary<String, TensorEntry>
  ) throws(FileError) -> OrderedDictionary<String, TensorEntry> {
    var result = tensors
    for (name, tensor) in tensors {
      let scales = Self.scaleNames(name).lazy.compactMap { tensors[$0] }.first
      if Self.holdsElements(tensor.type), tensor.shape.count >= 2 {
        let expected = scaleShape(tensor.shape)
        guard let scales, fits(scales, expected) else {
          throw .folder(
            .scales(names: Self.scaleNames(name), expected: expected), file: tensor.file.path,
            place: .tensor(name, byte: nil))
        }
        result[name] = scaled(tensor, scales)
        result[scales.name] = nil
      } else if let scales, let pair = MicroscaledPairs.pair(tensor, rowScales: scales) {
        result[name] = pair
        result[scales.name] = nil
      }
    }
    return result
  }

  private func size(_ shape: [Int]) -> (rows: Int, columns: Int) {
    block ?? (max(shape[shape.count - 2], 1), max(shape[shape.count - 1], 1))
  }

  private func scaleShape(_ shape: [Int]) -> [Int] {
    let (rows, columns) = size(shape)
    return Array(shape.dropLast(2)) + [
      (shape[shape.count - 2] + rows - 1) / rows, (shape[shape.count - 1] + columns - 1) / columns,
    ]
  }

  private func fits(_ scales: TensorEntry, _ expected: [Int]) -> Bool {
    let isOne = block == nil && scales.elementCount == 1 && expected.allSatisfy { $0 == 1 }
    return [.f8e8m0, .f32, .bf16].contains(scales.type) && (scales.shape == expected || isOne)
  }

  private func scaled(_ elements: TensorEntry, _ scales: TensorEntry) -> TensorEntry {
    let (rows, columns) = size(elements.shape)
    return TensorEntry(
      name: elements.name, type: .f32, shape: elements.shape, file: elements.file,
      offset: elements.offset, byteCount: elements.byteCount * ElementType.f32.bytesPerBlock,
      storage: .scaled(elements: elements, scales: scales, rows: rows, columns: columns))
  }
}

// MARK: - Numbers

extension ScaledBlocks {
  /// Some numbers of a weight.
  /// - Parameters:
  ///   - places: which, counted in the order they are stored.
  ///   - elements: [..., rows, columns].
  ///   - scales: one for each block, in the same order.
  ///   - rows: of a block.
  ///   - columns: of a block.
  /// - Returns: as many numbers.
  static func numbers(
    _ places: Range<Int>, of elements: TensorEntry, _ scales: TensorEntry, rows: Int, columns: Int
  ) -> [Float] {
    guard !places.isEmpty else { return [] }
    let (height, width) = (elements.shape[elements.shape.count - 2], elements.shape.last ?? 1)
    let (down, across) = ((height + rows - 1) / rows, (width + columns - 1) / columns)
    func blockRow(_ place: Int) -> Int {
      let row = place / width
      return row / height * down + row % height / rows
    }
    let first = blockRow(places.lowerBound)
    let last = blockRow(places.upperBound - 1)
    let factors = factors(scales, (first * across)..<((last + 1) * across))
    var values = elements.withBytes(places) { decoded($0, as: elements.type, count: places.count) }
    var index = 0
    while index < values.count {
      let place = places.lowerBound + index
      let column = place % width
      let end = min((column / columns + 1) * columns, width)
      let count = min(end - column, values.count - index)
      let factor = factors[(blockRow(place) - first) * across + column / columns]
      for place in index..<(index + count) { values[place] *= factor }
      index += count
    }
    return values
  }

  private static func factors(_ scales: TensorEntry, _ places: Range<Int>) -> [Float] {
    let size = scales.type.bytesPerBlock
    return scales.withBytes((places.lowerBound * size)..<(places.upperBound * size)) { stored in
      guard scales.type == .f8e8m0 else {
        return decoded(stored, as: scales.type, count: places.count)
      }
      // A byte e is 2^(e - 127), 255 no number.
      return stored.map { byte in
        byte == .max ? .nan : Float(sign: .plus, exponent: Int(byte) - 127, significand: 1)
      }
    }
  }

  /// Numbers of a type that can be decoded.
  private static func decoded(
    _ bytes: UnsafeRawBufferPointer, as type: ElementType, count: Int
  ) -> [Float] {
    // What a failure left would not be taken for numbers.
    var values = [Float](repeating: .nan, count: count)
    try? Decoding.decode(bytes, as: type, to: &values, count: count)
    return values
  }
}
