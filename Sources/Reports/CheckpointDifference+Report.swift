import Base
import Checkpoints
import OrderedCollections

extension CheckpointDifference {
  /// The fields of `diff --json`.
  package func json(_ one: String, _ other: String) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    let beside = files.different.map { file -> JSONValue in
      ["name": .string(file.name), "a": text(file.one), "b": text(file.other)]
    }
    return [
      "kind": "diff",
      "model": .string(one), "a": .string(one), "b": .string(other), "same": .bool(isEmpty),
      "metadata": .array(
        metadata.map { ["key": .string($0.key), "a": text($0.one), "b": text($0.other)] }),
      "tensors": .array(tensors.map(Self.json)),
      "tensors_equal": JSONValue(equalTensors),
      "files": .array(beside),
      "files_equal": .array(files.equal.map { .string($0) }),
      "files_not_compared": .array(files.notCompared.map { .string($0) }),
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
    let left =
      files.notCompared.isEmpty
      ? ""
      : "\nnot compared, for one side has no such files: "
        + files.notCompared.joined(separator: ", ")
    guard !isEmpty else {
      let beside = files.equal.isEmpty ? "" : ", \(files.equal.joined(separator: ", "))"
      return "same: metadata\(beside) and all \(equalTensors) tensors\(left)"
    }
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
    if !files.different.isEmpty {
      let rows = files.different.map { file -> [String] in
        [file.name] + [file.one, file.other].map { $0.map { String($0.prefix(16)) } ?? "-" }
      }
      parts.append(Self.narrow([["file", "a", "b"]] + rows, columns: 80))
    }
    parts.append("\(counts), \(equalTensors) tensors are equal\(left)")
    return parts.joined(separator: "\n\n")
  }

  /// How many of what differ, as a clause.
  package var counts: String {
    let beside = files.different.count
    let keys = counted(metadata.count, "key")
    let different = counted(tensors.count, "tensor")
    return beside == 0
      ? "\(keys) and \(different) differ"
      : "\(keys), \(different) and \(counted(beside, "file")) beside them differ"
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
