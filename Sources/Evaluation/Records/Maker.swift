import Base
import Foundation
import OrderedCollections

/// The program that made a result, and when.
package struct Maker: Sendable, Equatable {
  /// `program` of the result's JSON.
  package let program: JSONValue
  package let date: Date

  /// This program, now.
  static var current: Maker { Maker(program: Program.description, date: Date()) }

  private init(program: JSONValue, date: Date) {
    self.program = program
    self.date = date
  }

  /// That of a result's JSON; nil where it states neither.
  /// - Throws: `EvaluationError.record` where only one is stated, or one is not what it should be.
  static func read(_ json: JSONValue, file: String) throws(EvaluationError) -> Maker? {
    let (program, date) = (json["program"], json["date"])
    if program == nil, date == nil { return nil }
    guard let program, isNamed(program) else {
      throw .record(file: file, problem: "'program' is not an object with name and version")
    }
    guard let text = date?.string, let read = try? Date(text, strategy: .iso8601) else {
      throw .record(file: file, problem: "'date' is not a date in ISO 8601")
    }
    return Maker(program: program, date: read)
  }

  /// `program` and `date` of a result's JSON.
  var json: OrderedDictionary<String, JSONValue> {
    ["program": program, "date": .string(date.ISO8601Format())]
  }

  /// Such as `ropeconv 0.1.0`.
  package var name: String { Self.words(program) }

  fileprivate static func isNamed(_ program: JSONValue) -> Bool {
    program["name"]?.string != nil && program["version"]?.string != nil
  }

  fileprivate static func words(_ program: JSONValue) -> String {
    "\(program["name"]?.string ?? "") \(program["version"]?.string ?? "")"
  }
}

/// Who made a result: one program, or those of the shards that it was put together from.
package struct Makers: Sendable, Equatable {
  /// The last one.
  package let last: Maker
  /// All programs, by their dates, where there are several.
  package let programs: [JSONValue]
  /// What put the shards together; nil of a result that was not merged.
  package let merger: Maker?

  /// Names and versions of all programs, by their dates.
  package var names: [String] { (programs.isEmpty ? [last.program] : programs).map(Maker.words) }

  init(_ maker: Maker) {
    last = maker
    programs = []
    merger = nil
  }

  /// Those of a result's JSON; nil where it states none.
  /// - Throws: `EvaluationError.record` for what cannot be them.
  init?(_ json: JSONValue, file: String) throws(EvaluationError) {
    guard let maker = try Maker.read(json, file: file) else { return nil }
    last = maker
    if let stated = json["programs"] {
      guard let list = stated.array, list.allSatisfy(Maker.isNamed) else {
        throw .record(
          file: file, problem: "'programs' is not a list of objects with name and version")
      }
      programs = list
    } else {
      programs = []
    }
    if let by = json["merged_by"] {
      guard let maker = try Maker.read(by, file: file) else {
        throw .record(file: file, problem: "'merged_by' is not an object with program and date")
      }
      merger = maker
    } else {
      merger = nil
    }
  }

  /// Those of a result that is merged now, in whatever order its parts stand.
  init?(merging parts: [Makers]) {
    let sorted = parts.sorted { one, other in
      if one.last.date != other.last.date { return one.last.date < other.last.date }
      return one.last.name < other.last.name
    }
    guard let last = sorted.last?.last else { return nil }
    self.last = last
    var all: [JSONValue] = []
    for program in sorted.flatMap({ $0.programs.isEmpty ? [$0.last.program] : $0.programs })
    where !all.contains(program) {
      all.append(program)
    }
    programs = all.count == 1 ? [] : all
    merger = .current
  }

  /// `program`, `date`, and of a merged result `programs` and `merged_by`.
  var json: OrderedDictionary<String, JSONValue> {
    var json = last.json
    if !programs.isEmpty { json["programs"] = .array(programs) }
    json["merged_by"] = merger.map { .object($0.json) }
    return json
  }
}
