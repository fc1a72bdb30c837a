import Base
import Checkpoints
import Evaluation
import OrderedCollections

/// What `analyze` prints.
package struct AttentionAnalysisReport: Sendable {
  package let model: String
  /// What the model calls itself.
  package let name: String
  /// What of which text was looked at.
  package let conditions: TextConditions
  /// Distances are of every so many queries.
  package let queryStep: Int
  package let layers: [AttentionAnalysis.Layer]

  package init(
    model: String, name: String, conditions: TextConditions, queryStep: Int,
    layers: [AttentionAnalysis.Layer]
  ) {
    self.model = model
    self.name = name
    self.conditions = conditions
    self.queryStep = queryStep
    self.layers = layers
  }

  package func json() -> JSONValue {
    func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .finite($0) }) }
    func headObject(_ head: Int, _ found: AttentionAnalysis.Head) -> JSONValue {
      var fields: OrderedDictionary<String, JSONValue> = [
        "head": .integer(Int64(head)), "mean_distance": .finite(found.meanDistance),
        "mass_by_octave": numbers(found.mass), "coherence": numbers(found.coherence),
      ]
      fields["sink"] = found.sink.map { .finite($0) }
      return .object(fields)
    }
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": "analyze", "model": .string(model),
    ]
    fields.merge(conditions.fields) { own, _ in own }
    fields["query_step"] = .integer(Int64(queryStep))
    fields["layers"] = .array(
      layers.map { layer in
        .object([
          "layer": .integer(Int64(layer.layer)), "frequencies": numbers(layer.frequencies),
          "damage_predicted": numbers(layer.predicted),
          "damage_measured": numbers(layer.measured), "damage_lost": numbers(layer.lost),
          "heads": .array(
            layer.heads.enumerated().map { head, found in
              headObject(head, found)
            }),
        ])
      })
    return .object(fields)
  }

  /// A line per layer, and what the numbers mean.
  package func table() -> String {
    var rows = [
      ["layer", "mean distance", "nearest", "farthest head", "predicted", "measured", "lost"]
    ]
    for layer in layers {
      let distances = layer.heads.map(\.meanDistance)
      rows.append([
        "\(layer.layer)",
        Format.fixed(distances.reduce(0, +) / Double(max(distances.count, 1)), 1),
        Format.fixed(distances.min() ?? 0, 1), Format.fixed(distances.max() ?? 0, 1),
        percent(layer.predicted), percent(layer.measured), percent(layer.lost),
      ])
    }
    return Format.table(rows) + """


      \(conditions.lines(indent: 12).joined(separator: "\n"))

      distances in tokens, of heads under their attention, \(queries); damage: the sum over pairs
      of what rotating each value pair alone changes in the attention's output, as a share of its
      energy; lost: what no linear refit is predicted to bring back.
      """
  }

  /// Which queries the distances are of.
  private var queries: String {
    queryStep == 1 ? "of all queries" : "of one query in \(queryStep)"
  }

  /// A line per head: mean distance, attention by distance in percent, the number of pairs that its
  /// attention keeps (coherence of at least one half), and where layers have sinks what these take.
  package func headTable() -> String {
    let octaves = layers.flatMap(\.heads).map(\.mass.count).max() ?? 0
    let hasSinks = layers.contains { $0.heads.contains { $0.sink != nil } }
    var rows = [
      ["layer head", "mean distance", "pairs kept"] + (hasSinks ? ["sink"] : [])
        + (0..<octaves).map(Self.octave)
    ]
    for layer in layers {
      for (head, found) in layer.heads.enumerated() {
        rows.append(
          [
            "\(layer.layer) \(head)", Format.fixed(found.meanDistance, 1),
            "\(found.coherence.count { $0 >= 0.5 })",
          ] + (hasSinks ? [found.sink.map { Format.fixed(100 * $0, 1) } ?? ""] : [])
            + found.mass.map { Format.fixed(100 * $0, 1) })
      }
    }
    return Format.table(rows)
  }

  /// The distances of an octave: 0, 1, 2-3, 4-7, ...
  private static func octave(_ index: Int) -> String {
    guard index > 1 else { return "\(index)" }
    return "\(1 << (index - 1))-\((1 << index) - 1)"
  }

  private func percent(_ shares: [Double]) -> String {
    Format.fixed(100 * shares.reduce(0, +), 2) + " %"
  }

  /// Measured damage, layers by pairs, on a logarithmic scale.
  package func heatMap() -> HeatMap {
    // A layer without positions has no pairs.
    let pairs = layers.map(\.frequencies.count).max() ?? 0
    let damage = layers.map { layer in
      layer.measured + [Double](repeating: 0, count: pairs - layer.measured.count)
    }
    let top = layers.flatMap(\.measured).max() ?? 0
    var map = HeatMap(
      title: "\(name): damage of rotating one value pair (share of the output's energy, measured)",
      rowTitle: "layer", columnTitle: "pair", rowLabels: layers.map { "\($0.layer)" },
      columnLabels: (0..<pairs).map(String.init), values: damage,
      range: max(top, 1e-6) / 1e4...max(top, 1e-6), isLogarithmic: true)
    map.columnEnds = .init(first: "fast", last: "slow")
    return map
  }
}
