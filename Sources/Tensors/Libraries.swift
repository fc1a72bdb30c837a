import Base
import CKernels
import COpenBLAS
import Foundation

#if ROPECONV_ONEDNN
  import CDNNL
#endif

/// The libraries behind matrix products and factorizations, held to the cap of `ROPECONV_ISA` and
/// to one thread for each of our own.
package enum Libraries {
  /// Whether oneDNN makes the products of this build; OpenBLAS does otherwise.
  #if ROPECONV_ONEDNN
    package static let hasOneDNN = true
  #else
    package static let hasOneDNN = false
  #endif

  /// Names and versions.
  package static var versions: [(String, String)] {
    var versions: [(String, String)] = []
    #if ROPECONV_ONEDNN
      if let version = dnnl_version()?.pointee {
        versions.append(("oneDNN", "\(version.major).\(version.minor).\(version.patch)"))
      }
    #endif
    // "OpenBLAS 0.3.21 NO_LAPACKE ...": the second word is the version.
    let words = String(cString: openblas_get_config()).split(separator: " ")
    versions.append(("OpenBLAS", words.count > 1 ? String(words[1]) : "unknown"))
    return versions
  }

  /// Variables that the libraries themselves read, on which digits depend.
  package static let variables = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "OPENBLAS_CORETYPE"]

  /// What the library of matrix products uses of this CPU, under the library's own name: oneDNN's
  /// instruction set, such as `avx2`, or OpenBLAS's kind of core, such as `Zen`. It is capped by
  /// `ROPECONV_ISA` and by `variables`, and digits depend on it.
  package static let instructionSet: String = {
    prepare()
    #if ROPECONV_ONEDNN
      let level = dnnl_get_effective_cpu_isa()
      guard let name = dnnl_cpu_isa2str(level) else { return "\(level.rawValue)" }
      return String(cString: name).replacing("cpu_isa_", with: "")
    #else
      return openblas_get_corename().map { String(cString: $0) } ?? "unknown"
    #endif
  }()

  /// Sets caps and thread counts before the first product.
  static func prepare() { _ = prepared }

  /// Whether this process has a limit of memory, which libraries may answer by waiting for ever.
  package static var hasMemoryLimit: Bool { rc_memory_is_limited() }

  /// Takes OpenBLAS's buffers for so many threads where this process has a limit of memory: OpenBLAS
  /// would ask for one that it does not get again and again, for ever.
  /// - Throws: `TensorError.noBuffers` where there is no room for them.
  package static func takeBuffers(threads: Int) throws(TensorError) {
    guard rc_memory_is_limited() else { return }
    prepare()
    let bytes = threads * bufferBytes
    guard rc_memory_has_room(bytes) else { throw .noBuffers(bytes: bytes) }
    // What it takes now it keeps for its later calls, from whatever thread.
    guard let take = dlsym(nil, "blas_memory_alloc"), let free = dlsym(nil, "blas_memory_free")
    else { return }
    let taken = (0..<threads).map { _ in
      unsafeBitCast(take, to: (@convention(c) (Int32) -> UnsafeMutableRawPointer?).self)(0)
    }
    for buffer in taken {
      unsafeBitCast(free, to: (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)(buffer)
    }
  }

  /// Looks whether there is memory to work with at all, where this process has a limit of it: oneDNN
  /// ends the process where it gets none for the code that it makes, and OpenBLAS takes a buffer as it is
  /// loaded, which under some limits is nearly all there is.
  /// - Throws: `TensorError.outOfMemory` where there is not.
  package static func checkRoom() throws(TensorError) {
    let bytes = 32 << 20
    guard !rc_memory_is_limited() || rc_memory_has_room(bytes) else {
      throw .outOfMemory(bytes: bytes)
    }
  }

  /// Looks whether there is memory for rows of activations before they are computed, where they take more
  /// than a little of it: a process that asks for more than it may have is ended, by itself or by the
  /// system.
  /// - Parameters:
  ///   - rows: how many there are.
  ///   - bytes: what each takes.
  /// - Throws: `TensorError.outOfMemory` where this process, or the machine, has not so much.
  package static func checkRoom(for rows: Int, of bytes: Int) throws(TensorError) {
    let (product, isTooLarge) = rows.multipliedReportingOverflow(by: bytes)
    let total = isTooLarge ? Int.max : product
    guard total > little else { return }
    guard UInt64(total) <= ProcessInfo.processInfo.physicalMemory, rc_memory_has_room(total) else {
      throw .outOfMemory(bytes: total)
    }
  }

  /// Bytes that are asked for without looking.
  private static let little = 64 << 20

  /// Whether OpenBLAS gets the buffer of a thread.
  static var hasRoomForBuffer: Bool {
    !rc_memory_is_limited() || rc_memory_has_room(bufferBytes)
  }

  /// The buffer of a thread: 128 MiB on the processors with the widest registers, and what it is
  /// rounded up to.
  private static let bufferBytes = 132 << 20

  private static let prepared: Bool = {
    openblas_set_num_threads(1)
    #if ROPECONV_ONEDNN
      switch EnvironmentVariable.instructionSet.value {
      case "portable": _ = dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41)
      case "avx2": _ = dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2)
      default: break
      }
    #endif
    return true
  }()

  /// Whether oneDNN multiplies bfloat16 matrices on this CPU.
  static let multipliesBFloat16: Bool = {
    #if ROPECONV_ONEDNN
      guard rc_isa_level() == Int32(RC_AVX512) else { return false }
      return BFloat16Weights(outputs: 64, inputs: 64) != nil
        && BFloat16Product.of(.init(m: 64, n: 64, k: 64, right: .rows, accumulates: true)) != nil
    #else
      return false
    #endif
  }()
}
