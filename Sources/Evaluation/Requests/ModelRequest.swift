import Base
import Checkpoints

/// What a harness asks of a model: the three requests of lm-evaluation-harness.
package enum ModelRequest: Sendable {
  /// The likelihood of a text after another one, and whether greedy decoding writes it.
  case logLikelihood(context: String, continuation: String)
  /// The likelihood of a whole text, however long it is.
  case rollingLogLikelihood(text: String)
  /// What greedy decoding writes after a text, up to the first of some texts.
  case generateUntil(context: String, until: [String], maximum: Int)

  package enum Kind: String, Sendable, CaseIterable {
    case logLikelihood = "loglikelihood"
    case rollingLogLikelihood = "loglikelihood_rolling"
    case generateUntil = "generate_until"
  }

  package var kind: Kind {
    switch self {
    case .logLikelihood: .logLikelihood
    case .rollingLogLikelihood: .rollingLogLikelihood
    case .generateUntil: .generateUntil
    }
  }

  /// What tells it from others, byte by byte: equal texts of other code points have other tokens.
  fileprivate var key: [[UInt8]] {
    let texts =
      switch self {
      case .logLikelihood(let context, let continuation): [context, continuation]
      case .rollingLogLikelihood(let text): [text]
      case .generateUntil(let context, let until, let maximum): ["\(maximum)", context] + until
      }
    return ([kind.rawValue] + texts).map { Array($0.utf8) }
  }

  /// The most tokens that are generated where a request does not say: the harness's number.
  static let usualMaximum = 256

  /// Reads a request; what is wrong with it as the error's text.
  fileprivate init(_ json: JSONValue) throws(Problem) {
    guard let fields = json.object else { throw Problem("is not a JSON object") }
    let names = Kind.allCases.map(\.rawValue)
    guard let kind = fields["type"]?.string.flatMap(Kind.init) else {
      throw Problem("expected \"type\": one of \(names.joined(separator: ", "))")
    }
    func text(_ key: String) throws(Problem) -> String {
      guard let text = fields[key]?.string else {
        throw Problem("expected \"\(key)\": a text, of \(kind.rawValue)")
      }
      return text
    }
    var known: Set = ["type"]
    switch kind {
    case .logLikelihood:
      known.formUnion(["context", "continuation"])
      self = .logLikelihood(context: try text("context"), continuation: try text("continuation"))
    case .rollingLogLikelihood:
      known.insert("text")
      self = .rollingLogLikelihood(text: try text("text"))
    case .generateUntil:
      known.formUnion(["context", "until", "max_tokens", "temperature"])
      let until = fields["until"] ?? .array([])
      let stops = until.string.map { [$0] } ?? until.array?.compactMap(\.string)
      guard let stops, stops.count == until.array?.count ?? 1 else {
        throw Problem("expected \"until\": a text or a list of texts")
      }
      let maximum = fields["max_tokens"] ?? JSONValue(Self.usualMaximum)
      guard let maximum = maximum.int, (1...1_000_000).contains(maximum) else {
        throw Problem("expected \"max_tokens\": a number from 1 to 1000000")
      }
      guard fields["temperature"].map({ $0.double == 0 }) ?? true else {
        throw Problem("expected \"temperature\": 0, for greedy decoding")
      }
      self = .generateUntil(context: try text("context"), until: stops, maximum: maximum)
    }
    if let other = fields.keys.first(where: { !known.contains($0) }) {
      throw Problem("\"\(other)\" is not a field of \(kind.rawValue)")
    }
  }

  fileprivate struct Problem: Error {
    let text: String

    init(_ text: String) { self.text = text }
  }
}

/// The requests of a file, one JSON object a line.
package struct RequestFile: Sendable {
  /// What messages call it.
  package let name: String
  package let requests: [ModelRequest]
  /// The line of each request, from 1: empty lines are none.
  let lines: [Int]
  /// Of each request the first one that asks the same.
  let first: [Int]
  /// Identity of the requests.
  let hash: String

  /// - Parameter path: the file; `-` is standard input.
  /// - Throws: `EvaluationError.request` naming the line that is not what it should be, and what
  ///   opening the file throws.
  package init(path: String) throws {
    let file = try InputFile(path, .lines)
    name = path
    var requests: [ModelRequest] = []
    var lines: [Int] = []
    var places: [[[UInt8]]: Int] = [:]
    var first: [Int] = []
    try file.forEachLine(
      refused: { EvaluationError.request(file: path, line: $0, problem: $1) }
    ) { (number, line) throws(EvaluationError) in
      guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return }
      let json: JSONValue
      do throws(FileError) { json = try JSONValue.parse(line, file: path) } catch {
        throw EvaluationError.request(
          file: path, line: number, problem: error.tooManyValues ?? "is not JSON")
      }
      let request: ModelRequest
      do throws(ModelRequest.Problem) { request = try ModelRequest(json) } catch {
        throw EvaluationError.request(file: path, line: number, problem: error.text)
      }
      let place = places[request.key] ?? requests.count
      places[request.key] = place
      first.append(place)
      requests.append(request)
      lines.append(number)
    }
    guard !requests.isEmpty else {
      throw EvaluationError.request(
        file: path, line: 1, problem: "expected at least one request")
    }
    self.requests = requests
    self.lines = lines
    self.first = first
    hash = file.sha256()
  }

  /// The texts of the requests, to see how well a vocabulary suits them.
  var sample: [UInt8] {
    Array(
      requests.map {
        switch $0 {
        case .logLikelihood(let context, let continuation): context + continuation
        case .rollingLogLikelihood(let text): text
        case .generateUntil(let context, _, _): context
        }
      }.joined(separator: "\n\n").utf8)
  }

  /// How many requests there are of each kind that there are some of.
  package var counts: [(kind: ModelRequest.Kind, count: Int)] {
    ModelRequest.Kind.allCases.compactMap { kind in
      let count = requests.count { $0.kind == kind }
      return count > 0 ? (kind, count) : nil
    }
  }
}
