import Base
import Checkpoints
import OrderedCollections

extension RulerResult {
  /// A task that could not be evaluated, at one length or at all of them.
  package struct LeftOut: Sendable, Equatable, SettingValue {
    package let task: RulerTask
    /// Nil: at every length.
    package let length: Int?
    package let reason: String
    /// Tokens that the task needs, where the length is too short.
    let needed: Int?

    package init(task: RulerTask, length: Int?, reason: String) {
      self.task = task
      self.length = length
      self.reason = reason
      needed = nil
    }

    init(task: RulerTask, length: Int, needed: Int) {
      self.task = task
      self.length = length
      self.needed = needed
      reason = "it needs at least \(needed) tokens"
    }

    func covers(_ task: RulerTask, _ length: Int) -> Bool {
      self.task == task && (self.length ?? length) == length
    }

    /// A line for each reason, with its tasks.
    package static func lines(_ parts: [LeftOut]) -> [String] {
      var groups: OrderedDictionary<String, [String]> = [:]
      for part in parts {
        let place = part.length.map { " at \($0)" } ?? ""
        groups[part.reason, default: []].append(part.task.rawValue + place)
      }
      return groups.map { "\($1.joined(separator: ", ")): \($0)" }
    }

    var setting: JSONValue { json }

    package var json: JSONValue {
      [
        "task": .string(task.rawValue), "length": length.map { JSONValue($0) } ?? .null,
        "reason": .string(reason),
      ]
    }

    init?(_ json: JSONValue) {
      guard let name = json["task"]?.string, let task = RulerTask(rawValue: name),
        let reason = json["reason"]?.string
      else { return nil }
      self.init(task: task, length: json["length"]?.int, reason: reason)
    }
  }

  static let leftOutKey = "left_out"

  /// What of `all` was left out, as its settings have it: the numbers of units follow from it.
  package var leftOut: [LeftOut] {
    record.settings[Self.leftOutKey]?.array?.compactMap(LeftOut.init) ?? []
  }
}

extension RulerResult {
  /// The samples of the tasks at each length, but for those left out.
  package static func expected(
    of identity: OrderedDictionary<String, JSONValue>
  ) -> ExpectedUnits? {
    guard let settings = identity["settings"], let lengths = settings["lengths"]?.array,
      let samples = settings["samples"]?.int, samples > 0,
      let mode = settings["mode"]?.string.flatMap(RulerEvaluation.Mode.init),
      let names = settings["tasks"]?.array, names.count <= RulerTask.allCases.count
    else { return nil }
    // Those at every length are under 0.
    var leftOut: [RulerTask: Set<Int>] = [:]
    for part in settings[leftOutKey]?.array?.compactMap(LeftOut.init) ?? [] {
      leftOut[part.task, default: []].insert(part.length ?? 0)
    }
    var cells: [(task: RulerTask, length: Int)] = []
    for task in names.compactMap({ $0.string.flatMap(RulerTask.init) }) {
      let without = leftOut[task] ?? []
      guard !without.contains(0) else { continue }
      for length in lengths.compactMap(\.int) where !without.contains(length) {
        cells.append((task: task, length: length))
      }
    }
    return ExpectedUnits { [cells] unit in
      guard unit / samples < cells.count else { return ["length": 0] }
      let cell = cells[unit / samples]
      return Place(task: cell.task, length: cell.length, index: unit % samples).facts(mode)
    }
  }
}

extension RulerGenerator {
  /// Of some tasks those that cannot be made at some lengths, and why.
  package func leftOut(
    _ tasks: [RulerTask], lengths: [Int], samples: Int
  ) throws -> [RulerResult.LeftOut] {
    var found: [RulerResult.LeftOut] = []
    for task in tasks {
      if let missing = missing(task, samples: samples) {
        found.append(.init(task: task, length: nil, reason: missing))
        continue
      }
      for length in lengths.sorted() {
        if let needed = try needed(task, length: length, samples: samples) {
          found.append(.init(task: task, length: length, needed: needed))
        }
      }
    }
    return found
  }

  /// The text that a task needs and this generator does not have.
  private func missing(_ task: RulerTask, samples: Int) -> String? {
    // These words belong to the identity of results, and stay as they are: a state file is known by
    // them.
    func lack(_ questions: RulerQuestions?, _ option: String) -> String? {
      guard let count = questions?.questions.count else { return "no \(option)" }
      return count < samples ? "\(option) has \(count) questions for \(samples) samples" : nil
    }
    switch task {
    case .questions1: return lack(squad, "--squad")
    case .questions2: return lack(hotpot, "--hotpot")
    default: return task.haystack == .essay && essay == nil ? "no --essays" : nil
    }
  }

  /// Tokens that the samples of a task need, where that is more than the length.
  private func needed(_ task: RulerTask, length: Int, samples: Int) throws -> Int? {
    var needed = try shortest(task, length: length, index: 0)
    // Shortest prompts of a task are of nearly one size, but for those of real paragraphs: the
    // others are looked at where it can matter.
    if task.haystack == .paragraphs || 2 * needed > length {
      for index in 0..<samples {
        needed = max(needed, try shortest(task, length: length, index: index))
      }
    }
    return needed > length ? needed : nil
  }

  /// Tokens of a sample's shortest prompt with the answer.
  private func shortest(_ task: RulerTask, length: Int, index: Int) throws -> Int {
    let draft = try draft(task: task, length: length, index: index)
    return try tokens(of: draft.prompt(draft.units.lowerBound)) + task.maximumNewTokens
  }
}
