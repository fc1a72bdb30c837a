import Base
import Models
import Tensors

/// The rows of a batch on their way through the experts of a layer.
///
/// Each expert that any row is sent to is decoded once, for all units. Within a unit the rows that
/// go to an expert are multiplied together and those of other units are not: how many rows a
/// product has, and with it every digit, depends on the unit's sequence alone, as everywhere
/// (`SequenceBatch`). A row's experts are added up in ascending order, whatever threads do and
/// however experts are grouped.
final class ExpertBatch: Sendable {
  private let units: [SequenceBatch.Unit]
  /// Each unit's first row in the memory below.
  private let starts: [Int]
  private let width: Int
  /// Experts that a row can go to.
  private let most: Int
  /// [rows, width]: what the experts read.
  fileprivate let input: FactorBuffer
  /// [rows, width]: the weighted sum of what the experts gave so far.
  fileprivate let sum: FloatBuffer
  /// [rows, most]
  fileprivate let weights: FloatBuffer
  /// How much each row takes of the shared experts, where it takes a part of them.
  fileprivate let sharedWeights: FloatBuffer
  /// [rows, width]: what a dense network beside the experts gave; nil where no layer has one.
  fileprivate let beside: FloatBuffer?
  /// [rows, most]
  fileprivate let chosen: Int32Buffer

  /// Memory for the rows of `units`; nil for a model without experts.
  init?(_ units: [SequenceBatch.Unit], of plan: ModelPlan, arithmetic: Arithmetic) {
    let capacity = plan.capacity
    guard capacity.expertsUsed > 0 else { return nil }
    self.units = units
    width = plan.shape.width
    most = capacity.expertsUsed
    var rows = 0
    var starts: [Int] = []
    for unit in units {
      starts.append(rows)
      rows += unit.rows.count
    }
    self.starts = starts
    input = FactorBuffer(arithmetic, count: max(rows * width, 1))
    sum = FloatBuffer(count: rows * width)
    weights = FloatBuffer(count: rows * most)
    sharedWeights = FloatBuffer(count: rows)
    beside = Self.hasDenseBeside(plan) ? FloatBuffer(count: rows * width) : nil
    chosen = Int32Buffer(count: rows * most)
  }

  private static func hasDenseBeside(_ plan: ModelPlan) -> Bool {
    plan.layers.contains(where: \.recipe.hasDenseBesideExperts)
  }

  /// Bytes that a row takes.
  static func bytesPerRow(_ plan: ModelPlan, arithmetic: Arithmetic) -> Int {
    let used = plan.capacity.expertsUsed
    guard used > 0 else { return 0 }
    let streams = hasDenseBeside(plan) ? 8 : 4
    return (streams + FactorBuffer.elementSize(arithmetic)) * plan.shape.width + 8 * used + 4
  }

  /// The rows of one unit.
  struct Rows: Sendable {
    fileprivate let batch: ExpertBatch
    fileprivate let first: Int
    let count: Int

    /// What the experts read.
    var input: Factors {
      batch.input.rows(count, width: batch.width, first: first * batch.width)
    }

    /// The weighted sum of what the experts gave, [count, width].
    var sum: UnsafeMutablePointer<Float> { batch.sum.pointer + first * batch.width }

    /// How much each row takes of the shared experts.
    var sharedWeights: UnsafeMutablePointer<Float> { batch.sharedWeights.pointer + first }

    /// What a dense network beside the experts gave, [count, width]; nil where there is none.
    var beside: UnsafeMutablePointer<Float>? {
      batch.beside.map { $0.pointer + first * batch.width }
    }

    /// Sets the input, and the sum to nothing.
    func begin(_ input: Factors) {
      batch.input.put(input, first: first * batch.width)
      sum.update(repeating: 0, count: count * batch.width)
    }

    /// The experts of a row, and their weights.
    func choice(
      _ row: Int
    ) -> (experts: UnsafeMutablePointer<Int32>, weights: UnsafeMutablePointer<Float>) {
      let place = (first + row) * batch.most
      return (batch.chosen.pointer + place, batch.weights.pointer + place)
    }

    /// The rows that go to an expert, by which weight; a row that is sent there twice is there
    /// once.
    func members(of expert: Int, used: Int) -> [(row: Int, weight: Float)] {
      var members: [(row: Int, weight: Float)] = []
      for row in 0..<count {
        let (experts, weights) = choice(row)
        var (isMember, weight) = (false, Float(0))
        for place in 0..<used where experts[place] == expert {
          weight += weights[place]
          isMember = true
        }
        if isMember { members.append((row, weight)) }
      }
      return members
    }

    /// The inputs of some rows, side by side in `buffer`.
    func gather(_ rows: [Int], in buffer: FactorBuffer) -> Factors {
      buffer.gather(rows.map { (first + $0) * batch.width }, width: batch.width, of: batch.input)
    }
  }

  /// The rows of one of the units.
  func rows(ofUnit index: Int) -> Rows {
    Rows(batch: self, first: starts[index], count: units[index].rows.count)
  }

  /// The experts that any row of some units goes to, in ascending order.
  private func used(_ experts: ExpertsRecipe, by units: [Int]) -> [Int] {
    var isUsed = [Bool](repeating: false, count: experts.count)
    for index in units {
      let rows = rows(ofUnit: index)
      for row in 0..<rows.count {
        for place in 0..<experts.router.used { isUsed[Int(rows.choice(row).experts[place])] = true }
      }
    }
    return isUsed.indices.filter { isUsed[$0] }
  }

  /// Takes units, nil: all, through the experts of a layer, where it has some, once each is routed
  /// (`Layer.update`), and adds what they give to the layer's residual stream.
  /// - Throws: the errors of decoding weights.
  func apply(
    _ layer: Layer, units some: [Int]? = nil, _ scratch: [LayerScratch], threads: Int
  ) throws {
    guard let recipe = layer.recipe.experts, let experts = layer.weights.experts else { return }
    let work = some ?? Array(units.indices)
    let groups = experts.groups(used(recipe, by: work))
    var previous: [LayerWeights] = []
    for (index, group) in groups.enumerated() {
      var began = layer.times.now
      if index + 1 < groups.count { experts.expect(groups[index + 1]) }
      let weights = try experts.decoded(group, threads: threads, recycling: previous)
      layer.times.add(.decode, since: began, threads: threads)
      began = layer.times.now
      Parallel.forEach(count: work.count, threads: threads) { index, worker in
        let unit = work[index]
        for (expert, weights) in zip(group, weights) {
          layer.add(expert, weights, of: recipe, to: rows(ofUnit: unit), scratch[worker])
        }
      }
      layer.times.add(.elementwise, since: began, threads: threads)
      previous = weights
    }
    let began = layer.times.now
    Parallel.forEach(count: work.count, threads: threads) { index, worker in
      let unit = work[index]
      layer.close(recipe, units[unit], rows(ofUnit: unit), scratch[worker])
    }
    layer.times.add(.elementwise, since: began, threads: threads)
    try layer.failure.check()
  }
}
