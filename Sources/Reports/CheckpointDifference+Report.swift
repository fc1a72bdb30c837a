import Base
import Checkpoints
import OrderedCollections

extension CheckpointDifference {
  /// The fields of `diff --json`.
  package func json(_ one: String, _ other: String) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      "kind": "diff",
      "model": .string(one), "a": .string(one), "b": .string(other), "same": .bool(isEmpty),
      "metadata": .array(
        metadata.map { ["key": .string($0.key), "a": text($0.one), "b": text($0.other)] }),
      "tensors": .array(tensors.map(Self.json)),
      "tensors_equal": JSONValue(equalTensors),
    ]
  }

  private static func json(_ tensor: Tensor) -> JSONValue {
    func side(_ entry: TensorEntry?) -> JSONValue {
      guard let entry else { return .null }
      return [
        "type": .string(entry.type.rawValue), "shape": .array(entry.shape.map { JSONValue($0) }),
      ]
    }
    func number(_ value: Double?) -> JSONValue {
      value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
    }
    return [
      "name": .string(tensor.name), "a": side(tensor.one), "b": side(tensor.other),
      "max": number(tensor.numbers?.maximum), "rms": number(tensor.numbers?.rootMeanSquare),
      "relative_rms": number(tensor.numbers?.relative),
    ]
  }

  /// The lines a person reads.
  package func text() -> String {
    guard !isEmpty else { return "same: metadata and all \(equalTensors) tensors" }
    var parts: [String] = []
    if !metadata.isEmpty {
      let rows = [["key", "a", "b"]] + metadata.map { [$0.key, $0.one ?? "-", $0.other ?? "-"] }
      parts.append(Self.narrow(rows, columns: 80))
    }
    if !tensors.isEmpty {
      let rows = tensors.map { tensor -> [String] in
        let numbers = [
          tensor.numbers?.maximum, tensor.numbers?.rootMeanSquare, tensor.numbers?.relative,
        ].map { $0.map { Format.general($0) } ?? "-" }
        return [tensor.name, Self.text(tensor.one), Self.text(tensor.other)] + numbers
      }
      parts.append(
        Self.narrow([["tensor", "a", "b", "max", "RMS", "relative"]] + rows, columns: 80))
    }
    parts.append(
      "\(metadata.count) keys and \(tensors.count) tensors differ, \(equalTensors) tensors are equal"
    )
    return parts.joined(separator: "\n\n")
  }

  /// A table; where it is wider than a terminal, each row's first cell has a line of its own and the
  /// rest stands below it.
  private static func narrow(_ rows: [[String]], columns: Int) -> String {
    let table = Format.table(rows)
    guard table.split(separator: "\n").contains(where: { $0.count > columns }) else { return table }
    let rest = Format.table(rows.map { Array($0.dropFirst()) }).split(
      separator: "\n", omittingEmptySubsequences: false)
    // A pair of long values does not fit side by side either: then each has its line.
    let fits = rest.allSatisfy { $0.count + 2 <= columns }
    return zip(rows, rest).enumerated().map { index, pair in
      let name = Format.folded(printable(pair.0[0]), indent: 2, columns: columns)
      guard !fits else { return "\(name)\n  \(pair.1)" }
      let values =
        index == 0
        ? []
        : zip(rows[0], pair.0).dropFirst()
          .map { Format.folded("  \($0): \(printable($1))", indent: 5, columns: columns) }
      return ([name] + values).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  private static func text(_ entry: TensorEntry?) -> String {
    guard let entry else { return "-" }
    return entry.type.rawValue + " " + entry.shape.map(String.init).joined(separator: "x")
  }
}
