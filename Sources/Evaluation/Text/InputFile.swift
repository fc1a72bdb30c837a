import Base
import Foundation

/// What is read whole, by what it is.
package enum InputKind: Sendable {
  /// A text to tokenize.
  case text
  case tokenIDs
  /// Lines of JSON: requests of a harness, examples of a few-shot task.
  case lines
  /// JSON of a data set of questions.
  case questions
  /// A result's JSON.
  case result
  /// A table of numbers.
  case numbers
  /// A needle's template.
  case template
  /// A small table or a plan.
  case table

  /// The most bytes that are read. Beside a text its tokens lie in memory, 8 bytes each.
  package var byteLimit: Int {
    switch self {
    case .text: 4 << 30
    case .tokenIDs, .lines, .questions, .result, .numbers: JSONValue.byteLimit
    case .template: 1 << 20
    case .table: 4 << 20
    }
  }

  /// The most bytes of a pipe or a device, whose size nobody knows before its end.
  package var streamLimit: Int { min(byteLimit, 1 << 30) }
}

/// A file that is read whole: mapped, so that who looks at its beginning alone reads no more of it; or
/// what a pipe gave.
package struct InputFile: Sendable {
  /// What errors call it.
  package let path: String
  private let mapped: MappedFile?
  private let held: [UInt8]

  /// What a path is called in errors: `-` is standard input.
  package static func name(of path: String) -> String { path == "-" ? "standard input" : path }

  /// The most bytes of a line.
  package static let lineLimit = 64 << 20

  /// Opens a file, or reads a pipe, such as `<(zcat text.gz)`, to its end.
  /// - Parameters:
  ///   - path: the file; `-` is standard input.
  ///   - kind: what it is: a larger one is not read.
  ///   - isGiven: whether the user named it. What a file or a folder names must be a regular file: a
  ///     pipe there would be waited for without end.
  /// - Throws: `EvaluationError.unreadable`, also for a pipe that goes on beyond the limit,
  ///   `InputFault.tooLargeForMemory`, and `notRegularFile` for what the user did not name.
  package init(_ path: String, _ kind: InputKind, isGiven: Bool = true) throws {
    self.path = isGiven ? Self.name(of: path) : path
    guard isGiven else {
      mapped = try Self.limited(try MappedFile.open(path), kind)
      held = []
      return
    }
    let isStandard = path == "-"
    let handle: FileHandle? =
      isStandard ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
    func unreadable(_ problem: String) -> EvaluationError {
      .unreadable(file: Self.name(of: path), problem: problem)
    }
    let problem = isStandard ? "it cannot be read" : "the file cannot be read"
    guard let handle else {
      throw unreadable(FileManager.default.fileExists(atPath: path) ? problem : "no such file")
    }
    // Opened once: what a pipe gave is gone when it is closed.
    let stamp = FileStamp(descriptor: handle.fileDescriptor)
    if stamp?.isFolder == true {
      throw unreadable(isStandard ? problem : "is a folder, expected a file")
    }
    // Standard input may stand behind its beginning; files of the system say that they are empty.
    if !isStandard, stamp?.isRegular == true, stamp?.size ?? 0 > 0 {
      let copy = fcntl(handle.fileDescriptor, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw unreadable(problem) }
      mapped = try Self.limited(MappedFile.map(copy, path: path, isNamed: true), kind)
      held = []
      return
    }
    let limit = stamp?.isRegular == true ? kind.byteLimit : kind.streamLimit
    var bytes: [UInt8] = []
    while true {
      let data: Data?
      // A closed stream is an error to report: the other calls end the process.
      do { data = try handle.read(upToCount: 1 << 20) } catch { throw unreadable(problem) }
      guard let data, !data.isEmpty else { break }
      guard bytes.count + data.count <= limit else {
        throw unreadable("it goes on beyond \(limit) bytes")
      }
      bytes += data
    }
    mapped = nil
    held = bytes
  }

  private static func limited(
    _ file: MappedFile, _ kind: InputKind
  ) throws(FileError) -> MappedFile {
    guard file.size <= kind.byteLimit else {
      throw .input(
        .tooLargeForMemory(bytes: file.size, limit: kind.byteLimit), file: file.path)
    }
    return file
  }

  package var count: Int { mapped?.size ?? held.count }

  /// Calls `body` with the bytes, where they lie.
  package func withBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    if let mapped { return try mapped.withBytes(0..<mapped.size, body) }
    return try held.span.bytes.withUnsafeBytes(body)
  }

  /// The bytes in memory, once.
  /// - Throws: `InputFault.outOfMemory`.
  package func bytes() throws(FileError) -> [UInt8] {
    guard let mapped else { return held }
    // An array that finds no memory ends the process: whether there is some is asked for first.
    let length = mapped.size + 1
    guard
      let room = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      room != MAP_FAILED
    else { throw .input(.outOfMemory, file: path) }
    munmap(room, length)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(mapped.size)
    var start = 0
    while start < mapped.size {
      let end = min(start + 16 << 20, mapped.size)
      mapped.withBytes(start..<end) { bytes.append(contentsOf: $0) }
      mapped.advise(start..<end, .dontNeed)
      start = end
    }
    return bytes
  }

  /// The one JSON value that the file holds.
  package func json() throws(FileError) -> JSONValue {
    try withBytes { (bytes) throws(FileError) in try JSONValue.parse(bytes, file: path) }
  }

  /// Calls `body` with each line, without its end, and its number, from 1. What follows the last line
  /// feed is a line too where it is not empty.
  /// - Parameters:
  ///   - refused: the error for a line of more than `lineLimit` bytes.
  ///   - body: gets the lines.
  /// - Throws: that error, and what `body` throws.
  package func forEachLine<E: Error>(
    refused: (_ number: Int, _ problem: String) -> E,
    _ body: (_ number: Int, _ line: UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    try withBytes { (bytes) throws(E) in
      var (start, number) = (0, 0)
      while start < bytes.count {
        number += 1
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(Self.lineLimit + 1))
        let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.count
        guard end <= Self.lineLimit else {
          throw refused(number, "has more than \(Self.lineLimit) bytes")
        }
        try body(number, UnsafeRawBufferPointer(rebasing: rest[..<end]))
        start += end + 1
      }
    }
  }

  /// SHA-256 of the bytes.
  package func sha256() -> String { withBytes { SourceHash.sha256($0) } }
}
