import ArgumentParser
import Base
import Evaluation
import Foundation
import Tensors

/// Runs mutated inputs through the library, one after another in this process. `Tests/Checks/fuzz`
/// starts it, and starts it again after a case that ended it.
@main struct Fuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Mutated inputs: each must give a result or one of the library's own errors.",
    discussion: """
      A case is made from seed, surface and number alone, so --first N --count 1 repeats it.
      Example: fuzz gguf --seed 1 --first 0 --count 1000 --folder /tmp/fuzz
      """)

  @Argument(help: "What to mutate: \(Surface.all.map(\.name).joined(separator: ", ")).")
  var surface: String

  @Option var seed: UInt64 = 1
  @Option var first = 0
  @Option var count = 1000

  @Flag(help: "Print the error of every case.")
  var verbose = false

  @Option(help: "Where inputs and outputs of the cases go.")
  var folder: String

  @Option(help: "Mutates bytes under libFuzzer instead, from the inputs in this folder.")
  var guided: String?

  @Argument(parsing: .postTerminator, help: "Options of libFuzzer.")
  var options: [String] = []

  func run() throws {
    if let guided {
      guard let surface = ByteSurface.all.first(where: { $0.name == self.surface }) else {
        let names = ByteSurface.all.map(\.name).joined(separator: ", ")
        throw ValidationError("'\(self.surface)' is none of the guided surfaces: \(names)")
      }
      let status = try Guided.run(
        surface, in: Workplace(folder), corpus: guided, options: options)
      throw ExitCode(status)
    }
    guard let surface = Surface.all.first(where: { $0.name == self.surface }) else {
      throw ValidationError("'\(self.surface)' is none of the surfaces")
    }
    let workplace = try Workplace(folder)
    let exercise = try surface.prepare(workplace)
    var outcomes: [String: Int] = [:]
    for number in first..<(first + count) {
      print("case \(number)")
      fflush(nil)
      var random = SeededGenerator(seed: seed, task: surface.name, length: 0, index: number)
      let outcome: String
      do {
        try exercise(&random)
        outcome = "accepted"
      } catch let error as any Diagnostic {
        outcome = "\(error.exitStatus)"
        if verbose { print("\(error.file ?? ""): \(error.summary) (\(error.place ?? ""))") }
        if let fault = Self.fault(of: error) { print("fault \(number): \(fault)") }
      } catch {
        outcome = "fault"
        print("fault \(number): \(error)")
      }
      outcomes[outcome, default: 0] += 1
    }
    let counts = outcomes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    print("done \(counts.joined(separator: ", "))")
  }

  /// What is wrong with an error as an answer to a bad input.
  static func fault(of error: any Diagnostic) -> String? {
    // A state file that is not ours counts as one that cannot be created.
    guard [.malformedData, .usage, .noInput, .cannotCreate].contains(error.exitStatus) else {
      return "\(error.exitStatus): \(error.summary)"
    }
    if error.summary.isEmpty || error.summary.contains("Optional(") {
      return "says '\(error.summary)'"
    }
    return nil
  }
}

/// A result that contradicts another, where no error was thrown.
struct Contradiction: Error, CustomStringConvertible {
  let description: String
}
