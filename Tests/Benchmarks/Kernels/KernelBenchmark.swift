import ArgumentParser
import Foundation
import Tensors

/// Every kernel in the instruction set that `ROPECONV_ISA` allows, all threads at once on data of
/// their own, beside what the processor can do at most. Prints JSON.
@main
struct KernelBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernel-bench", abstract: "Speed of the kernels, one by one.")

  enum Group: String, CaseIterable, ExpressibleByArgument {
    case peaks, decode, encode, rows, products

    func measure(_ stopwatch: Stopwatch) -> [Measured] {
      switch self {
      case .peaks: processorPeaks(stopwatch)
      case .decode: decoding(stopwatch)
      case .encode: encoding(stopwatch)
      case .rows: rowKernels(stopwatch)
      case .products: matrixProducts(stopwatch)
      }
    }
  }

  @Option(help: "Threads that work at the same time.")
  var threads = 2

  @Option(help: "Seconds for each kernel.")
  var seconds = 0.15

  @Option(parsing: .upToNextOption, help: "The groups to measure.")
  var only = Group.allCases

  func validate() throws {
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is 1 to 1024") }
    guard seconds > 0, seconds <= 60 else {
      throw ValidationError("--seconds is above 0, up to 60")
    }
  }

  func run() throws {
    let stopwatch = Stopwatch(threads: threads, seconds: seconds)
    let results = Group.allCases.filter(only.contains).flatMap { $0.measure(stopwatch) }
    let report = Report(
      isa: InstructionSet.current, threads: threads,
      libraries: Dictionary(uniqueKeysWithValues: Libraries.versions), results: results)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(report), as: UTF8.self))
  }
}

private struct Report: Encodable {
  let isa: String
  let threads: Int
  let libraries: [String: String]
  let results: [Measured]
}
