#if ROPECONV_ONEDNN
  import CDNNL
  import Synchronization

  /// A bfloat16 matrix product of fixed sizes with a float32 result, by oneDNN.
  ///
  /// Made once for each combination of sizes and used by all threads; the memory it works in belongs
  /// to the calling thread.
  final class BFloat16Product: Sendable {
    /// How the right factor, [k, n], lies in memory.
    enum Right: Hashable {
      /// In oneDNN's own order, as `BFloat16Weights` packs it.
      case packed
      /// Rows of n without a gap.
      case rows
      /// Stored as [n, k].
      case transposed
    }

    struct Sizes: Hashable {
      let m: Int
      let n: Int
      let k: Int
      let right: Right
      /// Whether the product is added to what is there.
      let accumulates: Bool
    }

    private let primitive: OneDNNPrimitive
    private let left: dnnl_memory_desc_t
    private let right: dnnl_memory_desc_t
    private let result: dnnl_memory_desc_t

    private static let known = Mutex(BoundedCache<Sizes, BFloat16Product>())

    /// The product of these sizes; nil where oneDNN has none for this CPU.
    static func of(_ sizes: Sizes) -> BFloat16Product? {
      known.withLock { known in known.value(for: sizes) { BFloat16Product(sizes) } }
    }

    private init?(_ sizes: Sizes) {
      let (m, n, k) = (dnnl_dim_t(sizes.m), dnnl_dim_t(sizes.n), dnnl_dim_t(sizes.k))
      var (left, right, result) = (
        dnnl_memory_desc_t(), dnnl_memory_desc_t(), dnnl_memory_desc_t()
      )
      switch sizes.right {
      case .packed:
        guard let layout = BFloat16Weights.layout(n: sizes.n, k: sizes.k) else { return nil }
        right = layout
      case .rows:
        guard cdnnl_matrix(&right, dnnl_bf16, k, n, n, 1) == dnnl_success else { return nil }
      case .transposed:
        guard cdnnl_matrix(&right, dnnl_bf16, k, n, 1, k) == dnnl_success else { return nil }
      }
      guard cdnnl_matrix(&left, dnnl_bf16, m, k, k, 1) == dnnl_success,
        cdnnl_matrix(&result, dnnl_f32, m, n, n, 1) == dnnl_success,
        let description = Self.describe(left, right, result, accumulates: sizes.accumulates)
      else { return nil }
      defer { dnnl_primitive_desc_destroy(description) }
      guard let primitive = OneDNNPrimitive(description) else { return nil }
      self.primitive = primitive
      self.left = left
      self.right = right
      self.result = result
    }

    /// The description of a product; the caller destroys it.
    static func describe(
      _ left: dnnl_memory_desc_t, _ right: dnnl_memory_desc_t, _ result: dnnl_memory_desc_t,
      accumulates: Bool
    ) -> dnnl_primitive_desc_t? {
      guard let engine = OneDNNPrimitive.engine else { return nil }
      var (left, right, result) = (left, right, result)
      var product = dnnl_matmul_desc_t()
      guard dnnl_matmul_desc_init(&product, &left, &right, nil, &result) == dnnl_success else {
        return nil
      }
      var attributes: dnnl_primitive_attr_t?
      guard dnnl_primitive_attr_create(&attributes) == dnnl_success else { return nil }
      defer { dnnl_primitive_attr_destroy(attributes) }
      // Products are made on one thread and used on others: their scratch memory is ours.
      guard
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user)
          == dnnl_success
      else { return nil }
      if accumulates {
        var operations: dnnl_post_ops_t?
        guard dnnl_post_ops_create(&operations) == dnnl_success else { return nil }
        defer { dnnl_post_ops_destroy(operations) }
        guard dnnl_post_ops_append_sum(operations, 1) == dnnl_success,
          dnnl_primitive_attr_set_post_ops(attributes, operations) == dnnl_success
        else { return nil }
      }
      var description: dnnl_primitive_desc_t?
      guard
        dnnl_primitive_desc_create(&description, &product, attributes, engine, nil) == dnnl_success
      else { return nil }
      return description
    }

    /// `c = a b`, or `c += a b`, on the calling thread.
    /// - Returns: whether it was done; only a lack of memory prevents it.
    func multiply(
      _ a: UnsafePointer<UInt16>, _ b: UnsafeRawPointer, to c: UnsafeMutablePointer<Float>
    ) -> Bool {
      primitive.execute([
        (DNNL_ARG_SRC, left, UnsafeMutableRawPointer(mutating: a)),
        (DNNL_ARG_WEIGHTS, right, UnsafeMutableRawPointer(mutating: b)),
        (DNNL_ARG_DST, result, UnsafeMutableRawPointer(c)),
      ])
    }
  }
#endif
