import Base
import Checkpoints
import Conversion
import Evaluation
import Inference
import Models
import OrderedCollections
import Rotary
import Tensors
import Vocabulary

/// What `inspect` shows of a checkpoint.
package struct Inspection: Sendable {
  private let plan: ModelPlan
  private let listsTensors: Bool

  package init(_ plan: ModelPlan, listsTensors: Bool) {
    self.plan = plan
    self.listsTensors = listsTensors
  }

  private var checkpoint: Checkpoint { plan.checkpoint }

  /// The data file that describes the family.
  private var dataFile: String {
    plan.architecture.origin?.path ?? Architecture.file(of: plan.architecture.name)
  }

  private var parameters: Int { checkpoint.tensors.values.reduce(0) { $0 + $1.elementCount } }
  private var bytes: Int { checkpoint.files.reduce(0) { $0 + $1.size } }

  /// Element types with tensors and bytes, largest first.
  private var types: [(type: ElementType, tensors: Int, bytes: Int)] {
    var counts: [ElementType: (Int, Int)] = [:]
    for tensor in checkpoint.tensors.values {
      let known = counts[tensor.storedType] ?? (0, 0)
      counts[tensor.storedType] = (known.0 + 1, known.1 + tensor.storedBytes)
    }
    return counts.map { ($0.key, $0.value.0, $0.value.1) }
      .sorted { ($0.bytes, $1.type.rawValue) > ($1.bytes, $0.type.rawValue) }
  }

  private var provenance: [(String, String)] {
    if let object = checkpoint.configuration?[OwnKeys.object]?.object {
      return object.map { ($0.key, $0.value.string ?? "") }
    }
    return OwnKeys.Provenance.allCases.map(\.key).compactMap { key in
      checkpoint.metadata[key]?.string.map { (String(key.dropFirst(OwnKeys.prefix.count)), $0) }
    }
  }

  private var attentions: [AttentionRecipe] { plan.layers.compactMap(\.recipe.attention) }

  /// One number where all layers agree, else the least and the most.
  private static func range(_ numbers: [Int]) -> String {
    guard let least = numbers.min(), let most = numbers.max() else { return "0" }
    return least == most ? "\(least)" : "\(least) to \(most)"
  }

  private func headLine() -> String {
    let attentions = attentions
    let values = attentions.map(\.valueWidth)
    return "\(Self.range(attentions.map(\.heads))) x \(Self.range(attentions.map(\.keyWidth))),"
      + " \(Self.range(attentions.map(\.keyValueHeads))) KV groups"
      + (values == attentions.map(\.keyWidth) ? "" : ", values \(Self.range(values)) wide")
      + (attentions.contains { $0.sharedVector != nil } ? ", keys are values" : "")
  }

  /// What must be kept of each token, in each layer.
  private func keptLine() -> String {
    let kept =
      "\(Self.range(attentions.map(\.keptNumbers))) numbers a token and layer"
      + (attentions.count < plan.layers.count ? " that attends" : "")
      + (attentions.contains { $0.compression != nil } ? ", besides compressed entries" : "")
    let states = attentions.map(\.stateCount)
    if states.contains(where: { $0 > 0 }) {
      return kept + ", or \(Self.range(states)) a sequence and layer as a recurrence; read as"
        + " \(plan.form.rawValue)"
    }
    let absorbed = attentions.compactMap { $0.absorbed?.keptNumbers }
    if !absorbed.isEmpty {
      return kept + ", \(Self.range(absorbed)) with its latent attention absorbed"
    }
    let stated = attentions.filter(\.isAbsorbed).map(\.stated.keptNumbers)
    return stated.isEmpty
      ? kept : kept + ": latent attention, absorbed; \(Self.range(stated)) before that"
  }

  /// Nil for a model without experts.
  private func expertLine() -> String? {
    let mixtures = plan.layers.compactMap(\.recipe.experts)
    guard let experts = mixtures.first else { return nil }
    let shared = experts.shared.map { ", \($0.count) shared" } ?? ""
    let layers = plan.layers.count
    let place = mixtures.count == layers ? "" : ", in \(mixtures.count) of \(layers) layers"
    return "\(experts.count) experts, \(experts.router.used) used\(shared)\(place)"
  }

  private func scoreLines() -> [(String, String)] {
    let scores = plan.rotary.scores
    guard plan.rotary.sites.rotatesScores else { return [("scores", "not rotated")] }
    return scores.map { score in
      let widths = attentions.filter { $0.rotation.score == score }.map(\.keyWidth)
      let scaling =
        score.scaling == .none ? "scaling none" : Self.words(score.scaling, plan)
      return (
        scores.count == 1 ? "scores" : "scores, \(Self.name(of: score, plan))",
        "\(score.pairs) pairs (\(score.layout.rawValue)) of \(Self.range(widths)) dims, "
          + (score.stated == nil ? "base \(Format.general(score.base))" : "frequencies stated")
          + ", \(scaling)"
          + (score.direction == .backward ? ", turning backward" : "")
      )
    }
  }

  private func valueLine() -> String {
    guard plan.rotary.sites.rotatesMessage, let value = plan.rotary.valueTable else {
      return "not rotated"
    }
    let rotating = plan.rotary.layers.indices.filter { plan.rotary.layers[$0].score != nil }
    let slots = Self.range(rotating.map { value.frequencies[$0].count })
    let base = value.base.map { ", base \(Format.general($0))" } ?? ", table of frequencies"
    return
      "\(Self.range(rotating.map { value.turning[$0] })) of \(slots) pairs turn"
      + " (\(value.layout.rawValue))\(base), bias \(value.bias.rawValue)"
      + (valueScaling.map { ", scaling \($0 == "scores" ? "that of scores" : $0)" } ?? "")
  }

  /// How values are scaled in a model whose queries and keys follow the length: `scores`, as those, or
  /// `fixed`, by a table for every length, as also one that is not scaled as they are; nil in others.
  private var valueScaling: String? {
    if plan.rotary.fixesValueScaling || plan.rotary.hasUnscaledValues(length: plan.shape.context) {
      return "fixed"
    }
    return plan.rotary.valueTable?.followsScaling == true ? "scores" : nil
  }

  /// The lines a person reads.
  package func text() -> String {
    let shape = plan.shape
    var lines: [(String, String)] = [
      ("file", printable(checkpoint.path)),
      (
        "container",
        "\(checkpoint.containerName), \(Format.bytes(bytes)), \(checkpoint.tensors.count) tensors"
      ),
      (
        "architecture",
        plan.architecture.name
          + (plan.rotary.sites == plan.plainSites && !plan.isAbsorbed ? "" : " (variant)")
      ),
      ("read by", dataFile),
      ("sites", plan.rotary.sites.name),
    ]
    lines += scoreLines()
    lines.append(("values", valueLine()))
    for (kind, layers) in plan.unreachedLayers {
      lines.append((kind.rawValue, "in \(Format.layers(layers)), whatever the variant"))
    }
    let sharing = plan.layers.indices.filter { plan.layers[$0].recipe.usesOtherKeys }
    if !sharing.isEmpty {
      lines.append(("shared KV", "\(Format.layers(sharing)) with those of earlier layers"))
    }
    lines += [
      ("layers", "\(shape.layers)"),
      (
        "width",
        "\(shape.width), feed-forward \(Self.range(plan.layers.map(\.recipe.feedForward.width)))"
      ),
      ("heads", headLine()),
      ("KV cache", keptLine()),
      ("context", "\(shape.context)"),
      (
        "vocabulary",
        "\(shape.vocabulary)\(plan.tiesOutput ? ", output tied to the embedding" : "")"
      ),
      ("tokenizer", checkpoint.tokenizerName),
      ("parameters", Format.fixed(Double(parameters) / 1e6, 2) + " M"),
      (
        "types",
        types.map { "\($0.type.rawValue) x \($0.tensors) (\(Format.bytes($0.bytes)))" }
          .joined(separator: ", ")
      ),
    ]
    if let experts = expertLine() { lines.append(("experts", experts)) }
    let windows = attentions.map(\.window).filter { $0 > 0 }
    if !windows.isEmpty {
      lines.append(
        ("windows", "\(Self.range(windows)) tokens in \(windows.count) of \(shape.layers) layers"))
    }
    lines += Self.layerLines(plan)
    for (key, value) in provenance { lines.append(("made by \(printable(key))", value)) }
    let width = lines.map(\.0.count).max() ?? 0
    var text = lines.map { name, value in
      name + String(repeating: " ", count: width - name.count + 2) + printable(value)
    }.joined(separator: "\n")
    if listsTensors {
      text += "\n\n"
      text += Format.table(
        checkpoint.tensors.values.map { tensor in
          [
            tensor.name, tensor.storedType.rawValue,
            tensor.shape.map(String.init).joined(separator: " x "),
            Format.bytes(tensor.storedBytes),
          ]
        })
    }
    return text
  }

  /// The fields of `inspect --json`.
  package func json() -> JSONValue {
    let shape = plan.shape
    let scores = plan.rotary.scores
    func each(_ value: (LayerRecipe) -> Int) -> JSONValue {
      JSONValue(ofLayers: plan.layers.map { .integer(Int64(value($0.recipe))) })
    }
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": "inspect", "model": .string(checkpoint.path),
      "container": .string(checkpoint.containerName),
      "architecture": .string(plan.architecture.name),
      "architecture_file": .string(dataFile),
      "sites": .string(plan.rotary.sites.code),
      "bytes": .integer(Int64(bytes)),
      "parameters": .integer(Int64(parameters)),
      "layers": .integer(Int64(shape.layers)),
      "width": .integer(Int64(shape.width)),
      "feed_forward": each { $0.feedForward.width },
      "heads": each { $0.attention?.heads ?? 0 },
      "kv_heads": each { $0.attention?.keyValueHeads ?? 0 },
      "key_width": each { $0.attention?.keyWidth ?? 0 },
      "value_width": each { $0.attention?.valueWidth ?? 0 },
      "kv_numbers": each { $0.attention?.keptNumbers ?? 0 },
      "context": .integer(Int64(shape.context)),
      "vocabulary": .integer(Int64(shape.vocabulary)),
      "tied_output": .bool(plan.tiesOutput),
      "unrotated_layers": .array(plan.rotary.unrotatedLayers.map { .integer(Int64($0)) }),
      "windows": .array(
        plan.layers.map { .integer(Int64($0.recipe.attention?.window ?? 0)) }),
      "tokenizer": .string(checkpoint.tokenizerName),
      "score_rotation": .object([
        "pairs": each { $0.rotation.pairs },
        "layout": (scores.first?.layout).map { .string($0.rawValue) } ?? .null,
        "sets": .array(scores.map { Self.set($0, plan) }),
        "layers": .array(
          plan.rotary.layers.map { layer in
            layer.score.flatMap { scores.firstIndex(of: $0) }.map { JSONValue($0) } ?? .null
          }),
      ]),
      "types": .object(
        OrderedDictionary(
          uniqueKeysWithValues: types.map { ($0.type.rawValue, .integer(Int64($0.bytes))) })),
      "provenance": .object(
        OrderedDictionary(uniqueKeysWithValues: provenance.map { ($0.0, .string($0.1)) })),
    ]
    if let value = plan.rotary.valueTable {
      fields["value_rotation"] = .object([
        "frequencies": .array(
          value.frequencies.map { .array($0.map { .number($0) }) }),
        "layout": .string(value.layout.rawValue),
        "bias": .string(value.bias.rawValue),
        "base": value.base.map { .number($0) } ?? .null,
        "scaling": valueScaling.map { .string($0) } ?? .null,
      ])
    }
    if let compressions = Self.compressions(plan) { fields["compression"] = compressions }
    let mixtures = plan.layers.map(\.recipe.experts)
    if let experts = mixtures.lazy.compactMap({ $0 }).first {
      fields["experts"] = .object([
        "count": .integer(Int64(experts.count)),
        "used": .integer(Int64(experts.router.used)),
        "shared": .integer(Int64(experts.shared?.count ?? 0)),
        "layers": .array(
          mixtures.indices.filter { mixtures[$0] != nil }.map { .integer(Int64($0)) }),
      ])
    }
    if listsTensors {
      fields["tensors"] = .array(
        checkpoint.tensors.values.map { tensor in
          .object([
            "name": .string(tensor.name), "type": .string(tensor.storedType.rawValue),
            "shape": .array(tensor.shape.map { .integer(Int64($0)) }),
            "offset": .integer(Int64(tensor.offset)), "bytes": .integer(Int64(tensor.storedBytes)),
          ])
        })
    }
    return .object(fields)
  }
}

extension TensorEntry {
  /// Bytes in the file, those of scales among them.
  fileprivate var storedBytes: Int {
    parts.map { $0.elements.byteCount + $0.scales.byteCount } ?? byteCount
  }
}
