import Tensors

/// Norms, rotation, activations, softmax and log-sum-exp, on the shapes SmolLM2-135M gives them.
func rowKernels(_ stopwatch: Stopwatch) -> [Measured] {
  let (rows, width, inner, pairs, heads) = (512, 576, 1536, 32, 9)
  /// `passes`: floats read and written for each element.
  func measure(
    _ kernel: String, elements: Int, passes: Int, _ prepare: @Sendable () -> () -> Void
  ) -> Measured {
    stopwatch.measure(
      "rows", kernel,
      cost: Cost(elements: Double(elements), bytes: 4 * Double(passes * elements)), prepare)
  }
  var results: [Measured] = []
  results.append(
    measure("RMS norm, 512 x 576", elements: rows * width, passes: 2) {
      let (x, gain, y) = (noise(rows * width), noise(width), FloatBuffer(count: rows * width))
      return {
        Kernels.rmsNorm(
          x.pointer, xStride: width, rows: rows, width: width, gain: gain.pointer, epsilon: 1e-5,
          to: y.pointer, yStride: width)
      }
    })
  results.append(
    measure("layer norm, 512 x 576", elements: rows * width, passes: 2) {
      let (x, gain, y) = (noise(rows * width), noise(width), FloatBuffer(count: rows * width))
      return {
        Kernels.layerNorm(
          x.pointer, xStride: width, rows: rows, width: width, gain: gain.pointer,
          bias: gain.pointer, epsilon: 1e-5, to: y.pointer, yStride: width)
      }
    })
  for (name, layout) in [("interleaved", PairLayout.interleaved), ("halves", .half)] {
    results.append(
      measure("rotation (\(name)), 512 x 9 heads of 64", elements: rows * width, passes: 2) {
        let x = noise(rows * width)
        // The angle is the same everywhere, so that repeated turns keep every length.
        let (cosines, sines) = (FloatBuffer(count: rows * pairs), FloatBuffer(count: rows * pairs))
        cosines.pointer.update(repeating: 0.8, count: rows * pairs)
        sines.pointer.update(repeating: 0.6, count: rows * pairs)
        return {
          for head in 0..<heads {
            Kernels.rotate(
              x.pointer + head * 2 * pairs, xStride: width, rows: rows, pairs: pairs,
              layout: layout, cos: cosines.pointer, sin: sines.pointer, tableStride: pairs,
              inverse: false)
          }
        }
      })
  }
  for activation in Activation.allCases {
    results.append(
      measure("gate (\(activation.rawValue)), 512 x 1536", elements: rows * inner, passes: 3) {
        let (gate, up) = (noise(rows * inner), noise(rows * inner))
        let output = FloatBuffer(count: rows * inner)
        return {
          Kernels.gate(
            activation, gate: gate.pointer, up: up.pointer, to: output.pointer, count: rows * inner)
        }
      })
  }
  results.append(
    measure("addition, 512 x 576", elements: rows * width, passes: 3) {
      let (x, y) = (noise(rows * width), noise(rows * width))
      return { Kernels.add(x.pointer, to: y.pointer, count: rows * width) }
    })
  for (name, softcap) in [("softmax tile", Float(0)), ("softmax tile with a soft cap", 50)] {
    results.append(
      measure("\(name), 128 x 512", elements: 128 * 512, passes: 2) {
        // A tile's exponentials are scores again in the next call.
        let (scores, maxima) = (noise(128 * 512), FloatBuffer(count: 128))
        let (sums, factors) = (DoubleRows(count: 128), FloatBuffer(count: 128))
        return {
          Kernels.softmaxTile(
            scores.pointer, stride: 512, rows: 128, keys: 512, firstQuery: 512, firstKey: 0,
            window: 0, softcap: softcap, runningMax: maxima.pointer, runningSum: sums.pointer,
            correction: factors.pointer)
        }
      })
  }
  results.append(
    measure("log-sum-exp, 256 x 4096", elements: 256 * 4096, passes: 1) {
      let (logits, maxima) = (noise(256 * 4096), FloatBuffer(count: 256))
      let sums = DoubleRows(count: 256)
      return {
        Kernels.logSumExpUpdate(
          logits.pointer, stride: 4096, rows: 256, columns: 4096, runningMax: maxima.pointer,
          runningSum: sums.pointer)
      }
    })
  results.append(
    measure("expected difference (KL), 256 x 4096", elements: 256 * 4096, passes: 2) {
      let (logits, others) = (noise(256 * 4096), noise(256 * 4096))
      let (maxima, sums) = (FloatBuffer(count: 256), DoubleRows(count: 256))
      let weighted = DoubleRows(count: 256)
      return {
        Kernels.expectedDifferenceUpdate(
          logits.pointer, others: others.pointer, stride: 4096, rows: 256, columns: 4096,
          runningMax: maxima.pointer, runningSum: sums.pointer, weighted: weighted.pointer)
      }
    })
  return results
}

/// A running sum for each row.
private final class DoubleRows {
  let pointer: UnsafeMutablePointer<Double>

  init(count: Int) {
    pointer = .allocate(capacity: count)
    pointer.initialize(repeating: 0, count: count)
  }

  deinit { pointer.deallocate() }
}
