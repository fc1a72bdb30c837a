import Base
import Evaluation
import OrderedCollections

/// What a result was measured on: text, tasks, settings, what it is compared with, and its shard. Two
/// results are held against each other where all of it is the same, and nowhere else.
struct ResultScope {
  /// Equal in two results that were measured on the same.
  let identity: [String]
  /// The shard, in words; nil of a whole evaluation.
  let shard: String?
  /// What may tell two scopes apart, what matters most first.
  let details: [(key: String, text: String)]

  init(identity: [String], shard: String?, details: [(key: String, text: String)]) {
    self.identity = identity
    self.shard = shard
    self.details = details
  }

  /// - Parameters:
  ///   - file: the result.
  ///   - left: settings that may differ where cells of the same name are of the same prompts.
  init(_ file: ResultFile, leaving left: Set<String> = []) {
    let json = file.json
    let shard = Self.shard(json)
    let stated = json["identity"]
    var parts = [file.kind, shard ?? ""]
    if let settings = stated?["settings"]?.members {
      // Ids of tokens that end a text are the model's: another vocabulary has others.
      parts += settings.filter { !left.contains($0.key) && $0.key != "stops" }.map {
        "\($0.key) \($0.value.serialized(pretty: false))"
      }
      parts.append((stated?["materials"] ?? .null).serialized(pretty: false))
      // A byte is a byte in any vocabulary; of other kinds the ids must be the same.
      let text = file.kind == BitsPerByteResult.kind ? json["text_sha256"]?.string : nil
      parts.append(text ?? (stated?["text"] ?? .null).serialized(pretty: false))
    } else {
      // A result of before says less: its text, its numbers of places and what they are called.
      for key in ["text_sha256", "text", "haystack", "ctx", "stride", "mode", "seed"] {
        parts.append((json[key] ?? .null).serialized(pretty: false))
      }
      if left.isEmpty { parts += Self.places(json) }
    }
    let models = stated?["models"]?.array ?? []
    if let base = models.first(where: { $0["role"]?.string == "base" }) {
      parts.append(base.serialized(pretty: false))
    } else if let base = json["base"] {
      parts.append(base.serialized(pretty: false))
    }
    let details = Self.details(file).filter { detail in
      !left.contains(detail.key) && !left.contains { detail.key.hasPrefix("settings.\($0)") }
    }
    self.init(identity: parts, shard: shard, details: details)
  }

  /// Cells and tasks without what was measured in them.
  private static func places(_ json: JSONValue) -> [String] {
    let names = ["length", "depth", "trials", "task", "samples", "shots", "examples"]
    return ((json["grid"]?.array ?? []) + (json["tasks"]?.array ?? [])).map { place in
      names.map { (place[$0] ?? .null).serialized(pretty: false) }.joined(separator: " ")
    }
  }

  private static func details(_ file: ResultFile) -> [(key: String, text: String)] {
    var details = ResultSubject(file).settings.filter { setting in
      ["ctx", "text", "text hash"].contains(setting.key) || setting.key.hasPrefix("settings.")
        || setting.key.hasPrefix("materials.")
    }
    let base = (file.json["models"]?.array ?? []).first { $0["role"]?.string == "base" }
    if let base {
      let words = [base["name"]?.string, base["variant"]?.string].compactMap { $0 }
      details.append(("base", "against \(words.joined(separator: ", "))"))
      let types = base["weight_types"]?.string ?? ""
      if !types.isEmpty { details.append(("base types", "of \(types)")) }
    }
    let stated = file.json["identity"]?["models"]?.array ?? []
    if let hash = stated.first(where: { $0["role"]?.string == "base" })?["sha256"]?.string {
      details.append(("base weights", "weights \(hash.prefix(8))"))
    }
    let tasks = OrderedSet((file.json["tasks"]?.array ?? []).compactMap { $0["task"]?.string })
    if !tasks.isEmpty {
      details.append(
        ("tasks", tasks.count > 3 ? "\(tasks.count) tasks" : tasks.joined(separator: ", ")))
    }
    return details
  }

  /// `shard I/N` of a result that is one; nil of a whole one.
  static func shard(_ json: JSONValue) -> String? {
    guard let text = json["shard"]?.string, text != Shard.whole.text else { return nil }
    return "shard \(text)"
  }

  /// A name for each scope: its shard and what tells it from the others; empty where it is the only one
  /// and whole.
  static func names(_ scopes: [ResultScope]) -> [String] {
    ResultSubject.labels(scopes.map { $0.shard ?? "" }, by: scopes.map(\.details)).map { label in
      String(label.drop { " ·".contains($0) })
    }
  }

  /// In what scopes differ, as a part of a sentence: `start 0 or start 100, no chat or chat chatml`.
  /// Empty where no detail tells them apart.
  static func differences(_ scopes: [ResultScope]) -> String {
    var found: OrderedSet<String> = []
    for key in OrderedSet(scopes.flatMap { $0.details.map(\.key) }) {
      let texts = scopes.map { scope in scope.details.first { $0.key == key }?.text }
      let values = OrderedSet(texts.compactMap { $0 })
      guard Set(texts).count > 1 else { continue }
      // What some do not have is told by its name alone, and so is what would be a long list.
      found.append(
        values.count > 1 && values.count < 5
          ? values.joined(separator: " or ") : String(key.split(separator: ".").last ?? ""))
    }
    let shards = OrderedSet(scopes.map { $0.shard ?? "the whole" })
    if shards.count > 1 { found.append(shards.joined(separator: " or ")) }
    return found.joined(separator: ", ")
  }

  /// A title for each scope: the same for all, and the scope's name.
  static func titles(_ title: String, _ scopes: [ResultScope]) -> [String] {
    names(scopes).map { $0.isEmpty ? title : "\(title) · \($0)" }
  }
}
