import Foundation

/// The processor's caches.
enum Cache {
  /// Bytes of the second level, of one core; a megabyte where the system does not say.
  static let secondLevel: Int = {
    #if canImport(Glibc)
      let bytes = sysconf(Int32(_SC_LEVEL2_CACHE_SIZE))
    #else
      let bytes = 0
    #endif
    return bytes > 0 ? Int(bytes) : 1 << 20
  }()
}
