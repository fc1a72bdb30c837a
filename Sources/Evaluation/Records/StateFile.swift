import Base
import Checkpoints
import Foundation
import OrderedCollections
import Synchronization

/// Finished units of evaluations, appended to a file as they are done, each on disk before the next
/// batch begins. One file may hold several evaluations; each finds its own.
///
/// The first line says what the file is. Before the first unit of an evaluation stands a line with
/// its whole identity; a unit's line names it by its key, the hash of that identity.
package final class StateFile {
  let path: String
  private let handle: FileHandle
  private var evaluations: [String: Evaluation] = [:]
  private var isEmpty = true
  /// The file is new and nothing is in it yet: it goes with this object, or with the process.
  private var isUnused = false
  private var lineCount = 0

  private struct Evaluation {
    let result: any EvaluationResult.Type
    let unitCount: Int
    let expected: ExpectedUnits?
    var units: [Int: Stored] = [:]

    init(_ result: any EvaluationResult.Type, _ identity: EvaluationIdentity, unitCount: Int) {
      self.result = result
      self.unitCount = unitCount
      expected = result.expected(of: identity.fields)
    }
  }

  /// A unit and the line that it stands in.
  private struct Stored {
    let values: JSONValue
    let line: Int
  }

  /// Grows when lines change their meaning.
  static let version = 2
  private static let header = #"{"ropeconv_state":2}"#
  private static let headerName = #"{"ropeconv_state""#
  /// How every other line begins.
  private static let beginning = #"{"evaluation":""#

  /// Opens or creates a state file. A last line cut short by a kill is dropped. One that was created
  /// is removed again where nothing is added to it.
  /// - Throws: `EvaluationError.state` where the file is not one of ours, in use or not writable: it
  ///   is left as it is; `.stateLine` for a line that cannot be what an evaluation wrote.
  package init(_ path: String) throws(EvaluationError) {
    self.path = path
    // Without O_NONBLOCK, opening a pipe would wait for its other end.
    let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK
    var descriptor = open(path, flags | O_EXCL, 0o644)
    let isNew = descriptor >= 0
    if descriptor < 0, errno == EEXIST { descriptor = open(path, flags, 0o644) }
    guard descriptor >= 0 else {
      let reason = String(cString: strerror(errno))
      let folder = Paths.folder(of: path)
      throw .state(
        file: path,
        problem: FileStamp(path: folder) == nil ? "there is no folder \(quoted(folder))" : reason)
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .state(file: path, problem: "it is not a regular file")
    }
    // One that ended may have removed its unused file since this one opened it.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, let own = FileStamp(descriptor: descriptor),
      FileStamp(path: path)?.isSameFile(as: own) == true
    else { throw .state(file: path, problem: "another ropeconv is writing to it") }
    // Another one may have locked a file that this one made: then it is the other's.
    isUnused = isNew && own.size == 0
    let bytes = try Self.contents(of: descriptor, count: own.size, path)
    let feed = UInt8(ascii: "\n")
    let whole = (bytes.lastIndex(of: feed) ?? -1) + 1
    let first = bytes.firstIndex(of: feed).map { bytes[..<$0] }
    // Only what a kill left of a line of ours is dropped, never the end of somebody's text.
    let rest = bytes[whole...]
    let isCut =
      first == nil
      ? rest.isEmpty
        || rest.count >= Self.headerName.utf8.count
          && Self.header.utf8.starts(with: rest)
      : zip(rest, Self.beginning.utf8).allSatisfy { $0 == $1 }
    guard first.map(Self.isHeader) ?? isCut else {
      let isOld = (first ?? rest).starts(with: Self.beginning.utf8)
      throw .state(
        file: path,
        problem: isOld
          ? "it is of an older ropeconv, whose units do not say what they were made with:"
            + " give another file, or remove it"
          : "it is not a state file of ropeconv, and stays as it is")
    }
    guard isCut else {
      throw .stateLine(
        file: path, line: bytes.count { $0 == feed } + 1,
        problem: "not a line of a state file, and cut short")
    }
    var (start, number) = (0, 0)
    while let end = bytes[start..<whole].firstIndex(of: feed) {
      number += 1
      if number > 1 { try load(Array(bytes[start..<end]), number: number) }
      start = end + 1
    }
    guard ftruncate(descriptor, off_t(whole)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw .state(file: path, problem: String(cString: strerror(errno)))
    }
    isEmpty = first == nil
    lineCount = number
    if isUnused { TemporaryRegistry.register(path) }
  }

  deinit { endUnused(removing: true) }

  private func endUnused(removing isRemoved: Bool) {
    guard isUnused else { return }
    isUnused = false
    if isRemoved, let own = FileStamp(descriptor: handle.fileDescriptor),
      FileStamp(path: path)?.isSameFile(as: own) == true
    {
      unlink(path)
    }
    TemporaryRegistry.unregister(path)
  }

  /// The most bytes that are read.
  private static let byteLimit = 1 << 30

  /// All bytes of a file that begins as a state file does; of another one the first alone.
  private static func contents(
    of descriptor: Int32, count: Int, _ path: String
  ) throws(EvaluationError) -> [UInt8] {
    func read(_ count: Int) throws(EvaluationError) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      var found = 0
      while found < count {
        let size = bytes.withUnsafeMutableBytes { buffer in
          pread(
            descriptor, buffer.baseAddress.map { $0 + found }, count - found, off_t(found))
        }
        if size > 0 { found += size } else if size == 0 || errno != EINTR { break }
      }
      guard found == count else { throw .state(file: path, problem: "cannot be read") }
      return bytes
    }
    let start = try read(min(count, header.utf8.count + 1))
    guard count > start.count, start.elementsEqual((header + "\n").utf8) else { return start }
    guard count <= byteLimit else {
      throw .state(
        file: path, problem: "it has \(count) bytes, at most \(byteLimit) are read")
    }
    return try read(count)
  }

  private static func isHeader(_ line: ArraySlice<UInt8>) -> Bool {
    line.elementsEqual(header.utf8)
  }

  private func load(_ line: [UInt8], number: Int) throws(EvaluationError) {
    func refused(_ problem: String) -> EvaluationError {
      .stateLine(file: path, line: number, problem: problem)
    }
    guard let json = try? JSONValue.parse(line, file: path), let key = json["evaluation"]?.string
    else { throw refused("neither an evaluation's identity nor a finished unit") }
    if let identity = json["identity"]?.object {
      guard let result = identity["kind"]?.string.flatMap(Evaluations.named),
        let count = json["units_total"]?.int, count >= 0, identity["units"]?.int == count
      else { throw refused("not the identity of an evaluation known here") }
      guard EvaluationIdentity(fields: identity).key == key else {
        throw refused("the identity is not the one that its key was made of")
      }
      if evaluations[key] == nil {
        evaluations[key] = Evaluation(
          result, EvaluationIdentity(fields: identity), unitCount: count)
      }
      return
    }
    guard let unit = json["unit"]?.int, let values = json["values"] else {
      throw refused("neither an evaluation's identity nor a finished unit")
    }
    guard let evaluation = evaluations[key] else {
      throw refused("a unit of an evaluation whose identity does not stand before it")
    }
    guard (0..<evaluation.unitCount).contains(unit) else {
      throw refused("unit \(unit), expected one from 0 to \(evaluation.unitCount - 1)")
    }
    let read = EvaluationRecord.Unit(index: unit, values: values)
    if let fault = evaluation.result.fault(of: read, in: evaluation.expected) {
      throw refused("unit \(unit) \(fault)")
    }
    guard evaluation.units[unit]?.values ?? values == values else {
      throw refused("unit \(unit) stands in the file before, with other values")
    }
    evaluations[key]?.units[unit] = Stored(values: values, line: number)
  }

  /// Finished units of an evaluation.
  /// - Parameters:
  ///   - evaluation: what it is of.
  ///   - expected: what is known of its units that the identity does not say.
  /// - Returns: the values of each, by its number.
  /// - Throws: `EvaluationError.stateLine` for a unit that is not what is expected.
  func units(
    of evaluation: EvaluationIdentity, as expected: ExpectedUnits?
  ) throws(EvaluationError) -> [Int: JSONValue] {
    guard let found = evaluations[evaluation.key] else { return [:] }
    for (number, unit) in found.units.sorted(by: { $0.value.line < $1.value.line }) {
      let read = EvaluationRecord.Unit(index: number, values: unit.values)
      if let fault = found.result.fault(of: read, in: expected) {
        throw .stateLine(file: path, line: unit.line, problem: "unit \(number) \(fault)")
      }
    }
    return found.units.mapValues(\.values)
  }

  /// Appends finished units and waits until they are on disk.
  func append(
    _ units: [EvaluationRecord.Unit], of identity: EvaluationIdentity
  ) throws(EvaluationError) {
    let key = identity.key
    endUnused(removing: false)
    var text = ""
    func add(_ line: String) {
      text += line + "\n"
      lineCount += 1
    }
    if isEmpty { add(Self.header) }
    if evaluations[key] == nil {
      guard let result = identity.fields["kind"]?.string.flatMap(Evaluations.named),
        let count = identity.fields["units"]?.int
      else { throw .state(file: path, problem: "an evaluation without a kind") }
      evaluations[key] = Evaluation(result, identity, unitCount: count)
      let line: JSONValue = .object([
        "evaluation": .string(key), "identity": .object(identity.fields),
        "units_total": JSONValue(count),
      ])
      add(line.serialized(pretty: false))
    }
    for unit in units {
      let line: JSONValue = .object([
        "evaluation": .string(key), "unit": JSONValue(unit.index), "values": unit.values,
      ])
      add(line.serialized(pretty: false))
      evaluations[key]?.units[unit.index] = Stored(values: unit.values, line: lineCount)
    }
    let number = write(text)
    guard number == 0 else { throw .stateNotWritten(file: path, reason: errorText(number)) }
    isEmpty = false
  }

  /// Writes a text to the disk.
  /// - Returns: the system's number of what went wrong; 0: nothing.
  private func write(_ text: String) -> Int32 {
    let descriptor = handle.fileDescriptor
    let number = Array(text.utf8).withUnsafeBytes { writeAll($0, to: descriptor) }
    return number == 0 ? uninterrupted { fsync(descriptor) } : number
  }

  // MARK: - What is told

  private static let observer = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// Tells where a run goes on, in a line; a run that a signal stops then says how far it got.
  package static func observe(_ tell: @escaping @Sendable (String) -> Void) {
    observer.withLock { $0 = tell }
  }

  /// Says where a run begins, where some units are known.
  func tellStart(known: Int, of total: Int) {
    guard known > 0, let tell = Self.observer.withLock({ $0 }) else { return }
    tell(
      known == total
        ? "all \(total) units are in \(path)"
        : "\(known) of \(total) units are in \(path), going on with the other \(total - known)")
  }

  /// What a signal that stops the run says from now on.
  func tellProgress(_ finished: Int, of total: Int) {
    guard Self.observer.withLock({ $0 != nil }) else { return }
    // A moving progress line is not written over.
    let begin = isatty(2) == 1 ? "\n" : ""
    SignalHandling.setStopLine(
      "\(begin)ropeconv: stopped: \(finished) of \(total) units are in \(printable(path)); the"
        + " same command goes on from there\n")
  }
}
