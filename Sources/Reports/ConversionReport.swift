import Checkpoints
import Conversion
import OrderedCollections

/// What `convert` reports: the plan, and what came of it.
public struct ConversionReport: Sendable {
  public let plan: ConversionPlan
  /// Bytes written; nil for a dry run.
  public var bytes: Int?
  public var seconds = 0.0
  /// Perplexity of the source and of the output on the same text, where one was given.
  public var perplexityBefore: Double?
  public var perplexityAfter: Double?

  public init(_ plan: ConversionPlan) { self.plan = plan }

  /// The fields of `convert --json`.
  public func json() -> JSONValue {
    .object([
      "input": .string(plan.source.checkpoint.path),
      "output": .string(plan.request.output),
      "sites_from": .string(plan.source.rotary.sites.code),
      "sites_to": .string(plan.request.sites.code),
      "absorbed": .array(
        plan.absorbed.map { item in
          .object([
            "id": .string(item.identity.rawValue), "tensors": .integer(Int64(item.tensors)),
            "exact": .bool(item.isExact), "bound": .number(item.bound),
          ])
        }),
      "fit": .object([
        "mode": .string("none"), "tokens": .integer(0), "layers": .array([]),
        "perplexity_before": perplexityBefore.map { .finite($0) } ?? .null,
        "perplexity_rewritten": perplexityAfter.map { .finite($0) } ?? .null,
        "perplexity_after": perplexityAfter.map { .finite($0) } ?? .null,
      ]),
      "tensors_copied": .integer(Int64(plan.copiedTensors)),
      "tensors_rewritten": .integer(Int64(plan.rewrittenTensors)),
      "bytes": .integer(Int64(bytes ?? 0)),
      "seconds": .number(seconds),
      "dry_run": .bool(bytes == nil),
      "warnings": .array(plan.warnings.map { .string($0) }),
    ])
  }

  /// The lines a person reads.
  public func text() -> String {
    var lines = [
      "\(plan.source.checkpoint.path) (\(plan.source.rotary.sites.name)) -> "
        + "\(plan.request.output) (\(plan.request.sites.name))"
    ]
    if let value = plan.target.value {
      let turning = value.frequencies.reduce(0) { $0 + $1.count { $0 != 0 } }
      lines.append(
        "values     \(turning) of \(value.slots * value.frequencies.count) pairs turn"
          + (value.base.map { ", base \(Format.general($0))" } ?? ""))
    }
    for item in plan.absorbed {
      let kind = item.isExact ? "exactly" : "with bound \(Format.general(item.bound))"
      lines.append("absorbed   \(item.identity.rawValue) \(kind), \(item.tensors) tensors")
    }
    lines.append(
      "tensors    \(plan.copiedTensors) copied byte for byte, \(plan.rewrittenTensors) rewritten")
    if let bytes {
      lines.append(
        "written    \(Format.bytes(bytes)) in \(Format.fixed(seconds, 2)) s")
    } else {
      lines.append(
        "dry run    nothing written, \(Format.bytes(plan.tensorBytes)) of tensors planned")
    }
    if let before = perplexityBefore, let after = perplexityAfter {
      let change = (after / before - 1) * 100
      lines.append(
        "perplexity \(Format.fixed(before, 4)) before, \(Format.fixed(after, 4)) after "
          + "(\(change >= 0 ? "+" : "")\(Format.fixed(change, 1)) %)")
    }
    return lines.joined(separator: "\n")
  }
}
