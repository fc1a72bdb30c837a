import Base
import Checkpoints
import Inference
import Models
import OrderedCollections

/// Makes an importance matrix: how large the inputs of every matrix are on a text, column by column,
/// as llama-imatrix measures them. Matrices that GGUF keeps in another form than rows of outputs, or
/// that the model multiplies in blocks, are left out.
package struct ImportanceMeasurement: Sendable {
  package var windows: WindowPlan
  package var threads: Int

  package init(windows: WindowPlan, threads: Int = 1) {
    self.windows = windows
    self.threads = threads
  }

  /// Measures on a text; `progress` is called with the share of the work that is done.
  /// - Throws: `ModelError.notFinite` for inputs that are not finite, and what a pass throws.
  package func run(
    _ model: Model, on text: TokenizedText, progress: (Double) -> Void = { _ in }
  ) throws -> ImportanceMatrix {
    let plan = model.plan
    let sequences = try text.sequences(windows.windows(of: text))
    let size = try RunOptions(threads: threads).batch(for: [plan], context: windows.context)
    let pass = ForwardPass(plan: plan, threads: threads)
    let sums = plan.layers.map { _ in ColumnSums() }
    var done = 0
    let steps = (sequences.count + size - 1) / size * plan.layers.count
    for first in stride(from: 0, to: sequences.count, by: size) {
      let batch = Array(sequences[first..<min(first + size, sequences.count)])
      let stream = try LayerStream(pass, batch)
      var previous: LayerWeights?
      for index in plan.layers.indices {
        let weights = try pass.weights(of: index, recycling: previous)
        let layer = try stream.layer(index, weights.observed(by: sums[index]))
        layer.project()
        try layer.finish()
        previous = weights
        done += 1
        progress(Double(done) / Double(steps))
      }
    }
    var entries: [String: ImportanceMatrix.Entry] = [:]
    for (index, sums) in sums.enumerated() {
      try entries.merge(self.entries(plan, layer: index, sums)) { first, _ in first }
    }
    return ImportanceMatrix(
      entries: OrderedDictionary(
        uniqueKeysWithValues: entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
      texts: [text.name], chunks: sequences.count, chunkLength: windows.context)
  }

  /// The entries of a layer's tensors by their names in GGUF.
  private func entries(
    _ plan: ModelPlan, layer: Int, _ sums: ColumnSums
  ) throws -> [String: ImportanceMatrix.Entry] {
    var entries: [String: ImportanceMatrix.Entry] = [:]
    let matrices = Dictionary(grouping: sums.matrices, by: \.role)
    for (role, matrices) in matrices where matrices.allSatisfy({ $0.block == 0 }) {
      let experts = matrices.contains { $0.expert != nil } ? plan.layers[layer].experts.count : 0
      let source =
        plan.layers[layer].weights[role] ?? plan.layers[layer].experts.first?[role]
      // The value heads of a delta rule lie otherwise in folders.
      guard let source, source.blocks == 1, role != .ruleOutput || plan.side == .gguf,
        let name = plan.architecture.weights[role]?.name(
          on: .gguf, alternative: source.alternative), name.form == .plain
      else { continue }
      func sum(_ expert: Int?) throws -> (squares: [Float], rows: Int) {
        let found =
          sums.sums(of: ColumnSums.Matrix(role: role, expert: expert))
          ?? ([Float](repeating: 0, count: source.columns), 0)
        guard found.squares.allSatisfy(\.isFinite) else {
          throw ModelError.notFinite(
            file: plan.checkpoint.path, what: "an input of \(role.rawValue) in layer \(layer)")
        }
        return found
      }
      let found = try experts > 0 ? (0..<experts).map { try sum($0) } : [sum(nil)]
      if experts > 0, !name.isStack {
        for (expert, found) in found.enumerated() where found.rows > 0 {
          entries[name.tensorName(layer: layer, expert: expert)] = .init(
            sums: found.squares, counts: [found.rows])
        }
        continue
      }
      // Queries, keys and values in one tensor have the same inputs.
      entries[name.tensorName(layer: layer)] = .init(
        sums: found.flatMap(\.squares), counts: found.map(\.rows))
    }
    return entries
  }
}
