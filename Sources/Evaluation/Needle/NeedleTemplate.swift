import Base
import Checkpoints
import Foundation

/// The texts of a needle test. `{key}` and `{value}` stand for what a trial draws.
package struct NeedleTemplate: Sendable, Equatable, SettingValue {
  /// The sentence that is hidden.
  package var needle = "One of the special magic numbers for {key} is: {value}."
  /// What is asked after the haystack.
  package var question =
    "What is the special magic number for {key} mentioned in the text above?"
  /// What the reply begins with, which stands behind the question after a space; in a chat it is
  /// the model's, the question the user's.
  package var begin = "The special magic number for {key} mentioned in the text above is:"
  /// What must follow, its leading space included, which is left out where a chat's reply begins
  /// with it.
  package var answer = " {value}"
  /// What trials are about.
  package var keys = Self.cities
  /// What `{value}` is drawn from.
  package var values = 1_000_000...9_999_999

  package init() {}

  /// Reads the fields of a JSON object: needle, question, begin, answer, keys, value_minimum and
  /// value_maximum, each of which may be missing. A question of the file's own has its own `begin`,
  /// nothing unless it is there.
  /// - Throws: `EvaluationError.template` for a field that is not what it should be.
  package init(_ json: JSONValue, file: String) throws {
    guard let object = json.object else {
      throw EvaluationError.template(file: file, problem: "expected a JSON object")
    }
    func text(_ key: String, _ fallback: String) throws -> String {
      guard let value = object[key] else { return fallback }
      guard let text = value.string else {
        throw EvaluationError.template(file: file, problem: "'\(key)' is not a string")
      }
      return text
    }
    needle = try text("needle", needle)
    begin = try text("begin", object["question"] == nil ? begin : "")
    question = try text("question", question)
    answer = try text("answer", answer)
    if let list = object["keys"] {
      keys = (list.array ?? []).compactMap(\.string)
      guard let count = list.array?.count, count == keys.count, count > 0 else {
        throw EvaluationError.template(file: file, problem: "'keys' is not a list of strings")
      }
    }
    let least = object["value_minimum"] ?? JSONValue(values.lowerBound)
    let most = object["value_maximum"] ?? JSONValue(values.upperBound)
    guard let least = least.int, let most = most.int, least <= most,
      // Half of all integers: their number must be one too.
      abs(least / 2) <= Int.max / 4, abs(most / 2) <= Int.max / 4
    else {
      throw EvaluationError.template(
        file: file, problem: "'value_minimum' and 'value_maximum' are no range of whole numbers")
    }
    values = least...most
    try check(file: file)
    try checkLength(file: file)
  }

  /// Where the haystack of a template lies: in the template's folder. A template may be a
  /// stranger's, and what it names could end up in prompts that are written out.
  /// - Parameters:
  ///   - json: the template.
  ///   - file: its path.
  /// - Returns: the haystack's path; nil where the template names none.
  /// - Throws: `EvaluationError.template` for a path or a link that leads out of the folder, also
  ///   of a text in a folder that is named.
  package static func haystack(
    of json: JSONValue, file: String
  ) throws(EvaluationError) -> String? {
    guard let value = json["haystack"] else { return nil }
    guard let name = value.string, !name.isEmpty, !name.contains("\0") else {
      throw .template(file: file, problem: "'haystack' is not the name of a file or folder")
    }
    let out = EvaluationError.template(
      file: file,
      problem: "'haystack' is \(quoted(name)), which leads out of the template's folder")
    guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else { throw out }
    let beside = URL(fileURLWithPath: file).deletingLastPathComponent()
    let (folder, path) = (beside.path, beside.appendingPathComponent(name).path)
    let own = Paths.resolved(folder)
    let texts = (folderNames(path) ?? []).filter(FolderMembers.texts.include)
      .map { "\(path)/\($0)" }
    for place in [path] + texts where FileStamp(linkItself: place) != nil {
      let target = Paths.resolved(place)
      guard target.hasPrefix(own == "/" ? own : own + "/") else { throw out }
    }
    return path
  }

  /// - Throws: `EvaluationError.template` for a needle or answer in which nothing is to be found.
  package func check(file: String) throws(EvaluationError) {
    guard needle.contains("{value}"), answer.contains("{value}") else {
      throw .template(file: file, problem: "needle and answer need {value} in them")
    }
  }

  /// Bytes that a text has at most with the longest key in it: a short template of many `{key}`
  /// could stand for any number.
  package static let mostBytes = 1 << 20

  /// - Throws: `EvaluationError.template` for a text that is too long once its key is filled in.
  package func checkLength(file: String) throws(EvaluationError) {
    let place = "{key}"
    let longest = keys.map(\.utf8.count).max() ?? 0
    for (name, text) in [
      ("needle", needle), ("question", question), ("begin", begin), ("answer", answer),
    ] {
      let places = text.ranges(of: place).count
      let bytes = text.utf8.count + places * (longest - place.utf8.count)
      guard bytes <= Self.mostBytes else {
        throw .template(
          file: file,
          problem: "'\(name)' with \(places) keys of \(longest) bytes filled in has \(bytes) bytes,"
            + " which is more than \(Self.mostBytes)")
      }
    }
  }

  func filled(_ text: String, key: String, value: Int) -> String {
    text.replacing("{key}", with: key).replacing("{value}", with: String(value))
  }

  /// Its texts; of the many keys their hash.
  var setting: JSONValue {
    [
      "needle": .string(needle), "question": .string(question), "begin": .string(begin),
      "answer": .string(answer),
      "value_minimum": JSONValue(values.lowerBound), "value_maximum": JSONValue(values.upperBound),
      "keys_sha256": .string(SourceHash.sha256(text: keys.joined(separator: "\n"))),
    ]
  }

  private static let cities = [
    "Amsterdam", "Athens", "Auckland", "Bangkok", "Barcelona", "Beirut", "Berlin", "Bogota",
    "Boston", "Brussels", "Budapest", "Cairo", "Calgary", "Casablanca", "Chicago", "Copenhagen",
    "Dakar", "Delhi", "Denver", "Dublin", "Edinburgh", "Florence", "Geneva", "Hamburg", "Hanoi",
    "Havana", "Helsinki", "Istanbul", "Jakarta", "Karachi", "Kyoto", "Lagos", "Lima", "Lisbon",
    "London", "Lyon", "Madrid", "Manila", "Melbourne", "Mexico City", "Milan", "Montreal",
    "Moscow", "Mumbai", "Munich", "Nairobi", "Naples", "Oslo", "Paris", "Porto", "Prague",
    "Quito", "Riga", "Rome", "Rotterdam", "Santiago", "Seattle", "Seoul", "Singapore", "Sofia",
    "Stockholm", "Sydney", "Tallinn", "Tokyo", "Toronto", "Tunis", "Turin", "Vienna", "Vilnius",
    "Warsaw", "Wellington", "Zagreb", "Zurich",
  ]
}
