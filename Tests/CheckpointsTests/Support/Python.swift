import Base
import Checkpoints
import Foundation
import TestSupport

/// The independent readers: Python scripts of the folder Golden.
enum Python {
  struct Failure: Error { let errors: String }

  /// What a script prints about a file, as JSON; nil, after saying so, without Python or a package
  /// it needs. Under `CI=true` that is an error.
  static func read(_ script: String, _ path: String) throws -> JSONValue? {
    let result = try runProgram(
      "/usr/bin/env", ["python3", References.file("Tests/CheckpointsTests/Golden/\(script)"), path])
    guard result.status == 0 else {
      let isMissing = result.status == 127 || result.errors.contains("ModuleNotFoundError")
      if isMissing, References.environment["CI"] != "true" {
        print("skipped: python3 or a package it needs is missing for \(script)")
        return nil
      }
      throw Failure(errors: result.errors)
    }
    return try JSONValue.parse(Array(result.output.utf8), file: script)
  }
}

/// Bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
