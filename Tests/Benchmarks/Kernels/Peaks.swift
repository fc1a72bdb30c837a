import Tensors

/// What nothing on this processor can surpass, measured as the kernels are.
func processorPeaks(_ stopwatch: Stopwatch) -> [Measured] {
  var results: [Measured] = []
  for chains in ProcessorPeak.chains {
    let steps = 20_000 / chains
    results.append(
      stopwatch.measure(
        "peaks", "f32 multiply-add, \(chains) chains",
        cost: Cost(operations: 32 * Double(chains * steps))
      ) { { ProcessorPeak.multiplyAdd(chains: chains, steps: steps) } })
  }
  if ProcessorPeak.hasBFloat16 {
    let steps = 2_000
    results.append(
      stopwatch.measure(
        "peaks", "bf16 dot products", cost: Cost(operations: 768 * Double(steps))
      ) { { ProcessorPeak.bfloat16(steps: steps) } })
  }
  // Three arrays together as large as what the kernels below work on, and far larger than caches.
  for (name, count) in [("triad, 3 MB", 262_144), ("triad, 192 MB", 16_777_216)] {
    results.append(
      stopwatch.measure(
        "peaks", name, cost: Cost(elements: Double(count), bytes: 12 * Double(count))
      ) {
        let (a, b, y) = (noise(count), noise(count), FloatBuffer(count: count))
        return {
          ProcessorPeak.triad(a.pointer, b.pointer, factor: 0.5, to: y.pointer, count: count)
        }
      })
  }
  let count = 16_777_216
  results.append(
    stopwatch.measure(
      "peaks", "copy, 128 MB", cost: Cost(elements: Double(count), bytes: 8 * Double(count))
    ) {
      let (a, y) = (noise(count), FloatBuffer(count: count))
      return { y.pointer.update(from: a.pointer, count: count) }
    })
  for arithmetic in arithmetics {
    for (rows, outputs, inputs) in [(1024, 1024, 1024), (512, 4096, 4096)] {
      results.append(
        product(
          stopwatch, group: "peaks", arithmetic, rows: rows, outputs: outputs, inputs: inputs))
    }
  }
  return results
}
