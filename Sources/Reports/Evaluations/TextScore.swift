import Base
import Evaluation
import Foundation

/// A perplexity of a result file: of one model on one text at one length.
struct TextScore {
  let subject: ResultSubject
  let sites: String
  let context: Int
  let perplexity: Estimate
  /// In nats per target.
  let nll: Double
  /// Not a number where the result does not state it.
  let bitsPerByte: Estimate
  let chunks: [PairedDifference.Chunk]
  let chunkCount: Int?
  let scored: Int?
  /// How many of the text's last bytes its targets stand for, where every token but the first is one;
  /// nil where they are parts of the text, which are others for other tokens, or it is not stated.
  private let scoredEnd: Double?
  /// What two have in common that scored the same tokens as the same targets of the same chunks.
  let targets: [String]
  /// What a summary groups it by: the text, how it was cut into chunks, which targets of them are
  /// scored, and the shard.
  let scope: ResultScope
  /// What names the result; empty where it states none.
  let key: String

  /// - Parameters:
  ///   - json: the result, or a point of a curve.
  ///   - fields: its fields.
  ///   - subject: what was scored.
  ///   - file: the file of the result.
  ///   - sites: those of a point that has its own.
  /// - Throws: `ReportError` for a field that is missing or of another kind.
  init(
    _ json: JSONValue, _ fields: ResultFields, of subject: ResultSubject, in file: ResultFile,
    sites: String? = nil
  ) throws(ReportError) {
    self.subject = subject
    self.sites = sites ?? fields.sites
    context = try fields.integer("ctx")
    perplexity = Estimate(
      value: try fields.number("ppl"), error: try fields.optionalNumber("ppl_stderr"))
    nll = try fields.optionalNumber("nll")
    bitsPerByte = Estimate(
      value: try fields.optionalNumber("bits_per_byte"),
      error: try fields.optionalNumber("bits_per_byte_stderr"))
    let counts = Self.counts(json)
    var chunks: [PairedDifference.Chunk] = []
    for chunk in fields.has("per_chunk") ? try fields.objects("per_chunk") : [] {
      let index = try chunk.integer("chunk")
      let stated = try chunk.optionalNumber("scored")
      let scored = stated > 0 ? stated : counts[index] ?? 1
      chunks.append(
        .init(index: index, scored: scored, sum: try chunk.number("nll") * scored))
    }
    self.chunks = chunks.sorted { $0.index < $1.index }
    chunkCount =
      fields.has("chunks")
      ? try fields.integer("chunks") : fields.has("per_chunk") ? chunks.count : nil
    scored = fields.has("scored") ? try fields.integer("scored") : nil
    let identity = json["identity"] ?? .null
    let bytes = try fields.optionalNumber("scored_bytes")
    let isWhole = scored != nil && scored == identity["text"]?["tokens"]?.int.map { $0 &- 1 }
    scoredEnd = isWhole && bytes.isFinite ? bytes : nil
    let shard = ResultScope.shard(json)
    // A ratio is of the same chunks, or it is none.
    let places =
      chunks.isEmpty
      ? scored.map { "\($0)" } ?? ""
      : self.chunks.map { "\($0.index) \($0.scored)" }.joined(separator: ",")
    let cut: String
    if let text = identity["text"], !text.isNull, let settings = identity["settings"] {
      cut = settings.serialized(pretty: false)
      targets = [text.serialized(pretty: false), cut, shard ?? "", places]
    } else {
      // A result of before says less: then its text's name, its length and which targets.
      let text = fields.optionalText("text_sha256", "text") ?? file.json["text"]?.string
      cut = "\(fields.optionalText("score") ?? "") \(context)"
      targets = [text ?? "", cut, shard ?? "", places]
    }
    let hash = fields.optionalText("text_sha256") ?? file.json["text_sha256"]?.string
    var details: [(key: String, text: String)] = [("ctx", "ctx \(context)")]
    details += subject.settings.filter { $0.key == "text" }
    if let hash { details.append(("text hash", "text sha256 \(hash.prefix(8))")) }
    for setting in identity["settings"]?.members ?? [] where setting.key != "ctx" {
      let label = Statement.label(setting.key, setting.value)
      let value = setting.value.serialized(pretty: false)
      details.append(("settings.\(setting.key)", label ?? "\(setting.key) \(value)"))
    }
    // Of one text other vocabularies have other tokens.
    if let ids = identity["text"]?["sha256"]?.string {
      details.append(("tokens", "tokens sha256 \(ids.prefix(8))"))
    }
    scope = ResultScope(
      identity: [hash ?? subject.facts.first ?? "", cut, shard ?? ""], shard: shard,
      details: details)
    key = json["key"]?.string ?? ""
  }

  /// How many targets each chunk has, of a result that keeps its units.
  private static func counts(_ json: JSONValue) -> [Int: Double] {
    var counts: [Int: Double] = [:]
    for unit in json["units"]?.array ?? [] {
      if let index = unit["unit"]?.int, let scored = unit["values"]?["scored"]?.double, scored > 0 {
        counts[index] = scored
      }
    }
    return counts
  }

  /// Whether the targets stand for the same bytes of the text as another's: only then bits per byte
  /// compare.
  func scoresBytes(of other: TextScore) -> Bool {
    targets == other.targets || scoredEnd != nil && scoredEnd == other.scoredEnd
  }

  /// The change of perplexity from another in percent, with the paired error where chunks are stated; nil
  /// where the two did not score the same targets of the same chunks.
  func change(from base: TextScore) -> Estimate? {
    guard targets == base.targets, base.perplexity.value > 0, perplexity.value.isFinite else {
      return nil
    }
    let ratio = perplexity.value / base.perplexity.value
    let paired = PairedDifference(from: base.chunks, to: chunks)
    return Estimate(value: 100 * (ratio - 1), error: paired?.percent.error ?? .nan)
  }

  /// That change over the first chunks, at the chunk that each ends with.
  func running(from base: TextScore) -> [LineChart.Point] {
    guard targets == base.targets else { return [] }
    return zip(chunks, PairedDifference.running(from: base.chunks, to: chunks)).map {
      LineChart.Point(x: Double($0.index), y: $1.value, error: $1.error)
    }
  }
}

extension PairedDifference.Chunk {
  /// In nats per target.
  var mean: Double { sum / scored }
}
