import Foundation
import Tensors
import Testing

@Suite struct ActivationTests {
  @Test(arguments: Activation.allCases) func agreesWithDoublePrecision(_ kind: Activation) {
    var inputs = stride(from: Float(-12), through: 12, by: 0.0037).map { $0 }
    inputs += [0, -0.0, 1e-20, -1e-20, 80, -80, 1e4, -1e4]
    for variant in Variants.available {
      var found = inputs
      Variants.with(variant) { Kernels.activate(kind, &found, count: inputs.count) }
      for (x, y) in zip(inputs, found) {
        let expected = reference(kind, Double(x))
        // The rounding of the exponent's argument grows with it.
        let relative = 5e-7 + roundedExponent(kind, Double(x)) * 0x1p-24
        #expect(
          close(y, expected, relative: relative, absolute: 1e-36),
          "\(kind) \(variant) f(\(x)) = \(y)")
      }
    }
  }

  @Test func notANumberStaysOne() {
    for kind in Activation.allCases {
      for variant in Variants.available {
        var x = [Float](repeating: 1, count: 40)
        x[3] = .nan
        x[39] = .nan
        Variants.with(variant) { Kernels.activate(kind, &x, count: x.count) }
        #expect(x.indices.filter { x[$0].isNaN } == [3, 39])
      }
    }
  }

  @Test func gatesIntoEitherInput() {
    var noise = Noise(5)
    let gate = noise.floats(101, in: -4...4)
    let up = noise.floats(101)
    for kind in Activation.allCases {
      var expected = gate
      Kernels.activate(kind, &expected, count: gate.count)
      for i in gate.indices { expected[i] *= up[i] }
      var target = up
      target.withUnsafeMutableBufferPointer { target in
        gate.withUnsafeBufferPointer { gate in
          Kernels.gate(
            kind, gate: gate.baseAddress!, up: target.baseAddress!, to: target.baseAddress!,
            count: gate.count)
        }
      }
      #expect(target == expected)
    }
  }

  @Test func clampedGateAgreesWithDoublePrecision() {
    var noise = Noise(8)
    let gate = noise.floats(1001, in: -20...20) + [7, -7, 7.5, 0, 1e4, -1e4]
    let up = noise.floats(gate.count, in: -12...12)
    for variant in Variants.available {
      let buffer = FactorBuffer(.float32, count: gate.count)
      let found = Variants.with(variant) {
        gate.withUnsafeBufferPointer { gate in
          up.withUnsafeBufferPointer { up in
            Kernels.clampedGate(
              slope: 1.702, limit: 7, gate: gate.baseAddress!, up: up.baseAddress!, rows: 1,
              width: gate.count, to: buffer
            ).widened
          }
        }
      }
      for (index, result) in found.enumerated() {
        let g = min(Double(gate[index]), 7)
        let u = min(max(Double(up[index]), -7), 7)
        let slope = Double(Float(1.702))
        let expected = (u + 1) * g / (1 + exp(-slope * g))
        let relative = 1e-6 + slope * abs(g) * 0x1p-23
        #expect(
          close(result, expected, relative: relative, absolute: 1e-30), "\(variant) \(g) \(u)")
      }
    }
  }

  @Test func elementwise() {
    var noise = Noise(6)
    let x = noise.floats(77)
    let y = noise.floats(77)
    for variant in Variants.available {
      var sum = y
      var scaled = x
      var biased = y
      var shared = y
      Variants.with(variant) {
        Kernels.add(x, to: &sum, count: 77)
        Kernels.scale(&scaled, by: 0.3, count: 77)
        Kernels.addBias(x, to: &biased, rows: 3, width: 20, stride: 25)
        Kernels.addBias(x, times: [0.5, -2, 0], to: &shared, rows: 3, width: 20, stride: 25)
      }
      #expect(sum == zip(x, y).map { $0 + $1 })
      #expect(scaled == x.map { $0 * 0.3 })
      for i in 0..<77 {
        let added = i % 25 < 20 && i / 25 < 3 ? x[i % 25] : 0
        #expect(biased[i] == y[i] + added)
        let factor: Float = i / 25 < 3 ? [0.5, -2, 0][i / 25] : 0
        #expect(shared[i] == y[i] + factor * added)
      }
    }
  }

  @Test func softcap() {
    let inputs = stride(from: Float(-300), through: 300, by: 0.37).map { $0 }
    for variant in Variants.available {
      var found = inputs
      Variants.with(variant) { Kernels.softcap(&found, cap: 30, count: inputs.count) }
      for (x, y) in zip(inputs, found) {
        #expect(close(y, 30 * tanh(Double(x) / 30), relative: 4e-7))
      }
    }
  }

  /// The size of the argument of exp, times the number of roundings on the way to it.
  private func roundedExponent(_ kind: Activation, _ x: Double) -> Double {
    switch kind {
    case .silu: abs(x)
    case .geluTanh: 5 * abs(2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))
    case .gelu, .relu, .reluSquared: 0
    }
  }

  private func reference(_ kind: Activation, _ x: Double) -> Double {
    switch kind {
    case .silu: x / (1 + exp(-x))
    case .geluTanh:
      x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .gelu: 0.5 * x * erfc(-x / 2.0.squareRoot())
    case .relu: max(x, 0)
    case .reluSquared: max(x, 0) * max(x, 0)
    }
  }
}
