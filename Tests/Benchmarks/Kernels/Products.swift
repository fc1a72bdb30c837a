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
  return arithmetics.flatMap { arithmetic in
    shapes.map {
      product(stopwatch, group: "products", arithmetic, rows: $0, outputs: $1, inputs: $2)
    }
  }
}

/// float32, and bfloat16 where the processor and the library of the build have such products.
let arithmetics: [Arithmetic] =
  Arithmetic.hasBFloat16 ? [.float32, .bfloat16] : [.float32]

/// One product with prepared weights, by the library of the build.
func product(
  _ stopwatch: Stopwatch, group: String, _ arithmetic: Arithmetic, rows: Int, outputs: Int,
  inputs: Int
) -> Measured {
  let size = Double(FactorBuffer.elementSize(arithmetic))
  return stopwatch.measure(
    group, "\(arithmetic.rawValue) product \(rows) x \(outputs) x \(inputs)",
    cost: Cost(
      elements: Double(rows * outputs),
      bytes: size * Double(rows * inputs + outputs * inputs) + 4 * Double(rows * outputs),
      operations: 2 * Double(rows) * Double(outputs) * Double(inputs))
  ) {
    let (x, values, y) = (
      noise(rows * inputs), noise(outputs * inputs), FloatBuffer(count: rows * outputs)
    )
    let weights = PreparedMatrix(outputs: outputs, inputs: inputs, arithmetic: arithmetic)
    for piece in 0..<weights.pieceCount {
      // Only a lack of memory throws, and the product is all NaN then.
      try? weights.fill(piece: piece) { rows, target in
        target.update(from: values.pointer + rows.lowerBound * inputs, count: rows.count * inputs)
      }
    }
    let factors = FactorBuffer(arithmetic, count: rows * inputs)
    let left = factors.put(x.pointer, stride: inputs, rows: rows, width: inputs)
    return {
      withExtendedLifetime(factors) { weights.multiply(left, to: y.pointer, yStride: outputs) }
    }
  }
}
