import Base
import OrderedCollections

/// What of a text a command looked at that gives no record: the same facts that a record's identity and
/// labels hold, under the same names.
package struct TextConditions: Sendable {
  /// `text`, the path as given, and `text_sha256`, of the file's bytes; null for token ids.
  package let labels: OrderedDictionary<String, JSONValue>
  /// `settings` and `text`, as an identity has them.
  package let identity: OrderedDictionary<String, JSONValue>
  /// Chunks that are looked at.
  package let chunks: Int

  /// - Parameters:
  ///   - text: the text.
  ///   - windows: how it is cut.
  ///   - start: the position of a chunk's first token; nil where that is no setting.
  ///   - leaving: settings of windows that nothing depends on.
  /// - Throws: `EvaluationError` for a text too short or sizes that make no sense.
  package init(
    _ text: TokenizedText, _ windows: WindowPlan, start: Int? = nil, leaving: Set<String> = []
  ) throws(EvaluationError) {
    var labels: OrderedDictionary<String, JSONValue> = [:]
    for (name, value) in text.labels.sorted(by: { $0.key < $1.key }) { labels[name] = value }
    var settings = Settings.of(windows, names: WindowPlan.settingNames)
    if windows.targetContext == nil { settings["target_ctx"] = nil }
    for name in leaving { settings[name] = nil }
    if let start { settings["start"] = JSONValue(start) }
    self.labels = labels
    identity = ["settings": .object(settings), "text": text.identity]
    chunks = try windows.windows(of: text).count
  }

  /// The fields of a result: `text`, its hashes, `window_start` (the id that replaces the first of each
  /// chunk, or null), the settings, and in `chunks` how many there are.
  package var fields: OrderedDictionary<String, JSONValue> {
    var fields = labels
    fields["text_ids_sha256"] = identity["text"]?["sha256"] ?? .null
    fields["window_start"] = identity["text"]?["window_start"] ?? .null
    for (name, value) in identity["settings"]?.object ?? [:] { fields[name] = value }
    fields["chunks"] = JSONValue(chunks)
    return fields
  }
}
