import Base
import Foundation
import Testing

/// Writing all bytes: what a signal interrupts goes on, what takes no byte ends.
@Suite struct WholeWriteTests {
  private let bytes = Array("all of it".utf8)

  /// The error's number, and what then is in a file.
  private struct Outcome: Equatable {
    let number: Int32
    let found: String
  }

  private func write(
    over before: String, at offset: Int? = nil, faults: WriteFaults? = nil
  ) throws -> Outcome {
    let folder = try ScratchFolder()
    let path = try folder.add("file", before)
    let descriptor = open(path, O_WRONLY)
    defer { close(descriptor) }
    let number = WriteFaults.$current.withValue(faults) {
      bytes.withUnsafeBytes { writeAll($0, to: descriptor, at: offset) }
    }
    return Outcome(
      number: number, found: String(decoding: try folder.bytes("file"), as: UTF8.self))
  }

  @Test func whole() throws {
    #expect(try write(over: "") == Outcome(number: 0, found: "all of it"))
    #expect(
      try write(over: "0123456789ab", at: 2) == Outcome(number: 0, found: "01all of itb"))
  }

  @Test(arguments: [nil, 0] as [Int?]) func faults(offset: Int?) throws {
    let interrupted = WriteFaults(failing: 0, with: EINTR)
    #expect(
      try write(over: "", at: offset, faults: interrupted) == Outcome(number: 0, found: "all of it")
    )
    #expect(interrupted.operations == 2)
    let failed = WriteFaults(failing: 0, with: EIO)
    #expect(try write(over: "", at: offset, faults: failed) == Outcome(number: EIO, found: ""))
    // A call that takes no byte, for ever.
    let full = WriteFaults(failing: 0, with: 0, persists: true)
    #expect(try write(over: "", at: offset, faults: full) == Outcome(number: ENOSPC, found: ""))
    #expect(full.operations == 1)
  }

  /// A pipe that nobody reads yet, and that somebody made not wait.
  @Test func waitsForAPipe() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
    let sent = [UInt8](repeating: 7, count: 1 << 20)
    let (reading, writing) = (ends[0], ends[1])
    let thread = Thread {
      _ = sent.withUnsafeBytes { writeAll($0, to: writing) }
      close(writing)
    }
    thread.start()
    let found = try FileHandle(fileDescriptor: reading, closeOnDealloc: true).readToEnd()
    #expect(found.map { [UInt8]($0) } == sent)
  }
}
