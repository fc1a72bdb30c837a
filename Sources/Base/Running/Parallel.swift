import CKernels
import Foundation

/// Loops shared out to threads.
package enum Parallel {
  /// Calls `body(unit, worker)` once for every unit in `0 ..< count`, on up to `threads` threads of
  /// which the caller is worker 0. Units are handed out in order; which thread takes which differs
  /// from run to run, so a unit must write only what is its own.
  package static func forEach(
    count: Int, threads: Int, _ body: @Sendable (_ unit: Int, _ worker: Int) -> Void
  ) {
    guard count > 0 else { return }
    withoutActuallyEscaping(body) { body in
      var work = Work(body: body)
      withUnsafeMutablePointer(to: &work) { pointer in
        rc_parallel(
          count, max(threads, 1), Self.prepareThread,
          { context, unit, worker in
            context?.assumingMemoryBound(to: Work.self).pointee.body(unit, worker)
          }, pointer)
      }
    }
  }

  /// Makes the calling thread one of ours: libraries start no threads of their own for what it does.
  package static func prepareCaller() { prepareThread?() }

  /// What every thread calls first: OpenMP threads of a library would fight ours for the cores.
  private static let prepareThread: (@convention(c) () -> Void)? =
    setOpenMPThreads == nil ? nil : { setOpenMPThreads?(1) }

  private struct Work {
    let body: @Sendable (Int, Int) -> Void
  }
}

/// OpenMP's own call, found at run time: a library brings the OpenMP it was built with.
private let setOpenMPThreads: (@convention(c) (Int32) -> Void)? = {
  guard let program = dlopen(nil, RTLD_NOW), let symbol = dlsym(program, "omp_set_num_threads")
  else { return nil }
  return unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Void).self)
}()
