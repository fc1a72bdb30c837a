import Base
import Checkpoints
import Conversion
import Evaluation
import Inference
import Models
import OrderedCollections
import Rotary
import Tensors

/// What `inspect` shows of a checkpoint.
package struct Inspection: Sendable {
  private let plan: ModelPlan
  private let listsTensors: Bool

  package init(_ plan: ModelPlan, listsTensors: Bool) {
    self.plan = plan
    self.listsTensors = listsTensors
  }

  private var checkpoint: Checkpoint { plan.checkpoint }

  private var container: String {
    switch checkpoint.container {
    case .gguf(let version): "GGUF v\(version)"
    case .safetensors: "safetensors"
    }
  }

  private var parameters: Int { checkpoint.tensors.values.reduce(0) { $0 + $1.elementCount } }
  private var bytes: Int { checkpoint.files.reduce(0) { $0 + $1.size } }

  /// Element types with tensors and bytes, largest first.
  private var types: [(type: ElementType, tensors: Int, bytes: Int)] {
    var counts: [ElementType: (Int, Int)] = [:]
    for tensor in checkpoint.tensors.values {
      let known = counts[tensor.type] ?? (0, 0)
      counts[tensor.type] = (known.0 + 1, known.1 + tensor.byteCount)
    }
    return counts.map { ($0.key, $0.value.0, $0.value.1) }
      .sorted { ($0.bytes, $1.type.rawValue) > ($1.bytes, $0.type.rawValue) }
  }

  private var provenance: [(String, String)] {
    if let object = checkpoint.configuration?["ropeconv"]?.object {
      return object.map { ($0.key, $0.value.string ?? "") }
    }
    return ["ropeconv.version", "ropeconv.source.sha256", "ropeconv.settings"].compactMap { key in
      checkpoint.metadata[key]?.string.map { (String(key.dropFirst("ropeconv.".count)), $0) }
    }
  }

  private var tokenizer: String {
    if let model = checkpoint.metadata["tokenizer.ggml.model"]?.string {
      let pre =
        checkpoint.metadata["tokenizer.ggml.pre"]?.string.map { ", pre-tokenizer \($0)" } ?? ""
      return model + pre
    }
    return checkpoint.companions?.contains("tokenizer.json") == true ? "tokenizer.json" : "none"
  }

  private func scoreLines() -> [(String, String)] {
    let score = plan.rotary.score
    guard plan.rotary.sites.rotatesScores else { return [("scores", "not rotated")] }
    var lines: [(String, String)] = []
    for (index, set) in score.sets.enumerated() {
      let name = score.sets.count == 1 ? "scores" : index == 0 ? "scores, global" : "scores, local"
      lines.append(
        (
          name,
          "\(score.pairs) pairs (\(score.layout.rawValue)) of \(plan.shape.keyWidth) dims, base "
            + "\(Format.general(set.base)), scaling \(set.scaling.name)"
        ))
    }
    return lines
  }

  private func valueLine() -> String {
    guard plan.rotary.sites.rotatesMessage, let value = plan.rotary.value else {
      return "not rotated"
    }
    let turning = value.frequencies.map { $0.count { $0 != 0 } }
    let counts =
      Set(turning).count == 1
      ? "\(turning.first ?? 0)" : "\(turning.min() ?? 0) to \(turning.max() ?? 0)"
    let base = value.base.map { ", base \(Format.general($0))" } ?? ", table of frequencies"
    return
      "\(counts) of \(value.slots) pairs turn (\(value.layout.rawValue))\(base), bias \(value.bias.rawValue)"
  }

  /// The lines a person reads.
  package func text() -> String {
    let shape = plan.shape
    var lines: [(String, String)] = [
      ("file", checkpoint.path),
      ("container", "\(container), \(Format.bytes(bytes)), \(checkpoint.tensors.count) tensors"),
      (
        "architecture",
        plan.architecture.name + (plan.rotary.sites == plan.plainSites ? "" : " (variant)")
      ),
      ("sites", plan.rotary.sites.name),
    ]
    lines += scoreLines()
    lines.append(("values", valueLine()))
    lines += [
      ("layers", "\(shape.layers)"),
      ("width", "\(shape.width), feed-forward \(shape.feedForward)"),
      (
        "heads",
        "\(shape.heads) x \(shape.keyWidth), \(shape.keyValueHeads) KV groups"
          + (shape.valueWidth == shape.keyWidth ? "" : ", values \(shape.valueWidth) wide")
      ),
      ("context", "\(shape.context)"),
      (
        "vocabulary",
        "\(shape.vocabulary)\(plan.tiesOutput ? ", output tied to the embedding" : "")"
      ),
      ("tokenizer", tokenizer),
      ("parameters", Format.fixed(Double(parameters) / 1e6, 2) + " M"),
      (
        "types",
        types.map { "\($0.type.rawValue) x \($0.tensors) (\(Format.bytes($0.bytes)))" }
          .joined(separator: ", ")
      ),
    ]
    if let window = shape.windows.max(), window > 0 {
      let count = shape.windows.count { $0 > 0 }
      lines.append(("windows", "\(window) tokens in \(count) of \(shape.layers) layers"))
    }
    for (key, value) in provenance { lines.append(("made by \(key)", value)) }
    let width = lines.map(\.0.count).max() ?? 0
    var text = lines.map { name, value in
      name + String(repeating: " ", count: width - name.count + 2) + value
    }.joined(separator: "\n")
    if listsTensors {
      text += "\n\n"
      text += Format.table(
        checkpoint.tensors.values.map { tensor in
          [
            tensor.name, tensor.type.rawValue,
            tensor.shape.map(String.init).joined(separator: " x "),
            Format.bytes(tensor.byteCount),
          ]
        })
    }
    return text
  }

  /// The fields of `inspect --json`.
  package func json() -> JSONValue {
    let shape = plan.shape
    let score = plan.rotary.score
    var fields: OrderedDictionary<String, JSONValue> = [
      "kind": "inspect", "model": .string(checkpoint.path),
      "container": .string(container),
      "architecture": .string(plan.architecture.name),
      "sites": .string(plan.rotary.sites.code),
      "bytes": .integer(Int64(bytes)),
      "parameters": .integer(Int64(parameters)),
      "layers": .integer(Int64(shape.layers)),
      "width": .integer(Int64(shape.width)),
      "feed_forward": .integer(Int64(shape.feedForward)),
      "heads": .integer(Int64(shape.heads)),
      "kv_heads": .integer(Int64(shape.keyValueHeads)),
      "key_width": .integer(Int64(shape.keyWidth)),
      "value_width": .integer(Int64(shape.valueWidth)),
      "context": .integer(Int64(shape.context)),
      "vocabulary": .integer(Int64(shape.vocabulary)),
      "tied_output": .bool(plan.tiesOutput),
      "windows": .array(shape.windows.map { .integer(Int64($0)) }),
      "tokenizer": .string(tokenizer),
      "score_rotation": .object([
        "pairs": .integer(Int64(score.pairs)),
        "layout": .string(score.layout.rawValue),
        "sets": .array(
          score.sets.map {
            .object(["base": .number($0.base), "scaling": .string($0.scaling.name)])
          }),
      ]),
      "types": .object(
        OrderedDictionary(
          uniqueKeysWithValues: types.map { ($0.type.rawValue, .integer(Int64($0.bytes))) })),
      "provenance": .object(
        OrderedDictionary(uniqueKeysWithValues: provenance.map { ($0.0, .string($0.1)) })),
    ]
    if let value = plan.rotary.value {
      fields["value_rotation"] = .object([
        "frequencies": .array(
          value.frequencies.map { .array($0.map { .number($0) }) }),
        "layout": .string(value.layout.rawValue),
        "bias": .string(value.bias.rawValue),
        "base": value.base.map { .number($0) } ?? .null,
      ])
    }
    if listsTensors {
      fields["tensors"] = .array(
        checkpoint.tensors.values.map { tensor in
          .object([
            "name": .string(tensor.name), "type": .string(tensor.type.rawValue),
            "shape": .array(tensor.shape.map { .integer(Int64($0)) }),
            "offset": .integer(Int64(tensor.offset)), "bytes": .integer(Int64(tensor.byteCount)),
          ])
        })
    }
    return .object(fields)
  }
}
