import Tensors

/// `x W^T` of the shapes that scoring has, rows x outputs x inputs.
func matrixProducts(_ stopwatch: Stopwatch) -> [Measured] {
  let shapes = [
    // SmolLM2-135M: query and output, key and value, gate and up, down; a block of its logits.
    (512, 576, 576), (512, 192, 576), (512, 1536, 576), (512, 576, 1536), (256, 4096, 576),
    (512, 49_152, 576),
    // A tile of attention: scores, weighted values.
    (128, 512, 64), (128, 2048, 64), (128, 64, 512), (128, 64, 2048),
    // Of the 7B shape.
    (512, 4096, 4096), (512, 11_008, 4096), (512, 4096, 11_008),
  ]
  return shapes.map { product(stopwatch, group: "products", m: $0, n: $1, k: $2) }
}

/// One float32 product, by the library of the build.
func product(_ stopwatch: Stopwatch, group: String, m: Int, n: Int, k: Int) -> Measured {
  stopwatch.measure(
    group, "f32 product \(m) x \(n) x \(k)",
    cost: Cost(
      elements: Double(m * n), bytes: 4 * Double(m * k + n * k + m * n),
      operations: 2 * Double(m) * Double(n) * Double(k))
  ) {
    let (x, weights, y) = (noise(m * k), noise(n * k), FloatBuffer(count: m * n))
    return {
      MatrixProduct.multiply(
        m: m, n: n, k: k, alpha: 1, a: x.pointer, lda: k, b: weights.pointer, ldb: k,
        transposeB: true, beta: 0, c: y.pointer, ldc: n)
    }
  }
}
