import CKernels

/// Loops shared out to threads.
public enum Parallel {
  /// Calls `body(unit, worker)` once for every unit in `0 ..< count`, on up to `threads` threads of
  /// which the caller is worker 0. Units are handed out in order; which thread takes which differs
  /// from run to run, so a unit must write only what is its own.
  public static func forEach(
    count: Int, threads: Int, _ body: @Sendable (_ unit: Int, _ worker: Int) -> Void
  ) {
    guard count > 0 else { return }
    Libraries.prepare()
    withoutActuallyEscaping(body) { body in
      var work = Work(body: body)
      withUnsafeMutablePointer(to: &work) { pointer in
        rc_parallel(
          count, max(threads, 1), Libraries.prepareThread,
          { context, unit, worker in
            context?.assumingMemoryBound(to: Work.self).pointee.body(unit, worker)
          }, pointer)
      }
    }
  }

  private struct Work {
    let body: @Sendable (Int, Int) -> Void
  }
}
