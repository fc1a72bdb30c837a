import Base
import Inference
import Synchronization
import Tensors

/// Refits an output matrix to two targets: Y, what the original's attention gave, and Y + E, what
/// the converted stream lacks after attention (E: the errors that earlier layers have left).
///
/// `W = (Y^T Z + lambda W_0)(Z^T Z + lambda I)^-1 + E^T Z (Z^T Z + mu I)^-1`: a ridge pulled toward
/// the previous matrix and one pulled toward zero. E is mostly noise to this layer's heads, so it
/// gets a ridge of its own; both are chosen by the error of Y + E on rows not used to fit.
struct OutputRegression {
  /// `Z^T Z`, `Y^T Z`, `(Y + E)^T Z` and `sum |Y + E|^2` over rows.
  struct Moments {
    private(set) var inputs: CrossMoment
    private(set) var own: CrossMoment
    private(set) var lacking: CrossMoment
    private(set) var energy = 0.0

    /// The sums over the rows of Z, [rows, count], and of Y (own) and Y + E (lacking), each
    /// [rows, width].
    init(
      inputs z: UnsafePointer<Float>, count: Int, own: UnsafePointer<Float>,
      lacking: UnsafePointer<Float>, width: Int, rows: Int, threads: Int
    ) {
      inputs = CrossMoment(count, count)
      self.own = CrossMoment(width, count)
      self.lacking = CrossMoment(width, count)
      inputs.add(z, aStride: count, z, bStride: count, rows: rows, threads: threads)
      self.own.add(own, aStride: width, z, bStride: count, rows: rows, threads: threads)
      self.lacking.add(lacking, aStride: width, z, bStride: count, rows: rows, threads: threads)
      for row in 0..<rows {
        var sum = 0.0
        for column in 0..<width {
          let value = Double(lacking[row * width + column])
          sum += value * value
        }
        energy += sum
      }
    }

    /// `W Z^T Z`, and `sum |Y + E - W Z|^2 - sum |Y + E|^2`.
    func error(of weights: DoubleMatrix) -> (inputs: DoubleMatrix, added: Double) {
      let predicted = weights * inputs.sum
      var error = 0.0
      for index in weights.values.indices {
        error += weights.values[index] * (predicted.values[index] - 2 * lacking.sum.values[index])
      }
      return (predicted, error)
    }

    /// `sum |Y + E - W Z|^2 / sum |Y + E|^2`.
    func relativeError(_ weights: DoubleMatrix) -> Double {
      energy > 0 ? max(energy + error(of: weights).added, 0) / energy : 0
    }
  }

  let fit: Moments
  let heldOut: Moments

  struct Solution {
    let weights: DoubleMatrix
    /// The ridges chosen, of Y and of E, as shares of the inputs' mean second moment; infinite
    /// where leaving it alone was better.
    let ridge: Double
    let feedbackRidge: Double
    /// Relative errors on the rows held out, with the rewritten weights and the new ones.
    let errorBefore: Double
    let errorAfter: Double
  }

  /// Refits `previous`, [width, count]; the error of `rewritten` is reported as the error before.
  func solve(
    from previous: DoubleMatrix, rewritten: DoubleMatrix, threads: Int
  ) throws -> Solution {
    let before = heldOut.relativeError(rewritten)
    var best = (error: heldOut.relativeError(previous), own: -1, feedback: -1)
    let candidates = try solutions(from: previous, threads: threads)
    // With W = A + B the error is a sum of what A and B give alone and a product of both.
    for (index, one) in candidates.enumerated() {
      let alone = heldOut.energy + one.ownError
      if alone / heldOut.energy < best.error {
        best = (alone / heldOut.energy, index, -1)
      }
      for (otherIndex, other) in candidates.enumerated() {
        let product = 2 * zip(one.ownInputs, other.feedback.values).reduce(0) { $0 + $1.0 * $1.1 }
        let error = (alone + other.feedbackError + product) / heldOut.energy
        if error < best.error { best = (error, index, otherIndex) }
      }
    }
    guard best.own >= 0 else {
      return Solution(
        weights: previous, ridge: .infinity, feedbackRidge: .infinity, errorBefore: before,
        errorAfter: best.error)
    }
    var weights = candidates[best.own].own
    if best.feedback >= 0 { weights.add(candidates[best.feedback].feedback) }
    return Solution(
      weights: weights, ridge: candidates[best.own].ridge,
      feedbackRidge: best.feedback < 0 ? .infinity : candidates[best.feedback].ridge,
      errorBefore: before, errorAfter: max(best.error, 0))
  }

  /// Both parts for one ridge, and what they add to the error on the rows held out.
  private struct Candidate {
    let ridge: Double
    let own: DoubleMatrix
    let feedback: DoubleMatrix
    /// `own Z^T Z` of the rows held out.
    let ownInputs: [Double]
    let ownError: Double
    let feedbackError: Double
  }

  private func solutions(from previous: DoubleMatrix, threads: Int) throws -> [Candidate] {
    let count = previous.columns
    let level = (0..<count).reduce(0) { $0 + fit.inputs.sum[$1, $1] } / Double(count)
    guard level > 0 else { return [] }
    let found = Mutex([Int: Candidate]())
    let failure = FirstFailure()
    Parallel.forEach(count: FitSettings.ridges.count, threads: threads) { index, _ in
      do {
        let candidate = try solution(from: previous, ridge: FitSettings.ridges[index], level: level)
        found.withLock { $0[index] = candidate }
      } catch { failure.record(error) }
    }
    try failure.check()
    return found.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
  }

  private func solution(
    from previous: DoubleMatrix, ridge: Double, level: Double
  ) throws -> Candidate {
    let (width, count) = (previous.rows, previous.columns)
    var equations = fit.inputs.sum
    for index in 0..<count { equations[index, index] += ridge * level }
    var sides = DoubleMatrix(rows: 2 * width, columns: count)
    for index in 0..<(width * count) {
      let own = fit.own.sum.values[index]
      sides.values[index] = own + ridge * level * previous.values[index]
      sides.values[width * count + index] = fit.lacking.sum.values[index] - own
    }
    let both = try Factorization.solveSymmetricPositive(equations, sides.transposed())
      .transposed()
    var (own, feedback) = (previous, previous)
    own.values = Array(both.values[..<(width * count)])
    feedback.values = Array(both.values[(width * count)...])
    let (ownInputs, ownError) = heldOut.error(of: own)
    return Candidate(
      ridge: ridge, own: own, feedback: feedback, ownInputs: ownInputs.values, ownError: ownError,
      feedbackError: heldOut.error(of: feedback).added)
  }
}
