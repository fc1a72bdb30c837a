#if ROPECONV_ONEDNN
  import CDNNL
  import Synchronization

  /// A weight matrix [outputs, inputs] in bfloat16, in the order that oneDNN multiplies fastest.
  final class BFloat16Weights: Sendable {
    private let outputs: Int
    private let inputs: Int
    private let layout: dnnl_memory_desc_t
    private let packed: AlignedBytes

    /// Room for weights; nil where oneDNN has no such product for this CPU.
    init?(outputs: Int, inputs: Int) {
      guard var layout = Self.layout(n: outputs, k: inputs) else { return nil }
      self.outputs = outputs
      self.inputs = inputs
      packed = AlignedBytes(count: dnnl_memory_desc_get_size(&layout))
      self.layout = layout
    }

    /// Takes rows of the weight.
    /// - Parameters:
    ///   - rows: at a multiple of 64, up to the next or to the end.
    ///   - weights: [rows, inputs].
    /// - Returns: whether it was done; only a lack of memory prevents it.
    func pack(rows: Range<Int>, _ weights: UnsafePointer<Float>) -> Bool {
      var (target, whole, offset) = (dnnl_memory_desc_t(), layout, dnnl_dim_t(0))
      guard
        cdnnl_columns(
          &target, &whole, dnnl_dim_t(inputs), dnnl_dim_t(rows.lowerBound), dnnl_dim_t(rows.count),
          &offset) == dnnl_success,
        let packing = BFloat16Packing.of(
          .init(
            outputs: outputs, inputs: inputs, count: rows.count,
            reachesEnd: rows.upperBound == outputs), target: target)
      else { return false }
      return packing.pack(
        weights, to: packed.pointer + Int(offset) * MemoryLayout<UInt16>.size)
    }

    /// `y = x W^T` or `y += x W^T`: x [rows, inputs], y [rows, outputs].
    func multiply(
      _ x: UnsafePointer<UInt16>, rows: Int, to y: UnsafeMutablePointer<Float>, accumulate: Bool
    ) -> Bool {
      BFloat16Product.of(
        .init(m: rows, n: outputs, k: inputs, right: .packed, accumulates: accumulate))?
        .multiply(x, packed.pointer, to: y) ?? false
    }

    private struct Shape: Hashable {
      let n: Int
      let k: Int
    }

    private static let layouts = Mutex(BoundedCache<Shape, dnnl_memory_desc_t>())

    /// The order that oneDNN wants the right factor [k, n] of a tall product in.
    static func layout(n: Int, k: Int) -> dnnl_memory_desc_t? {
      layouts.withLock { layouts in
        layouts.value(for: Shape(n: n, k: k)) { madeLayout(n: n, k: k) }
      }
    }

    private static func madeLayout(n: Int, k: Int) -> dnnl_memory_desc_t? {
      // The rows of a unit of work: the order must not depend on how many rows come later.
      let rows: dnnl_dim_t = 256
      var (left, right, result) = (
        dnnl_memory_desc_t(), dnnl_memory_desc_t(), dnnl_memory_desc_t()
      )
      let (columns, depth) = (dnnl_dim_t(n), dnnl_dim_t(k))
      guard cdnnl_matrix(&left, dnnl_bf16, rows, depth, depth, 1) == dnnl_success,
        cdnnl_any_matrix(&right, dnnl_bf16, depth, columns) == dnnl_success,
        cdnnl_matrix(&result, dnnl_f32, rows, columns, columns, 1) == dnnl_success,
        let description = BFloat16Product.describe(left, right, result, accumulates: false)
      else { return nil }
      defer { dnnl_primitive_desc_destroy(description) }
      return dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0)?.pointee
    }
  }

  /// The reordering of so many rows of a float32 weight into a place among packed ones.
  private final class BFloat16Packing: Sendable {
    struct Rows: Hashable {
      let outputs: Int
      let inputs: Int
      let count: Int
      /// Whether they are the weight's last: padding may follow them.
      let reachesEnd: Bool
    }

    private let primitive: OneDNNPrimitive
    private let source: dnnl_memory_desc_t
    private let target: dnnl_memory_desc_t

    private static let known = Mutex(BoundedCache<Rows, BFloat16Packing>())

    static func of(_ rows: Rows, target: dnnl_memory_desc_t) -> BFloat16Packing? {
      known.withLock { known in known.value(for: rows) { BFloat16Packing(rows, target: target) } }
    }

    private init?(_ rows: Rows, target: dnnl_memory_desc_t) {
      guard let engine = OneDNNPrimitive.engine else { return nil }
      var (source, target) = (dnnl_memory_desc_t(), target)
      let (inputs, count) = (dnnl_dim_t(rows.inputs), dnnl_dim_t(rows.count))
      guard cdnnl_matrix(&source, dnnl_f32, inputs, count, 1, inputs) == dnnl_success else {
        return nil
      }
      var attributes: dnnl_primitive_attr_t?
      guard dnnl_primitive_attr_create(&attributes) == dnnl_success else { return nil }
      defer { dnnl_primitive_attr_destroy(attributes) }
      var description: dnnl_primitive_desc_t?
      guard
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user)
          == dnnl_success,
        dnnl_reorder_primitive_desc_create(
          &description, &source, engine, &target, engine, attributes) == dnnl_success
      else { return nil }
      defer { dnnl_primitive_desc_destroy(description) }
      guard let description, let primitive = OneDNNPrimitive(description) else { return nil }
      self.primitive = primitive
      self.source = source
      self.target = target
    }

    func pack(_ weights: UnsafePointer<Float>, to place: UnsafeMutableRawPointer) -> Bool {
      primitive.execute([
        (DNNL_ARG_FROM, source, UnsafeMutableRawPointer(mutating: weights)),
        (DNNL_ARG_TO, target, place),
      ])
    }
  }
#endif
