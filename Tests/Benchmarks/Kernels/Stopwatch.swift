import Base
import Synchronization
import Tensors

/// What one call of a kernel does.
struct Cost: Sendable {
  var elements = 0.0
  /// Bytes read and written, each once.
  var bytes = 0.0
  /// Floating-point operations, where their number is the kernel's purpose.
  var operations = 0.0
}

/// One kernel's rates, all threads together.
struct Measured: Encodable {
  let group: String
  let kernel: String
  let elementsPerSecond: Double
  let bytesPerSecond: Double
  let operationsPerSecond: Double

  enum CodingKeys: String, CodingKey {
    case group, kernel
    case elementsPerSecond = "elements_per_second"
    case bytesPerSecond = "bytes_per_second"
    case operationsPerSecond = "operations_per_second"
  }
}

/// Runs a kernel on several threads at the same time and takes each one's best batch of calls.
struct Stopwatch {
  let threads: Int
  let seconds: Double

  /// - Parameter prepare: called on every thread; makes its data and returns the call to repeat.
  func measure(
    _ group: String, _ kernel: String, cost: Cost, _ prepare: @Sendable () -> () -> Void
  ) -> Measured {
    let arrived = Atomic(0)
    let rates = Mutex(0.0)
    let (threads, duration) = (threads, Duration.seconds(seconds))
    Parallel.forEach(count: threads, threads: threads) { _, _ in
      let call = prepare()
      let clock = ContinuousClock()
      call()
      let once = clock.measure(call)
      // A batch lasts long enough for the clock, and there are enough of them for a quiet one.
      let calls = max(1, Int(duration / 20 / max(once, .nanoseconds(50))))
      arrived.add(1, ordering: .acquiringAndReleasing)
      while arrived.load(ordering: .acquiring) < threads {}
      let end = clock.now + duration
      var best = Duration.seconds(1_000_000)
      repeat {
        best = min(best, clock.measure { for _ in 0..<calls { call() } })
      } while clock.now < end
      let rate = Double(calls) / (best / .seconds(1))
      rates.withLock { $0 += rate }
    }
    let rate = rates.withLock { $0 }
    return Measured(
      group: group, kernel: kernel, elementsPerSecond: rate * cost.elements,
      bytesPerSecond: rate * cost.bytes, operationsPerSecond: rate * cost.operations)
  }
}

/// Numbers between -1 and 1, the same every time.
func noise(_ count: Int) -> FloatBuffer {
  let buffer = FloatBuffer(count: count)
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  for index in 0..<count {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    buffer.pointer[index] = Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
  }
  return buffer
}
