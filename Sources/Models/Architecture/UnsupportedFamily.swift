import Base
import Checkpoints
import OrderedCollections

/// Why a family without a data file cannot be read: what a file states that nothing here computes, in
/// the words of `formats/recognition/unsupported.json`.
package struct UnsupportedFamily: Sendable {
  package static let file = "recognition/unsupported.json"

  /// By container, in the order in which they are looked for.
  private let entries: [Architecture.Side: [UnsupportedStatement]]

  init() throws { try self.init(FormatResources.json(Self.file)) }

  package init(_ json: JSONValue) throws(FormatError) {
    let top = try StrictObject<Architecture.Side>(json, file: Self.file, place: "")
    var entries: [Architecture.Side: [UnsupportedStatement]] = [:]
    for side in Architecture.Side.allCases {
      guard let list = try top.required(side).array else {
        throw top.failure(side, "expected a list")
      }
      for (index, entry) in list.enumerated() {
        entries[side, default: []].append(
          try UnsupportedStatement(
            entry, file: Self.file, place: "\(side.rawValue)[\(index)]"))
      }
    }
    self.entries = entries
  }

  /// Looks for the first thing in a checkpoint that is not understood.
  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - name: what it calls its family.
  /// - Returns: the thing in words; nil where nothing is known of the checkpoint.
  func reason(for checkpoint: Checkpoint, named name: String) -> String? {
    if let configuration = checkpoint.configuration {
      return reason(.huggingface, name) { configuration[$0] }
    }
    return reason(.gguf, name) { key in
      checkpoint.metadata[Architecture.ggufKey(key, prefix: name)].map { JSONValue(metadata: $0) }
    }
  }

  package func reason(
    _ side: Architecture.Side, _ name: String, value: (String) -> JSONValue?
  ) -> String? {
    for entry in entries[side] ?? [] {
      if let words = entry.words(for: name, value: value) { return words }
    }
    return nil
  }
}

/// Something that a file may state and nothing here computes.
package struct UnsupportedStatement: Sendable {
  package enum Key: String, CaseIterable {
    case key, value, layers, offset, words
    case modelTypes = "model_types"
  }

  private let modelTypes: [String]
  private let key: String?
  private let value: JSONValue?
  private let layers: [String: String]
  private let offset: String?
  private let words: String?

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    modelTypes = try entry.strings(.modelTypes)
    key = try entry.optionalString(.key)
    value = entry.optional(.value)
    if let value, value.array != nil || value.object != nil {
      throw entry.failure(.value, "expected a text, a number, true or false")
    }
    offset = try entry.optionalString(.offset)
    words = try entry.optionalString(.words)
    var layers: [String: String] = [:]
    for (kind, text) in try entry.members(.layers) {
      guard let text = text.string else { throw entry.failure(.layers, "expected strings") }
      layers[kind] = text
    }
    self.layers = layers
    if key == nil, modelTypes.isEmpty { throw entry.failure(.key, "missing key") }
    if words == nil, layers.isEmpty { throw entry.failure(.words, "missing key") }
  }

  /// Compares what a file states with this.
  /// - Parameters:
  ///   - name: what the file calls its family.
  ///   - stated: what it says under a key.
  /// - Returns: the words where the file states it; nil where it does not.
  func words(for name: String, value stated: (String) -> JSONValue?) -> String? {
    if !modelTypes.isEmpty, !modelTypes.contains(name) { return nil }
    guard let key else { return words }
    guard let found = stated(key), found != .null else { return nil }
    if !layers.isEmpty { return firstLayer(found) }
    if let offset {
      guard let period = found.int, period > 1, let first = stated(offset)?.int else { return nil }
      return words.map { "layer \(first % period == 0 ? 1 : 0) is \($0)" }
    }
    if let value { return found == value ? words : nil }
    return found == .bool(false) || found == .integer(0) || found.array?.isEmpty == true
      ? nil : words
  }

  /// The first layer of a list, or of a text with a letter for each, that is one of `layers`.
  private func firstLayer(_ found: JSONValue) -> String? {
    let kinds = found.array?.map { $0.string ?? "" } ?? (found.string ?? "").map { String($0) }
    for (index, kind) in kinds.enumerated() {
      if let words = layers[kind] { return "layer \(index) is \(words)" }
    }
    return nil
  }
}
