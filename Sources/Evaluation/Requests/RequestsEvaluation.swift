import Base
import Checkpoints
import Inference
import OrderedCollections
import Rotary

/// Answers the requests of a harness, in their order: equal ones are computed once, and so is what
/// several begin with in common.
package struct RequestsEvaluation {
  /// The most tokens that the model sees; nil: as many as it was trained for.
  package var context: Int?
  package var rotary: RotaryRequest
  package var options: RunOptions

  package init(
    context: Int? = nil, rotary: RotaryRequest = .asStored, options: RunOptions = RunOptions()
  ) {
    self.context = context
    self.rotary = rotary
    self.options = options
  }

  /// A request as token ids.
  private enum Work {
    /// Continuations whose likelihoods are added up.
    case scored([Completion], cut: Int)
    case generated(prompt: [Int32], cut: Int, until: [String], maximum: Int)

    /// Tokens of all sequences.
    var tokens: Int {
      switch self {
      case .scored(let completions, _): completions.reduce(0) { $0 + $1.tokens.count }
      case .generated(let prompt, _, _, let maximum): prompt.count + maximum
      }
    }

    /// Tokens whose likelihoods are asked for.
    var scored: Int {
      guard case .scored(let completions, _) = self else { return 0 }
      return completions.reduce(0) { $0 + $1.answer.count }
    }
  }

  /// Answers all requests of a file.
  /// - Parameters:
  ///   - model: the model.
  ///   - file: the requests.
  ///   - onLengths: called before the work with the tokens of the longest sequence, and with how many
  ///     requests are cut at their beginning.
  ///   - progress: called with the share done and the number of requests answered.
  /// - Returns: the answers.
  /// - Throws: `EvaluationError.setting` for a context that makes no sense, `.request` for a request
  ///   that cannot be answered, before any work is done.
  package func run(
    _ model: Model, on file: RequestFile, onLengths: (_ longest: Int, _ cut: Int) -> Void,
    progress: (Double, Int) -> Void = { _, _ in }
  ) throws -> RequestsResult {
    let works = try works(model, file)
    let units = UnitRun(
      kind: RequestsResult.self, models: [model], labels: ["model": .string(model.checkpoint.path)],
      unitCount: file.requests.count, options: options,
      expected: ExpectedUnits { unit in
        let work = works[file.first[unit]]
        return RequestsResult.facts(
          file.requests[unit].kind, cut: Self.cut(work), scored: work.scored)
      }
    ) { try identity(model, on: file) }
    let lengths = works.map(Self.length)
    onLengths(lengths.max() ?? 0, file.first.count { Self.cut(works[$0]) > 0 })
    var answers: [Int: JSONValue] = [:]
    var total = 1
    var done = 0
    let record = try units.run { left in
      total = max(Set(left.map { file.first[$0] }).reduce(0) { $0 + works[$1].tokens }, 1)
      return try batches(left, file, works, model)
    } evaluate: { batch, finished in
      // Those of a state file answer equal ones too.
      if answers.isEmpty {
        for unit in finished { answers[file.first[unit.index]] = unit.values }
      }
      let asked = Array(OrderedSet(batch.map { file.first[$0] })).filter { answers[$0] == nil }
      let tokens = asked.reduce(0) { $0 + works[$1].tokens }
      let (values, computed) = try answer(asked.map { works[$0] }, file, asked, model) { share in
        progress((Double(done) + share * Double(tokens)) / Double(total), finished.count)
      }
      for (request, value) in zip(asked, values) { answers[request] = value }
      done += tokens
      return UnitRun.Evaluated(
        values: batch.compactMap { answers[file.first[$0]] },
        tokens: batch.reduce(0) { $0 + works[file.first[$1]].tokens }, computed: computed)
    }
    return try RequestsResult(record, file: file.name)
  }

  /// What the result is of, computed without answering anything.
  package func identity(_ model: Model, on file: RequestFile) throws -> EvaluationIdentity {
    let length = try length(model)
    let tokenizer = try model.tokenizer()
    var settings: OrderedDictionary<String, JSONValue> = [
      "ctx": JSONValue(length), "prompts": JSONValue(HarnessTokens.version),
    ]
    if file.requests.contains(where: { $0.kind == .generateUntil }) {
      settings["stops"] = Settings.json(Array(try tokenizer.ends(of: model.checkpoint)))
    }
    return EvaluationIdentity(
      of: RequestsResult.self,
      models: [
        try model.identity(
          rotary: model.plan.rotary.applying(rotary, length: length), length: length,
          tokenizer: tokenizer)
      ], settings: settings,
      materials: [
        "requests_sha256": .string(file.hash),
        "types_sha256": .string(RequestsResult.digest(ofTypes: file.requests.map(\.kind))),
      ], options: options,
      units: file.requests.count)
  }

  /// Tokens that a model can be asked to see.
  package static let contexts = 2...(1 << 40)

  /// The tokens that the model sees.
  private func length(_ model: Model) throws(EvaluationError) -> Int {
    let length = context ?? model.plan.shape.context
    guard Self.contexts.contains(length) else {
      throw .setting(.context, problem: "is \(length), expected a number from 2 to 2^40")
    }
    return length
  }

  // MARK: - Tokens

  /// The work of each request; equal ones have none but the first.
  private func works(_ model: Model, _ file: RequestFile) throws -> [Work] {
    let tokens = try HarnessTokens(model.tokenizer(), context: length(model))
    let text = file.sample
    TokenizerNotes.tell(
      of: text, named: file.name,
      as: try tokens.tokenizer.encode(
        text, addSpecial: false, parseSpecial: false, threads: options.threads),
      by: tokens.tokenizer)
    return try file.requests.enumerated().map { index, request in
      guard file.first[index] == index else { return .scored([], cut: 0) }
      do {
        switch request {
        case .logLikelihood(let context, let continuation):
          let scored = try tokens.scored(context: context, continuation: continuation)
          return .scored([scored.completion], cut: scored.cut)
        case .rollingLogLikelihood(let text):
          return .scored(try tokens.windows(of: text), cut: 0)
        case .generateUntil(let context, let until, let maximum):
          let prompt = try tokens.prompt(context, maximum: maximum)
          return .generated(
            prompt: prompt.tokens, cut: prompt.cut, until: until, maximum: maximum)
        }
      } catch EvaluationError.usage(let problem) {
        throw EvaluationError.request(
          file: file.name, line: file.lines[index], problem: problem)
      }
    }
  }

  /// Tokens of a work's longest sequence.
  private static func length(_ work: Work) -> Int {
    switch work {
    case .scored(let completions, _): completions.map { $0.tokens.count - 1 }.max() ?? 0
    case .generated(let prompt, _, _, let maximum): prompt.count + maximum
    }
  }

  private static func cut(_ work: Work) -> Int {
    switch work {
    case .scored(_, let cut), .generated(_, let cut, _, _): cut
    }
  }

  // MARK: - Batches

  /// Units that are answered together: those that begin alike side by side, equal ones in one batch.
  private func batches(
    _ left: [Int], _ file: RequestFile, _ works: [Work], _ model: Model
  ) throws -> [[Int]] {
    let units = Dictionary(grouping: left) { file.first[$0] }
    var scored: [(request: Int, tokens: [Int32])] = []
    var generated: [(request: Int, length: Int)] = []
    for request in units.keys.sorted() {
      switch works[request] {
      case .scored(let completions, _): scored.append((request, completions.first?.tokens ?? []))
      case .generated: generated.append((request, Self.length(works[request])))
      }
    }
    scored.sort { $0.tokens.lexicographicallyPrecedes($1.tokens) }
    generated.sort { ($0.length, $0.request) < ($1.length, $1.request) }
    func batches(_ requests: [Int], _ limit: (Int) throws -> Int) rethrows -> [[Int]] {
      var batches: [[Int]] = []
      var batch: [Int] = []
      var longest = 0
      for request in requests {
        longest = max(longest, Self.length(works[request]))
        if !batch.isEmpty, batch.count + 1 > (try limit(longest)) {
          batches.append(batch)
          batch = []
          longest = Self.length(works[request])
        }
        batch.append(request)
      }
      return batch.isEmpty ? batches : batches + [batch]
    }
    let all =
      try batches(scored.map(\.request)) { try options.batch(for: [model.plan], context: $0) }
      + batches(generated.map(\.request)) { try options.growing(model.plan, length: $0) }
    return all.map { $0.flatMap { units[$0] ?? [] } }
  }

  // MARK: - Answers

  /// The answers of a batch, and how many tokens were computed for them.
  private func answer(
    _ works: [Work], _ file: RequestFile, _ requests: [Int], _ model: Model,
    progress: (Double) -> Void
  ) throws -> (values: [JSONValue], computed: Int) {
    var asked: [Completion] = []
    for case .scored(let completions, _) in works { asked += completions }
    let (scores, scoredTokens) = try score(asked, model, progress: progress)
    let (texts, writtenTokens) = try generate(works, model, progress: progress)
    var (nextScore, nextText) = (0, 0)
    let values = zip(works, requests).map { work, request in
      let kind = file.requests[request].kind
      switch work {
      case .scored(let completions, let cut):
        let own = scores[nextScore..<(nextScore + completions.count)]
        nextScore += completions.count
        return RequestsResult.Answer(
          kind: kind, tokens: own.reduce(0) { $0 + $1.tokens }, cut: cut,
          logLikelihood: -own.reduce(0) { $0 + $1.negativeLogLikelihood },
          isGreedy: own.allSatisfy(\.isGreedy), text: ""
        ).json
      case .generated(_, let cut, _, _):
        let (text, tokens) = texts[nextText]
        nextText += 1
        return RequestsResult.Answer(
          kind: kind, tokens: tokens, cut: cut, logLikelihood: 0, isGreedy: true, text: text
        ).json
      }
    }
    return (values, scoredTokens + writtenTokens)
  }

  /// Scores of continuations, no more of them in a pass than a batch may have.
  private func score(
    _ completions: [Completion], _ model: Model, progress: (Double) -> Void
  ) throws -> (scores: [CompletionScore], computed: Int) {
    let longest = completions.map(\.tokens.count).max() ?? 0
    var scores: [CompletionScore] = []
    var computed = 0
    let passes = Array(completions.indices).batches(
      of: try options.batch(for: [model.plan], context: longest))
    for pass in passes {
      let (own, tokens) = try CompletionScorer(
        model: model, rotary: rotary, options: options, passesLast: false
      ).score(pass.map { completions[$0] }) { share in
        progress((Double(pass[0]) + share * Double(pass.count)) / Double(completions.count))
      }
      scores += own
      computed += tokens
    }
    return (scores, computed)
  }

  private func generate(
    _ works: [Work], _ model: Model, progress: (Double) -> Void
  ) throws -> (texts: [(String, Int)], computed: Int) {
    let tokenizer = try model.tokenizer()
    var prompts: [[Int32]] = []
    var maxima: [Int] = []
    var growing: [GrowingText] = []
    for case .generated(let prompt, _, let until, let maximum) in works {
      prompts.append(prompt)
      maxima.append(maximum)
      growing.append(GrowingText(tokenizer, stops: until))
    }
    guard !prompts.isEmpty else { return ([], 0) }
    let longest = Double(maxima.max() ?? 1)
    let ends = try tokenizer.ends(of: model.checkpoint)
    // The harness ends a text after one of these, before the text of EOS, and shows no control tokens.
    let shown = Set(ends.filter { $0 != tokenizer.namedEOS && !tokenizer.isControl($0) })
    let tokens = try TokenGenerator(
      ForwardPass(plan: model.plan, as: rotary, threads: options.threads),
      stops: Set(ends).subtracting(shown)
    ).generate(prompts, maxima: maxima) { index, found in
      guard let last = found.last else { return false }
      growing[index].append(last)
      return growing[index].isStopped || shown.contains(last)
    } onStep: {
      progress(Double($0) / longest)
    }
    let texts = zip(growing, tokens).map { growing, tokens in
      // The space that such a tokenizer puts before a text is none of the text's own.
      let text = String(decoding: growing.bytes, as: UTF8.self)
      return (
        tokenizer.addsSpacePrefix && text.first == " " ? String(text.dropFirst()) : text,
        tokens.count
      )
    }
    return (texts, prompts.reduce(0) { $0 + $1.count } + tokens.reduce(0) { $0 + $1.count })
  }
}
