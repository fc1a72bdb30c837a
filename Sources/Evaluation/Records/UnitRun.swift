import Base
import Checkpoints
import Inference
import Models
import OrderedCollections
import Tensors

/// What every evaluation is run with.
public struct RunOptions {
  /// The part of the evaluation to run.
  public var shard: Shard
  /// Where finished units are kept; a later run continues from there.
  package var state: StateFile?
  /// Threads to work with.
  public var threads: Int
  /// Units in flight; nil: chosen by the evaluation. Never changes a digit.
  public var batch: Int?
  /// Bytes of memory that the units in flight must fit into, where `batch` is nil.
  public var memory: Int?
  /// How matrix products are computed.
  public var arithmetic: Arithmetic
  /// How layers of decay attention are computed, on which the last digits depend; nil: as the model's
  /// files say, where an evaluation scores windows.
  package var form: MixerForm?

  /// Options with at least one thread.
  package init(
    shard: Shard = .whole, state: StateFile? = nil, threads: Int = 1, batch: Int? = nil,
    memory: Int? = nil, arithmetic: Arithmetic = .float32
  ) {
    self.shard = shard
    self.state = state
    self.threads = max(threads, 1)
    self.batch = batch
    self.memory = memory
    self.arithmetic = arithmetic
  }

  /// Tokens in flight where nothing else is asked for.
  static let tokensInFlight = 16_384

  /// The same with a form of decay attention.
  func with(form: MixerForm) -> RunOptions {
    var options = self
    options.form = form
    return options
  }

  /// How many units are in flight at a time.
  /// - Parameters:
  ///   - plans: the models whose activations are in memory together.
  ///   - context: tokens of a unit.
  ///   - tokens: in flight where nothing else is asked for.
  /// - Returns: `batch` where it is set, else what suits the memory or the tokens.
  /// - Throws: `EvaluationError.setting` where the memory asked for does not suffice for one unit.
  func batch(
    for plans: [ModelPlan], context: Int, tokens: Int = tokensInFlight
  ) throws(EvaluationError) -> Int {
    if let batch { return batch }
    let usual = max(tokens / max(context, 1), 1)
    guard let memory else { return usual }
    let estimates = plans.map { MemoryEstimate(plan: $0, arithmetic: arithmetic, threads: threads) }
    // The models take their turns; only their streams are there at the same time.
    let fixed = estimates.map(\.fixedBytes).max() ?? 0
    let unit = estimates.reduce(0) { $0 + $1.bytesPerToken * max(context, 1) + $1.bytesPerSequence }
    guard fixed + unit <= memory else {
      throw .setting(
        .memory,
        problem: "is \(Self.size(memory)), but a chunk or trial of \(context) tokens takes about"
          + " \((fixed + unit) >> 20) MiB")
    }
    return (memory - fixed) / unit
  }

  /// A size in the largest unit that it is a whole number of, as it is given.
  private static func size(_ bytes: Int) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
    where bytes > 0 && bytes & ((1 << shift) - 1) == 0 {
      return "\(bytes >> shift) \(unit)"
    }
    return "\(bytes) bytes"
  }

  /// How many sequences grow side by side to a length: where nothing else is asked for, at most 2 GB
  /// of keys and values.
  func growing(_ plan: ModelPlan, length: Int) throws(EvaluationError) -> Int {
    let tokens = try batch(for: [plan], context: length)
    guard batch == nil else { return tokens }
    let bytes =
      TokenGenerator.bytesPerToken(plan) * max(length, 1) + TokenGenerator.bytesPerSequence(plan)
    return max(min(tokens, 2_000_000_000 / max(bytes, 1)), 1)
  }
}

/// The loop of every evaluation: units of the shard that are not yet in the state file, batch by
/// batch.
struct UnitRun {
  /// What the units are of.
  let kind: any EvaluationResult.Type
  /// The models evaluated, in the order of the identity's.
  let models: [Model]
  let labels: OrderedDictionary<String, JSONValue>
  let unitCount: Int
  let options: RunOptions
  /// What is known of the units that the identity does not say.
  var expected: ExpectedUnits?
  /// Waits for the models' hashes: made before the work only where a state file asks for it, or an
  /// archive states sums.
  let identity: () throws -> EvaluationIdentity

  /// What a batch gave.
  struct Evaluated {
    /// The values of each unit.
    let values: [JSONValue]
    /// Tokens of all sequences.
    let tokens: Int
    /// Those that went through the model: fewer where sequences begin alike.
    let computed: Int

    init(values: [JSONValue], tokens: Int, computed: Int? = nil) {
      self.values = values
      self.tokens = tokens
      self.computed = computed ?? tokens
    }
  }

  /// - Parameters:
  ///   - batches: cuts units into batches.
  ///   - evaluate: what a batch gives.
  /// - Returns: the record of all units of the shard, those from the state file included.
  /// - Throws: what `identity` and `evaluate` throw, errors of the state file, and `EvaluationError.record`
  ///   for a model that gives a token more nats than anything is said of.
  func run(
    batches: ([Int]) throws -> [[Int]],
    evaluate: ([Int], _ finished: [EvaluationRecord.Unit]) throws -> Evaluated
  ) throws -> EvaluationRecord {
    let clock = ContinuousClock()
    let began = clock.now
    if options.threads > 1 { for model in models { model.digest.begin() } }
    // What an archive states of its weights is compared before work that could be for nothing: the
    // same pass over them, made earlier.
    let isEarly = options.state != nil || models.contains { $0.checkpoint.statesSums }
    var stated: EvaluationIdentity?
    if isEarly { stated = try LongPhase.run("hashing the weights") { try identity() } }
    let own = (0..<unitCount).filter(options.shard.contains)
    let known = try stated.flatMap { try options.state?.units(of: $0, as: expected) } ?? [:]
    var units = own.compactMap { index in
      known[index].map { EvaluationRecord.Unit(index: index, values: $0) }
    }
    options.state?.tellStart(known: units.count, of: own.count)
    options.state?.tellProgress(units.count, of: own.count)
    tell(units.count, of: own.count, tokens: 0, [])
    defer { SignalHandling.setStopLine(nil) }
    var (tokens, computed) = (0, 0)
    // With a state the first units are on disk soon, and the later ones no more than seconds apart.
    var size = options.state == nil || options.batch != nil ? Int.max : 1
    for batch in try batches(own.filter { known[$0] == nil }) {
      var rest = batch[...]
      while !rest.isEmpty {
        let part = Array(rest.prefix(size))
        rest = rest.dropFirst(part.count)
        let start = clock.now
        let evaluated = try evaluate(part, units)
        let finished = zip(part, evaluated.values).map {
          EvaluationRecord.Unit(index: $0, values: $1)
        }
        try checkNumbers(finished)
        // What was scored by other weights is not kept.
        try checkModels()
        if let stated { try options.state?.append(finished, of: stated) }
        units += finished
        tokens += evaluated.tokens
        computed += evaluated.computed
        options.state?.tellProgress(units.count, of: own.count)
        tell(units.count, of: own.count, tokens: tokens, finished)
        if part.count == size, clock.now - start < .seconds(5) { size *= 2 }
      }
    }
    let final = try LongPhase.run("hashing the weights") { try stated ?? identity() }
    // Their hashes are read beside the work, or after it.
    try checkModels()
    let descriptions = zip(models, final.fields["models"]?.array ?? []).map {
      ModelDescription($0, identity: $1).json
    }
    var labels = labels
    labels["models"] = .array(descriptions)
    return EvaluationRecord(
      identity: final, labels: labels, unitCount: unitCount, shard: options.shard,
      units: units, seconds: (clock.now - began) / .seconds(1), evaluatedTokens: tokens,
      computedTokens: computed)
  }
}

extension UnitRun {
  private func tell(
    _ finished: Int, of total: Int, tokens: Int, _ new: [EvaluationRecord.Unit]
  ) {
    UnitProgress(
      models: models.map(\.name), finished: finished, total: total, tokens: tokens, new: new
    ).tell()
  }

  /// - Throws: `EvaluationError.record`, which names the models, for numbers that are finite and say nothing.
  private func checkNumbers(_ units: [EvaluationRecord.Unit]) throws(EvaluationError) {
    guard let unit = units.first(where: { !kind.isWithinBounds($0) }) else { return }
    throw .record(
      file: models.map(\.checkpoint.path).joined(separator: " and "),
      problem: (models.count == 1 ? "the model gives" : "one of the models gives")
        + " more than \(kind.mostNatsInWords) nats to a token in unit \(unit.index)")
  }

  /// - Throws: `InputFault.changedWhileRead`.
  private func checkModels() throws {
    for model in models { try model.checkpoint.checkUnchanged() }
  }
}

extension [Int] {
  /// Runs of at most `size` elements.
  func batches(of size: Int) -> [[Int]] {
    stride(from: 0, to: count, by: Swift.max(size, 1)).map {
      Array(self[$0..<Swift.min($0 + Swift.max(size, 1), count)])
    }
  }
}
