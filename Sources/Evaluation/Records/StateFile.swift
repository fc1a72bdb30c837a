import Checkpoints
import Foundation
import OrderedCollections

/// Finished units of evaluations, appended to a file as they are done: one JSON object a line, on
/// disk before the next unit begins. One file may hold several evaluations; each finds its own.
public final class StateFile {
  private let path: String
  private let handle: FileHandle
  /// How every line begins.
  private static let beginning = #"{"evaluation":""#
  private var known: [String: [Int: JSONValue]] = [:]

  /// Opens or creates a state file. A last line cut short by a kill is dropped.
  /// - Throws: `EvaluationError.state` where the file is none of ours, in use or not writable.
  public init(_ path: String) throws(EvaluationError) {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .state(file: path, problem: String(cString: strerror(errno)))
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw .state(file: path, problem: "another ropeconv is writing to it")
    }
    let bytes: [UInt8]
    do { bytes = Array(try handle.readToEnd() ?? Data()) } catch {
      throw .state(file: path, problem: "cannot be read")
    }
    let whole = (bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    try load(Array(bytes[..<whole]))
    // Only what a kill left of a line of ours is dropped, never the end of somebody's text.
    let rest = bytes[whole...]
    guard zip(rest, Self.beginning.utf8).allSatisfy({ $0 == $1 }) else {
      throw .state(file: path, problem: "its last line is no finished unit")
    }
    guard ftruncate(descriptor, off_t(whole)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw .state(file: path, problem: String(cString: strerror(errno)))
    }
  }

  private func load(_ bytes: [UInt8]) throws(EvaluationError) {
    for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
      guard let json = try? JSONValue.parse(Array(line), file: path),
        let key = json["evaluation"]?.string, let unit = json["unit"]?.int,
        let values = json["values"]
      else { throw .state(file: path, problem: "line \(number + 1) is no finished unit") }
      known[key, default: [:]][unit] = values
    }
  }

  /// Finished units of an evaluation.
  func units(of evaluation: String) -> [Int: JSONValue] { known[evaluation] ?? [:] }

  /// Appends finished units and waits until they are on disk.
  func append(_ units: [EvaluationRecord.Unit], of evaluation: String) throws(EvaluationError) {
    var text = ""
    for unit in units {
      let line: JSONValue = .object([
        "evaluation": .string(evaluation), "unit": .integer(Int64(unit.index)),
        "values": unit.values,
      ])
      text += line.serialized(pretty: false) + "\n"
      known[evaluation, default: [:]][unit.index] = unit.values
    }
    do {
      try handle.write(contentsOf: Data(text.utf8))
      try handle.synchronize()
    } catch {
      throw .state(file: path, problem: "cannot be written: \(error.localizedDescription)")
    }
  }
}
