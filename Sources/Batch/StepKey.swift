import Base
import Checkpoints
import Evaluation
import Foundation
import Tensors

/// What a step's result depends on: its command, the contents of every file it reads, the program.
struct StepKey {
  /// The command, an argument a line.
  let command: String
  /// The program and a digest and path for every file that is read.
  let inputs: String

  var text: String { command + "\n" + inputs }

  /// Nil where an input cannot be read twice or not at all: such a step is never kept.
  /// - Parameters:
  ///   - step: whose key it is.
  ///   - version: the program's.
  ///   - folder: the folder of results, which may lie in a folder that is read.
  init?(_ step: Step, version: String, leaving folder: String) {
    command = step.arguments.map { $0 + "\n" }.joined()
    var lines = ["program \(version)"]
    // The instruction set decides which arithmetic is chosen where none is asked for.
    if let isa = EnvironmentVariable.instructionSet.value { lines.append("isa \(isa)") }
    for name in Libraries.variables {
      if let value = ProcessInfo.processInfo.environment[name] { lines.append("\(name) \(value)") }
    }
    if let digest = FormatResources.chosenDigest { lines.append("formats \(digest)") }
    var read = step.inputs
    if !step.has(["architectures"]), let folder = EnvironmentVariable.architectures.value,
      folder != ""
    {
      read.append(.init(path: folder, role: .data, key: "architectures"))
    }
    var seen: Set<String> = []
    for input in read {
      guard let files = InputFiles(leaving: folder).all(of: input) else { return nil }
      for file in files where seen.insert(file).inserted {
        guard let digest = DigestMemory.standard.hexadecimal(ofFileAt: file) else { return nil }
        lines.append("input \(digest) \(file)")
      }
    }
    inputs = lines.map { $0 + "\n" }.joined()
  }
}

/// The files that an operand or option stands for: a model's shards and companions, a folder's
/// members.
private struct InputFiles {
  /// The folder of results, which may lie in a folder that is read.
  let leaving: String

  init(leaving folder: String) { leaving = Self.standardized(folder) }

  private static func standardized(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// Nil where something is missing or is neither a file nor a folder.
  func all(of input: Step.Input) -> [String]? {
    guard let stamp = FileStamp(path: input.path) else { return nil }
    if stamp.isFolder {
      var entered: Set<String> = []
      return members(of: input.path, &entered)
    }
    guard stamp.isRegular else { return nil }
    switch input.role {
    case .data: return [input.path]
    case .model:
      return ModelFolder.inputPaths(of: input.path)
        .filter { FileStamp(path: $0)?.isRegular == true }
    case .template:
      guard let json = try? JSONValue.read(contentsOf: input.path) else { return nil }
      guard let path = try? NeedleTemplate.haystack(of: json, file: input.path) else {
        return [input.path]
      }
      return all(of: .init(path: path, role: .data, key: "haystack")).map { [input.path] + $0 }
    }
  }

  /// All files of a folder and of folders in it, but for the results.
  private func members(of folder: String, _ entered: inout Set<String>) -> [String]? {
    let real = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    guard Self.standardized(folder) != leaving, entered.insert(real).inserted else { return [] }
    guard let names = folderNames(folder) else { return nil }
    var files: [String] = []
    for name in names {
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      // A link that leads nowhere and a socket hold nothing to read.
      guard let stamp = FileStamp(path: path) else { continue }
      if stamp.isFolder {
        guard let inner = members(of: path, &entered) else { return nil }
        files += inner
      } else if stamp.isRegular {
        files.append(path)
      }
    }
    return files
  }
}
