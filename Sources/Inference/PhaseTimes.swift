import Base
import Synchronization
import Tensors

/// Where a forward pass spends its time: seconds of all threads together, by kind of work.
package final class PhaseTimes: Sendable {
  package enum Phase: Int, Sendable, CaseIterable {
    /// Weights from their stored blocks to the form of the products.
    case decode
    /// Products with weights, the output matrix excepted.
    case linear
    /// Scores, softmax and weighted values, with the turning of outputs.
    case attention
    /// What layers do besides: norms, rotations, activations, sums, and waiting for the last unit.
    case elementwise
    /// The output matrix and log-sum-exps, with the decoding of its blocks.
    case logits

    package var name: String { "\(self)" }
  }

  /// Nanoseconds of each phase.
  private let sums = Mutex([UInt64](repeating: 0, count: Phase.allCases.count))

  package init() {}

  /// Now, in nanoseconds of a clock that only runs forward.
  package var now: UInt64 { MonotonicClock.nanoseconds }

  /// Adds the time since an instant to a phase, once for each of the threads that were busy.
  package func add(_ phase: Phase, since began: UInt64, threads: Int = 1) {
    let spent = (now &- began) &* UInt64(threads)
    sums.withLock { $0[phase.rawValue] &+= spent }
  }

  /// Seconds of all threads.
  package func seconds(_ phase: Phase) -> Double {
    let nanoseconds = Double(sums.withLock { $0[phase.rawValue] })
    guard phase == .elementwise else { return nanoseconds * 1e-9 }
    // Layers are timed as a whole; what is not product or attention is the rest of them.
    return max(0, nanoseconds * 1e-9 - seconds(.linear) - seconds(.attention))
  }
}
