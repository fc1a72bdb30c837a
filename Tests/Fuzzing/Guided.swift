import Base
import Foundation
import TestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Runs a surface under libFuzzer, which mutates bytes and keeps what reaches new code. The program must be
/// built with it, as `Tests/Checks/sanitized` does.
enum Guided {
  private typealias Driver =
    @convention(c) (
      UnsafeMutablePointer<Int32>,
      UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
      @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32

  /// What the function that libFuzzer calls finds its surface in; set once, before it is called.
  nonisolated(unsafe) private static var exercise: (([UInt8]) throws -> Void) = { _ in }

  /// - Parameters:
  ///   - corpus: the folder of inputs to begin with, to which libFuzzer adds; filled where it is empty.
  ///   - options: options of libFuzzer.
  /// - Returns: its exit status.
  static func run(
    _ surface: ByteSurface, in workplace: Workplace, corpus: String, options: [String]
  ) throws -> Int32 {
    guard let symbol = dlsym(nil, "LLVMFuzzerRunDriver") else {
      throw Contradiction(description: "the program is built without libFuzzer")
    }
    let files = FileManager.default
    try files.createDirectory(atPath: corpus, withIntermediateDirectories: true)
    if try files.contentsOfDirectory(atPath: corpus).isEmpty {
      for (number, seed) in try surface.seeds(workplace).enumerated() {
        try Data(seed).write(to: URL(fileURLWithPath: "\(corpus)/seed-\(number)"))
      }
    }
    exercise = { try surface.run(workplace, $0) }
    let driver = unsafeBitCast(symbol, to: Driver.self)
    var arguments = (["fuzz", corpus] + options).map { strdup($0) } + [nil]
    var count = Int32(arguments.count - 1)
    return arguments.withUnsafeMutableBufferPointer { buffer in
      guard var base = buffer.baseAddress else { return 1 }
      return driver(&count, &base) { bytes, count in
        Guided.answer(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
      }
    }
  }

  /// One input: an answer that is none of ours ends the program, and libFuzzer keeps the input.
  private static func answer(_ bytes: [UInt8]) {
    do {
      try exercise(bytes)
    } catch let error as any Diagnostic {
      if let fault = Fuzz.fault(of: error) { fatalError(fault) }
    } catch {
      fatalError("\(error)")
    }
  }
}
