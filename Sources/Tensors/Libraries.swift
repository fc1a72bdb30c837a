import CKernels
import COpenBLAS
import Foundation

#if ROPECONV_ONEDNN
  import CDNNL
#endif

/// The libraries behind matrix products and factorizations, held to the cap of `ROPECONV_ISA` and
/// to one thread for each of our own.
package enum Libraries {
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

  /// Sets caps and thread counts before the first product.
  static func prepare() { _ = prepared }

  private static let prepared: Bool = {
    openblas_set_num_threads(1)
    #if ROPECONV_ONEDNN
      switch ProcessInfo.processInfo.environment["ROPECONV_ISA"] {
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
