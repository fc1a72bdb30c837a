import Base
import Checkpoints
import OrderedCollections

/// What a row of a report is about, as the result itself states it: the model's name and the variant
/// it was computed as. Names of files say nothing, for files can be renamed.
struct ResultSubject {
  /// Name and variant, or that the result states neither.
  let title: String
  /// The model and variant, in a comparison the other one, as results of every kind state it.
  let variant: Variant
  /// What may tell two results of one title apart, what matters most first.
  let settings: [(key: String, text: String)]
  /// The cells of a table of conditions, in the order of `conditionColumns`.
  let conditions: [String]

  /// What the rows of a summary are of: results of several kinds that say the same here are of one.
  struct Variant: Hashable {
    let title: String
    /// The weights' hash: empty where a result states none.
    let weights: String
  }

  /// By what it was computed.
  let arithmetic: ResultArithmetic

  /// The types of the weights, such as `q4_0 with q6_k`; of a comparison those of the other model.
  /// Empty where the result does not state them.
  let weightTypes: String

  /// What a summary states of all results together: text, context, arithmetic, version, date; empty
  /// where a result says nothing of it.
  let facts: [String]

  /// The text that was scored where it is, or is in part, what the weights were fitted on; nil elsewhere.
  let calibrationText: String?

  /// Whether it is of two models, of which either may be the one that was fitted.
  let isComparison: Bool

  static let factNames = ["text", "context", "arithmetic", "version", "date"]

  /// What names the result; empty where it states none.
  let key: String

  static let conditionColumns = [
    "made by", "date", "computed in", "ctx", "text", "text sha256", "calibration text",
    "weights sha256", "shard", "key",
  ]

  /// What a result is about, or one of several models of it, such as a curve of a sweep.
  init(_ file: ResultFile, part: JSONValue? = nil) {
    let json = part ?? file.json
    // A curve's points are results of their own; they have one model.
    let identity = json["identity"] ?? json["points"]?.array?.first?["identity"] ?? .null
    let shard = ResultScope.shard(json)
    let named = Self.title(json)
    title = [named, shard].compactMap { $0 }.joined(separator: " · ")

    func first(_ values: JSONValue?...) -> String? {
      for case .some(let value) in values {
        if let text = value.string { return text.isEmpty ? nil : text }
        if value.double != nil { return value.serialized(pretty: false) }
      }
      return nil
    }
    let stated = identity["settings"]
    let context = part == nil ? first(stated?["ctx"], json["ctx"]) : nil
    let compute = first(identity["arithmetic"]?["compute"], json["compute"], identity["compute"])
    let text = first(json["text"], file.json["text"], json["haystack"]).map(Self.lastPart)
    let fileHash = first(json["text_sha256"], file.json["text_sha256"], identity["text_sha256"])
    let idsHash = first(identity["text"]?["sha256"])
    // What tells two texts apart: the same bytes can be other ids.
    let textHash = idsHash ?? fileHash
    let program = file.json["program"]
    // Merged shards can be of several programs, of which `program` is the last.
    let listed = file.json["programs"]?.array ?? []
    let programs: [JSONValue] = listed.isEmpty ? [program ?? .null] : listed
    let names = programs.map { program -> String in
      [first(program["name"]), first(program["version"], program)]
        .compactMap { $0 }.joined(separator: " ")
    }
    let makers = OrderedSet(names.filter { !$0.isEmpty })
    let maker = makers.joined(separator: " and ")
    let date = first(json["date"], file.json["date"])
    let models = identity["models"]?.array ?? []
    let weights = models.compactMap { first($0["sha256"]) }

    var found: [(key: String, text: String?)] = [
      ("compute", compute), ("ctx", context.map { "ctx \($0)" }),
      ("sites", Self.statesModels(json) ? nil : json["sites"]?.string.map(Self.sites)),
      ("scaling", first(json["rope_scaling"])), ("text", text),
      ("text hash", textHash.map { "text \(Self.short($0))" }),
    ]
    func add(_ stated: JSONValue?, _ prefix: String) {
      guard let stated, stated.members != nil else { return }
      for (key, value) in ResultFields(stated, file: file.name, path: "").settings() {
        found.append(("\(prefix)\(key)", "\(key) \(Self.cut(value))"))
      }
    }
    for setting in stated?.members ?? [] {
      if let label = Statement.label(setting.key, setting.value) {
        found.append(("settings.\(setting.key)", Self.cut(label)))
      } else {
        add([setting.key: setting.value] as JSONValue, "settings.")
      }
    }
    found += Self.tasks(identity["materials"])
    let types = (json["models"]?.array ?? []).compactMap { first($0["weight_types"]) }
    found.append(("weight types", types.joined(separator: " against ")))
    for (index, hash) in weights.enumerated() {
      found.append(("weights \(index)", "weights \(Self.short(hash))"))
    }
    for (index, model) in models.enumerated() { add(model, "models[\(index)].") }
    add(identity["arithmetic"], "arithmetic.")
    add(identity["materials"], "materials.")
    found += [("program", maker), ("date", date)]
    let others = Self.described(json)
    let own = others.indices.last { others[$0].role != "base" }
    variant = Variant(
      title: own.map { Self.shown(others[$0]) } ?? Self.file(json, base: false) ?? named,
      weights: own.flatMap { $0 < models.count ? first(models[$0]["sha256"]) : nil } ?? "")
    arithmetic = ResultArithmetic(
      compute: compute, program: makers.sorted().joined(separator: " and "),
      level: first(program?["instruction_set"]),
      identity: identity)
    weightTypes = own.map { others[$0].weightTypes } ?? ""
    let key = first(json["key"], file.json["key"]) ?? ""
    self.key = key
    settings = found.compactMap { entry in
      entry.text.flatMap { $0.isEmpty ? nil : (entry.key, $0) }
    }
    let level = first(program?["instruction_set"]).map { " (\($0))" } ?? ""
    let contexts = context ?? Self.lengths(json)
    let isFittedOn = json["calibration_text"]?.bool == true
    let scored = text.map { $0 == "-" ? "standard input" : $0 } ?? "this text"
    calibrationText = isFittedOn ? scored : nil
    isComparison = others.contains { $0.role == "base" }
    facts = [
      [
        text,
        fileHash.map { "sha256 \(Self.short($0))" }
          ?? idsHash.map { "ids sha256 \(Self.short($0))" },
      ].compactMap { $0 }
        .joined(separator: ", "),
      contexts.map { "\($0) tokens" } ?? "", compute ?? "", maker.isEmpty ? "" : maker + level,
      date ?? "",
    ]
    conditions = [
      maker.isEmpty ? "" : maker + level, date ?? "", compute ?? "", context ?? "", text ?? "",
      // Of the text's bytes, as elsewhere; of its ids where it was given so.
      fileHash.map(Self.short) ?? idsHash.map { "ids \(Self.short($0))" } ?? "",
      isFittedOn ? "of the fit, or in part" : "",
      weights.map(Self.short).joined(separator: ", "), shard ?? "", Self.short(key),
    ].map { $0.isEmpty ? "–" : $0 }
  }

  /// The lengths of a curve.
  private static func lengths(_ json: JSONValue) -> String? {
    let lengths = (json["points"]?.array ?? []).compactMap { $0["ctx"]?.int }
    return lengths.isEmpty ? nil : lengths.map(String.init).joined(separator: ", ")
  }

  // MARK: - Titles

  private static func statesModels(_ json: JSONValue) -> Bool { described(json).isEmpty == false }

  /// The models that say what they are, in the order of the result.
  private static func described(_ json: JSONValue) -> [Described] {
    let stated = json["identity"]?["models"]?.array ?? []
    return (json["models"]?.array ?? []).enumerated().compactMap { index, model -> Described? in
      guard let name = model["name"]?.string, let variant = model["variant"]?.string,
        !variant.isEmpty
      else { return nil }
      return Described(
        role: model["role"]?.string ?? "model", name: name, variant: variant,
        weightTypes: model["weight_types"]?.string ?? "",
        weights: index < stated.count ? stated[index]["sha256"]?.string ?? "" : "")
    }
  }

  /// A model that says what it is.
  private struct Described {
    let role: String
    let name: String
    let variant: String
    /// Empty where the result does not state them.
    let weightTypes: String
    /// Their hash; empty where the result does not state it.
    let weights: String
  }

  private static func shown(_ model: Described) -> String {
    model.name.isEmpty ? model.variant : "\(model.name) · \(model.variant)"
  }

  /// What tells the models of a comparison apart where their variants are alike: the types of their
  /// weights, else those themselves; empty where nothing does, or nothing has to.
  private static func telling(_ base: Described, _ other: Described) -> (String, String) {
    guard base.name == other.name, base.variant == other.variant else { return ("", "") }
    if base.weightTypes != other.weightTypes {
      func words(_ types: String) -> String { types.isEmpty ? "" : " · \(types)" }
      return (words(base.weightTypes), words(other.weightTypes))
    }
    guard base.weights != other.weights, !base.weights.isEmpty, !other.weights.isEmpty else {
      return ("", "")
    }
    return (" · weights \(short(base.weights))", " · weights \(short(other.weights))")
  }

  /// The file of a model that says nothing of itself.
  private static func file(_ json: JSONValue, base: Bool) -> String? {
    let keys = base ? ["base", "model_base", "a"] : ["other", "model_other", "model", "b"]
    return keys.lazy.compactMap { json[$0]?.string }.first { !$0.isEmpty }.map(lastPart)
  }

  private static func title(_ json: JSONValue) -> String {
    let models = described(json)
    if let base = models.first(where: { $0.role == "base" }),
      let other = models.first(where: { $0.role == "other" })
    {
      let (ofBase, ofOther) = telling(base, other)
      return base.name == other.name
        ? "\(shown(other))\(ofOther) against \(base.variant)\(ofBase)"
        : "\(shown(other)) against \(shown(base))"
    }
    if let only = models.first { return shown(only) }
    let paths = [file(json, base: false), file(json, base: true)]
      .compactMap { $0 }.joined(separator: " against ")
    return (paths.isEmpty ? "a model" : paths) + " (states nothing: made by an older version)"
  }

  /// A path's last part.
  private static func lastPart(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func sites(_ code: String) -> String { code.isEmpty ? "nope" : code }

  /// Enough of a hash to tell it from others.
  private static func short(_ hash: String) -> String { String(hash.prefix(8)) }

  private static func cut(_ text: String) -> String {
    text.count > 32 ? "\(text.prefix(29))..." : text
  }

  /// What tells few-shot tasks of the same names apart: what they are centred by, and their files.
  private static func tasks(_ materials: JSONValue?) -> [(key: String, text: String?)] {
    let tasks = (materials?["tasks"]?.array ?? []).filter { $0["task"]?.string != nil }
    guard !tasks.isEmpty else { return [] }
    let published = tasks.count { $0["baseline"]?.double != nil }
    let source =
      published == 0
      ? "baselines of choices"
      : published == tasks.count
        ? "published baselines" : "\(published) published baselines, others of choices"
    var found: [(key: String, text: String?)] = [("materials.baselines", source)]
    for task in tasks {
      let name = task["task"]?.string ?? ""
      found.append(
        (
          "materials.baseline of \(name)",
          task["baseline"]?.double.map { "\(name) baseline \(Format.general($0))" }
        ))
      found.append(
        ("materials.file of \(name)", task["sha256"]?.string.map { "\(name) \(short($0))" }))
    }
    return found
  }

  // MARK: - Labels

  /// What files of one model each are about, with a label for each.
  static func ofModels(
    _ files: [ResultFile]
  ) throws(ReportError) -> (subjects: [ResultSubject], labels: [String]) {
    for file in files { _ = try file.fields.text("model") }
    let subjects = files.map { ResultSubject($0) }
    return (subjects, labels(subjects))
  }

  /// A label for each row: its title, by what it was computed where that is not the same in all and,
  /// where those are alike, the settings in which the rows differ; the last resort is a number.
  static func labels(_ subjects: [ResultSubject]) -> [String] {
    let names = ResultArithmetic.differing(subjects.map(\.arithmetic))
    let titles = subjects.map { subject in
      ([subject.title] + subject.arithmetic.words(names)).joined(separator: " · ")
    }
    return labels(titles, by: subjects.map(\.settings))
  }

  /// The same of any titles, by what may tell them apart.
  static func labels(_ titles: [String], by details: [[(key: String, text: String)]]) -> [String] {
    var labels = titles
    var used = titles.map { _ in Set<String>() }
    func detail(_ row: Int, _ key: String) -> String? {
      details[row].first { $0.key == key }?.text
    }
    while true {
      var changed = false
      for rows in Dictionary(grouping: labels.indices, by: { labels[$0] }).values
      where rows.count > 1 {
        let keys = OrderedSet(rows.flatMap { details[$0].map(\.key) })
        let telling = keys.first { key in
          !used[rows[0]].contains(key) && Set(rows.map { detail($0, key) }).count > 1
        }
        guard let telling else { continue }
        for row in rows {
          used[row].insert(telling)
          if let text = detail(row, telling) { labels[row] += " · \(text)" }
        }
        changed = true
      }
      if !changed { break }
    }
    return Labels.distinct(labels.map { [$0] })
  }

  /// Labels without the model's name where it is the same in all, for places that are narrow.
  static func short(_ labels: [String]) -> [String] {
    let parts = labels.map { $0.split(separator: " · ", maxSplits: 1).map(String.init) }
    guard labels.count > 1, let name = parts[0].first,
      parts.allSatisfy({ $0.count == 2 && $0[0] == name })
    else { return labels }
    return parts.map { $0[1] }
  }

  /// What each result was made under, a row for each.
  static func conditions(_ subjects: [ResultSubject], _ labels: [String]) -> Table {
    // A column in which nothing is stated says nothing.
    let shown = conditionColumns.indices.filter { column in
      subjects.contains { $0.conditions[column] != "–" }
    }
    return Table(
      name: "Conditions", columns: [.text("result")] + shown.map { .text(conditionColumns[$0]) },
      rows: zip(subjects, labels).map { subject, label in
        [.text(label)] + shown.map { .text(subject.conditions[$0]) }
      })
  }
}
