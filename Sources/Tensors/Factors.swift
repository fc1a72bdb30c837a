import CKernels

/// Rows of activations as a product takes them: x in `x W^T`. Does not own them.
package struct Factors: Sendable {
  enum Storage {
    case float32(UnsafePointer<Float>, stride: Int)
    /// Rows without a gap.
    case bfloat16(UnsafePointer<UInt16>)
  }

  nonisolated(unsafe) let storage: Storage
  package let rows: Int
  package let width: Int

  /// float32 rows as they are.
  package init(_ x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int) {
    storage = .float32(x, stride: stride)
    self.rows = rows
    self.width = width
  }

  init(_ storage: Storage, rows: Int, width: Int) {
    self.storage = storage
    self.rows = rows
    self.width = width
  }
}

/// Room for rows of activations in the form of an arithmetic's factors.
package final class FactorBuffer: Sendable {
  package let arithmetic: Arithmetic
  package let form: FactorForm
  private let storage: AlignedBytes
  /// Whose float32 storage it uses, if it is not its own.
  private let shared: FloatBuffer?

  /// Room for `count` elements, which may use the float32 storage of another buffer too, where its
  /// factors are float32.
  package convenience init(_ arithmetic: Arithmetic, count: Int, sharing other: FloatBuffer? = nil)
  {
    self.init(arithmetic, form: arithmetic.form, count: count, sharing: other)
  }

  /// A form other than this CPU's own is for tests.
  package init(
    _ arithmetic: Arithmetic, form: FactorForm, count: Int, sharing other: FloatBuffer? = nil
  ) {
    self.arithmetic = arithmetic
    self.form = form
    shared = form == .bfloat16 ? nil : other
    storage = AlignedBytes(count: shared == nil ? count * form.elementSize : 0)
  }

  /// Bytes of one element.
  package static func elementSize(_ arithmetic: Arithmetic) -> Int { arithmetic.form.elementSize }

  var base: UnsafeMutableRawPointer { shared.map { .init($0.pointer) } ?? storage.pointer }

  /// Where an element is.
  func element(_ offset: Int) -> UnsafeMutableRawPointer { base + offset * form.elementSize }

  /// Rows that were put here, the first of them at the element `first`.
  package func rows(_ rows: Int, width: Int, first: Int = 0) -> Factors {
    switch form {
    case .float, .rounded:
      Factors(
        element(first).assumingMemoryBound(to: Float.self), stride: width, rows: rows, width: width)
    case .bfloat16:
      Factors(
        .bfloat16(element(first).assumingMemoryBound(to: UInt16.self)), rows: rows, width: width)
    }
  }

  /// Puts `scale * x` here, from the element `first` on, and gives it back as factors; `x` is
  /// [rows, width] with row stride `stride`.
  @discardableResult
  package func put(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int, scale: Float = 1, first: Int = 0
  ) -> Factors {
    rc_put_rows(x, stride, rows, width, scale, form.code, element(first), width)
    return self.rows(rows, width: width, first: first)
  }

  /// Puts rows here that are factors already, from the element `first` on.
  package func put(_ x: Factors, first: Int) {
    switch x.storage {
    case .float32(let rows, let stride):
      put(rows, stride: stride, rows: x.rows, width: x.width, first: first)
    case .bfloat16(let rows):
      element(first).copyMemory(from: rows, byteCount: x.rows * x.width * form.elementSize)
    }
  }

  /// Copies `count` elements from one place to another; the places do not overlap.
  package func copy(from source: Int, to target: Int, count: Int) {
    element(target).copyMemory(from: element(source), byteCount: count * form.elementSize)
  }

  /// Takes rows of a buffer of the same form that begin at some of its elements.
  package func gather(_ starts: [Int], width: Int, of other: FactorBuffer) -> Factors {
    for (row, start) in starts.enumerated() {
      element(row * width).copyMemory(
        from: other.element(start), byteCount: width * form.elementSize)
    }
    return rows(starts.count, width: width)
  }

  /// Rows as factors: where they are, if that is their form already, else put here.
  package func factors(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, width: Int
  ) -> Factors {
    form == .float
      ? Factors(x, stride: stride, rows: rows, width: width)
      : put(x, stride: stride, rows: rows, width: width)
  }
}

/// Zeroed bytes aligned to cache lines, freed at the end of their life.
final class AlignedBytes: Sendable {
  nonisolated(unsafe) let pointer: UnsafeMutableRawPointer

  init(count: Int) {
    pointer = .allocate(byteCount: max(count, 1), alignment: 64)
    pointer.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
  }

  deinit { pointer.deallocate() }
}

extension Factors {
  /// The sums of the squared elements of each column.
  package var columnSquares: [Double] {
    var sums = [Double](repeating: 0, count: width)
    switch storage {
    case .float32(let x, let stride):
      for row in 0..<rows {
        let x = x + row * stride
        for column in 0..<width { sums[column] += Double(x[column]) * Double(x[column]) }
      }
    case .bfloat16(let x):
      for row in 0..<rows {
        let x = x + row * width
        for column in 0..<width {
          let value = Double(Float(bitPattern: UInt32(x[column]) << 16))
          sums[column] += value * value
        }
      }
    }
    return sums
  }

  /// The elements as float32, row after row.
  package var widened: [Float] {
    switch storage {
    case .float32(let x, let stride):
      (0..<rows).flatMap { row in (0..<width).map { x[row * stride + $0] } }
    case .bfloat16(let x):
      (0..<(rows * width)).map { Float(bitPattern: UInt32(x[$0]) << 16) }
    }
  }
}
