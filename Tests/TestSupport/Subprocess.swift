import Foundation

/// A finished program: its exit status and what it printed.
public struct Finished: Sendable {
  public let status: Int32
  public let output: String
  public let errors: String
}

/// Runs a program to its end.
public func runProgram(
  _ path: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
) throws -> Finished {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: path)
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let folder = try References.temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  // Files rather than pipes: a pipe that nobody drains stops a program that prints much.
  for name in ["in", "out", "err"] {
    _ = FileManager.default.createFile(
      atPath: "\(folder)/\(name)", contents: name == "in" ? Data(input.utf8) : Data())
  }
  process.standardInput = FileHandle(forReadingAtPath: "\(folder)/in")
  process.standardOutput = FileHandle(forWritingAtPath: "\(folder)/out")
  process.standardError = FileHandle(forWritingAtPath: "\(folder)/err")
  try process.run()
  process.waitUntilExit()
  func read(_ name: String) -> String {
    String(
      decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
  }
  return Finished(status: process.terminationStatus, output: read("out"), errors: read("err"))
}
