#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The system's monotonic clock, cheap enough for every product.
package enum MonotonicClock {
  /// Nanoseconds since some fixed instant.
  package static var nanoseconds: UInt64 { read(CLOCK_MONOTONIC) }

  /// Nanoseconds for which processors worked for the calling thread.
  package static var processorNanoseconds: UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
