#if ROPECONV_ONEDNN
  import CDNNL
  import CKernels

  /// An operation of oneDNN on memory of fixed layouts, for any thread. It must have been described
  /// with the scratch memory left to us: oneDNN's own belongs to the thread that made the primitive.
  final class OneDNNPrimitive: Sendable {
    private nonisolated(unsafe) let primitive: dnnl_primitive_t
    private let scratchpad: dnnl_memory_desc_t

    /// Lives as long as the program; may be used from any thread.
    static nonisolated(unsafe) let engine: dnnl_engine_t? = {
      Libraries.prepare()
      var engine: dnnl_engine_t?
      return dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success ? engine : nil
    }()

    /// - Parameter description: stays the caller's.
    init?(_ description: dnnl_primitive_desc_t) {
      var primitive: dnnl_primitive_t?
      guard dnnl_primitive_create(&primitive, description) == dnnl_success, let primitive,
        let scratchpad = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0)
      else { return nil }
      self.primitive = primitive
      self.scratchpad = scratchpad.pointee
    }

    deinit { dnnl_primitive_destroy(primitive) }

    /// Runs on the calling thread.
    /// - Parameter memories: oneDNN's index of each argument, its layout, and where it is.
    /// - Returns: whether it was done; only a lack of memory prevents it.
    func execute(_ memories: [(Int32, dnnl_memory_desc_t, UnsafeMutableRawPointer)]) -> Bool {
      var (scratchpad, arguments) = (scratchpad, [dnnl_exec_arg_t]())
      defer { for argument in arguments { dnnl_memory_destroy(argument.memory) } }
      func add(_ index: Int32, _ layout: dnnl_memory_desc_t, _ data: UnsafeMutableRawPointer)
        -> Bool
      {
        var (layout, memory) = (layout, dnnl_memory_t?.none)
        guard dnnl_memory_create(&memory, &layout, Self.engine, data) == dnnl_success else {
          return false
        }
        arguments.append(dnnl_exec_arg_t(arg: index, memory: memory))
        return true
      }
      for (index, layout, data) in memories where !add(index, layout, data) { return false }
      let size = dnnl_memory_desc_get_size(&scratchpad)
      if size > 0 {
        guard let memory = rc_thread_memory(Int32(RC_SLOT_SCRATCHPAD), size),
          add(DNNL_ARG_SCRATCHPAD, scratchpad, memory)
        else { return false }
      }
      var stream: dnnl_stream_t?
      guard
        dnnl_stream_create(&stream, Self.engine, dnnl_stream_default_flags.rawValue)
          == dnnl_success
      else { return false }
      defer { dnnl_stream_destroy(stream) }
      return dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments)
        == dnnl_success && dnnl_stream_wait(stream) == dnnl_success
    }
  }
#endif
